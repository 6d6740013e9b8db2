/** What the paper in miniature trains: recipes/paper/plan.yaml, and the recipes that follow from it. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { PocketPhiError, present } from '../../src/base/errors.ts'
import type { DataRecipe } from '../../src/data/pipeline/recipe.ts'
import { checkedFields, parseYaml } from '../../src/data/yaml.ts'
import { checkedRecipe, fieldsSchema, type Recipe } from '../../src/train/recipe.ts'

export const paperFolder = fileURLToPath(new URL('../../recipes/paper/', import.meta.url))
export const usualPlan = join(paperFolder, 'plan.yaml')

const schedule = fieldsSchema.shape.schedule
/** What all sizes have in common. */
const shape = schedule.omit({ peak: true })
const phases = ['first', 'second'] as const
const { batch, optimizer, checkpoint, evaluation, model, data } = fieldsSchema.shape

const planSchema = z.strictObject({
  seeds: z.array(z.int()).min(1),
  tokenizer: z.strictObject({
    vocabulary: z.int().positive(),
    /** Documents of the corpus, and generated texts, that it is trained on. */
    documents: z.int().positive(),
    generated: z.int().positive(),
  }),
  /** What all models have in common, of config.json. */
  model,
  /** Models, with the greatest rate of their pre-training. */
  sizes: z.record(z.string(), z.strictObject({ peak: schedule.shape.peak, model })),
  training: z.strictObject({ batch, optimizer, checkpoint, evaluation }),
  phases: z.strictObject({ first: shape, second: shape }),
  arms: z.record(z.string(), z.strictObject({ first: data, second: data })),
  runs: z.record(z.string(), z.array(z.string()).min(1)),
  measures: z.strictObject({
    /** Of each running text. */
    tokens: z.int().positive(),
    /** Of each benchmark. */
    questions: z.int().positive(),
    /** Of the kinds of the frozen evaluation that have hundreds one question in so many; of requests all are put. */
    oneIn: z.int().positive(),
  }),
  alignment: z.strictObject({
    of: z.strictObject({ size: z.string(), arm: z.string() }),
    sft: schedule,
    dpo: schedule.extend({ questions: z.int().positive(), beta: z.number().positive() }),
  }),
})

export type Plan = z.infer<typeof planSchema>
export type Phase = (typeof phases)[number]

/** One model of the paper. */
export interface PaperRun {
  readonly size: string
  readonly arm: string
  readonly seed: number
}

export function readPlan(file = usualPlan): Plan {
  return checkedFields(planSchema, parseYaml(readFileSync(file, 'utf8'), file), file, 'plan')
}

/** The models of a plan: those of one seed after the other, small before large, so that what is there first can be looked at first. */
export function runsOf({ runs, seeds }: Plan): PaperRun[] {
  return seeds.flatMap((seed) =>
    Object.entries(runs).flatMap(([size, arms]) => arms.map((arm) => ({ size, arm, seed }))),
  )
}

export const nameOf = ({ size, arm, seed }: PaperRun): string => `${size}-${arm}-${seed}`

/** A short name for all that decides what is recorded of a model: of another plan, or other recipes of data, nothing is taken over. */
export function digestOf(plan: Plan, run: PaperRun, recipes: readonly DataRecipe[]): string {
  const trainings = [
    ...phases.map((phase) => phaseRecipe(plan, run, phase, '')),
    ...(isAligned(plan, run) ? [sftRecipe(plan, run, ''), dpoRecipe(plan, run, 'pairs.jsonl', '')] : []),
  ]
  const { tokenizer, measures } = plan
  const all = JSON.stringify([trainings, recipes, tokenizer, measures])
  return createHash('sha256').update(all).digest('hex').slice(0, 12)
}

/** Whether a model goes on to conversations and preferences. */
export function isAligned({ alignment }: Plan, { size, arm }: PaperRun): boolean {
  return alignment.of.size === size && alignment.of.arm === arm
}

/** Where things are in the working folder. */
export const places = {
  tokenizer: (work: string): string => join(work, 'tokenizer'),
  shards: (work: string, name: string): string => join(work, 'data', name),
  run: (work: string, name: string, stage: string): string => join(work, 'runs', name, stage),
} as const

/** The seed of a stream that no other seed of the plan has. */
function seedOf(base: number, seed: number): number {
  return base + 10_000 * seed
}

type Entries = Recipe['data']

function dataOf(entries: Entries, seed: number, work: string): Entries {
  return entries.map((entry) => {
    const own = { ...entry, seed: seedOf(entry.seed, seed) }
    return own.source === 'shards' ? { ...own, folder: places.shards(work, own.folder) } : own
  })
}

function sizeOf(plan: Plan, size: string): Plan['sizes'][string] {
  const own = plan.sizes[size]
  if (own !== undefined) return own
  throw new PocketPhiError('invalid-config', `The plan has no size "${size}".`, {
    expected: Object.keys(plan.sizes).join(', '),
  })
}

function modelOf(plan: Plan, size: string): Recipe['model'] {
  return { ...plan.model, ...sizeOf(plan, size).model }
}

/** The recipe of a phase of pre-training. The second starts from what the first has learned. @param name of the folder of the run */
export function phaseRecipe(plan: Plan, run: PaperRun, phase: Phase, work: string, name = nameOf(run)): Recipe {
  const { size, arm, seed } = run
  return checkedRecipe({
    name: `${name}-${phase}`.replaceAll('.', '-').toLowerCase(),
    description: `The ${phase} phase of ${name}.`,
    seed: seedOf(phases.indexOf(phase), seed),
    model: modelOf(plan, size),
    tokenizer: { folder: places.tokenizer(work) },
    ...(phase === 'first' ? {} : { initial: join(places.run(work, name, 'first'), 'final') }),
    data: dataOf(present(plan.arms[arm], arm)[phase], seed, work),
    ...plan.training,
    schedule: { ...plan.phases[phase], peak: sizeOf(plan, size).peak },
  })
}

/** Supervised tuning of a model: conversations of the world in their usual mixture. */
export function sftRecipe(plan: Plan, run: PaperRun, work: string, name = nameOf(run)): Recipe {
  return checkedRecipe({
    name: `${name}-sft`.replaceAll('.', '-').toLowerCase(),
    description: `${name}, tuned on conversations.`,
    seed: seedOf(2, run.seed),
    model: modelOf(plan, run.size),
    tokenizer: { folder: places.tokenizer(work) },
    initial: join(places.run(work, name, 'second'), 'final'),
    data: [{ source: 'world-conversations', weight: 1, seed: seedOf(21, run.seed) }],
    ...plan.training,
    schedule: plan.alignment.sft,
  })
}

/** Preferences for what the generator says over what the tuned model said. @param file the pairs */
export function dpoRecipe(plan: Plan, run: PaperRun, file: string, work: string, name = nameOf(run)): Recipe {
  const { questions: _, beta, ...own } = plan.alignment.dpo
  return checkedRecipe({
    name: `${name}-dpo`.replaceAll('.', '-').toLowerCase(),
    description: `${name}, tuned on conversations and then on preferences.`,
    seed: seedOf(3, run.seed),
    model: modelOf(plan, run.size),
    tokenizer: { folder: places.tokenizer(work) },
    initial: join(places.run(work, name, 'sft'), 'final'),
    objective: { kind: 'dpo', beta },
    data: [{ source: 'preferences', file, weight: 1, seed: seedOf(31, run.seed), heldOut: 0.1 }],
    ...plan.training,
    schedule: own,
  })
}
