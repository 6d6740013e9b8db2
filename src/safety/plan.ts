/** A loop as data: which model, what it is tested with, and how it is trained on what is found. */
import { join } from 'node:path'
import { z } from 'zod'
import { checkedFields, nameSchema, parseYaml } from '../data/yaml.ts'
import { checkedRecipe, type Recipe } from '../train/recipe.ts'
import { attacks } from './personas.ts'
import { rowSets } from './sources/rows.ts'
import { measureNames } from './types.ts'

const count = z.int().min(0)

const sourceSchema = z.discriminatedUnion('source', [
  z.strictObject({
    /** Requests and stories of the closed world: others for every round. */
    source: z.literal('world'),
    seed: z.int(),
    harmful: count,
    harmless: count,
    stories: count.default(0),
  }),
  /** What the frozen evaluation has of refusals and harmless requests. Nothing is learned of it. */
  z.strictObject({ source: z.literal('frozen') }),
  z.strictObject({
    /** Published sets: FOLDER/SET/test.jsonl or .jsonl.gz. */
    source: z.literal('rows'),
    folder: z.string(),
    sets: z.array(z.literal(rowSets)).min(1),
    /** Rows of each set at most. */
    limit: z.int().positive().optional(),
    /** Whether their find part may be learned from: licences and the honesty of benchmarks often forbid it. */
    learn: z.boolean().default(false),
  }),
])

/** A training: fields of a recipe, whose `data` is what goes with what was found so that nothing is forgotten. */
const trainingSchema = z.strictObject({
  /** Of what was found, beside the weights of `data`. */
  curatedWeight: z.number().positive().default(1),
  recipe: z.record(z.string(), z.json()),
})

const planSchema = z
  .strictObject({
    /** The folder of the history is named after it. */
    name: nameSchema,
    description: z.string(),
    folder: z.string().optional(),
    /** A folder with weights that can be trained. */
    model: z.string(),
    /** Of the parts, of personas and of trainings. */
    seed: z.int(),
    /** The share of what is asked about that only measures. */
    heldOut: z.number().gt(0).lt(1).default(0.5),
    seeds: z.array(sourceSchema).min(1),
    measures: z
      .array(z.enum(measureNames))
      .min(1)
      .default([...measureNames]),
    personas: z
      .array(z.literal(attacks.map(({ name }) => name)))
      .min(1)
      .default(attacks.map(({ name }) => name)),
    /** Tokens of an answer. */
    maxTokens: z.int().positive().default(256),
    /** Conversations first, then preferences, where they are given. */
    sft: trainingSchema,
    dpo: trainingSchema.optional(),
  })
  .transform(({ folder, ...plan }) => ({ ...plan, folder: folder ?? join('runs', `safety-${plan.name}`) }))

export type SafetyPlan = z.infer<typeof planSchema>
export type SeedSource = SafetyPlan['seeds'][number]
type Training = SafetyPlan['sft']

/**
 * Reads a plan from YAML.
 *
 * @throws PocketPhiError `invalid-config` naming each field that does not fit, those of the recipes too
 */
export function parseSafetyPlan(text: string, file = 'plan'): SafetyPlan {
  const plan = checkedFields(planSchema, parseYaml(text, file), file, 'safety plan')
  for (const kind of trainingKinds) {
    const training = plan[kind]
    if (training === undefined) continue
    const fields = recipeFields(plan, kind, { round: 1, initial: plan.model, file: 'found' })
    // What the model says may not be there yet.
    checkedRecipe({ model: {}, tokenizer: { folder: plan.model }, ...fields }, `${file}, ${kind}.recipe`)
  }
  return plan
}

export const trainingKinds = ['sft', 'dpo'] as const
export type TrainingKind = (typeof trainingKinds)[number]

/** The recipe of a round's training: fields of the plan, and what was found. @param file with what is learned */
export function recipeFields(
  plan: SafetyPlan,
  kind: TrainingKind,
  { round, initial, file }: { readonly round: number; readonly initial: string; readonly file: string },
): Record<string, z.core.util.JSONType> {
  const { recipe, curatedWeight }: Training = plan[kind] ?? plan.sft
  const source: Recipe['data'][number]['source'] = kind === 'sft' ? 'conversations' : 'preferences'
  // What was said before the lesson may be the very harm that it declines.
  const answers = kind === 'sft' ? { answers: 'last' as const } : {}
  const found = { source, file, weight: curatedWeight, seed: plan.seed + round, ...answers }
  const { data = [], ...fields } = recipe
  return {
    description: `Round ${round} of the safety loop ${plan.name}.`,
    seed: plan.seed + round,
    ...fields,
    name: `${plan.name}-${round}-${kind}`,
    initial,
    data: [found, ...(Array.isArray(data) ? data : [])],
  }
}
