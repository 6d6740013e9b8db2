/** A run from data to a model that ships, as data: stages in their order, each of which reads what earlier ones have made. */
import { isAbsolute, join, relative, resolve, sep } from 'node:path'
import { z } from 'zod'
import { checkedFields, nameSchema, parseYaml } from '../data/yaml.ts'
import { tasks } from '../eval/tasks/index.ts'

const count = z.int().positive()

/** What all stages have in common. */
const stageFields = {
  name: nameSchema,
  /** What it makes is there; in the folder of the run under its name when left out. */
  folder: z.string().optional(),
}

/** The path of a file with a recipe, or the fields of one. */
const recipeField = z.union([z.string(), z.record(z.string(), z.json())])

/** A run has nobody who rates answers, and no lengths for the texts of RULER. */
const benchmarkNames = tasks.filter(({ kind }) => kind !== 'judged').map(({ name }) => name)

const benchmarkName = z.string().refine((name) => benchmarkNames.includes(name), {
  error: ({ input }) =>
    `"${String(input)}" is no benchmark of a run, which are ${benchmarkNames.join(', ')}; those that need a judge or lengths are put to its models with phi eval`,
})

const evaluationSchema = z.strictObject({
  kind: z.literal('evaluate'),
  ...stageFields,
  /** Folders. */
  models: z.array(z.string()).min(1),
  /** The mean loss on held-out text of the closed world. */
  loss: z.strictObject({ tokens: count.default(200_000) }).optional(),
  /** The frozen questions of the closed world: of some kinds, or at most so many of each. */
  world: z.strictObject({ kinds: z.array(z.string()).min(1).optional(), limit: count.optional() }).optional(),
  /** Those of `phi eval`, by the folder of their rows. */
  benchmarks: z
    .strictObject({ data: z.string(), tasks: z.array(benchmarkName).min(1).optional(), limit: count.optional() })
    .optional(),
})

const stageSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('data'),
    ...stageFields,
    recipe: recipeField,
    /** Where the files of its sources are. */
    input: z.string().default('.'),
  }),
  z.strictObject({ kind: z.literal('train'), ...stageFields, recipe: recipeField }),
  z.strictObject({ kind: z.literal('merge'), ...stageFields, model: z.string(), adapters: z.string() }),
  z.strictObject({
    kind: z.literal('quantize'),
    ...stageFields,
    model: z.string(),
    bits: z.literal([4, 8]).default(4),
    group: z.literal([32, 64, 128]).default(32),
    /** Parts of names of matrices that get 8 bits. */
    eightBits: z.array(z.string()).default([]),
    rounding: z.enum(['plain', 'search']).default('plain'),
    /** A text that outputs are to change least on: a file, or the closed world. */
    calibration: z
      .strictObject({ text: z.union([z.literal('world'), z.strictObject({ file: z.string() })]), tokens: count })
      .optional(),
  }),
  evaluationSchema,
])

const runFileSchema = z
  .strictObject({
    /** The folder of the run is named after it. */
    name: nameSchema,
    description: z.string(),
    folder: z.string().optional(),
    stages: z.array(stageSchema).min(1),
  })
  .superRefine(({ stages }, context) => {
    for (const [index, stage] of stages.entries()) {
      const path = ['stages', index]
      if (stages.findIndex(({ name }) => name === stage.name) < index) {
        context.addIssue({ code: 'custom', path: [...path, 'name'], message: `"${stage.name}" is there already` })
      }
      if (stage.kind === 'evaluate' && (stage.loss ?? stage.world ?? stage.benchmarks) === undefined) {
        context.addIssue({ code: 'custom', path, message: 'needs "loss", "world" or "benchmarks"' })
      }
    }
  })
  .transform(({ folder, stages, ...run }) => {
    const home = folder ?? join('runs', run.name)
    return {
      ...run,
      folder: home,
      stages: stages.map((stage) => ({ ...stage, folder: stage.folder ?? join(home, stage.name) })),
    }
  })
  .superRefine(({ folder, stages }, context) => {
    for (const [index, stage] of stages.entries()) {
      const problem = folderProblem(stage.folder, folder, stages.slice(0, index))
      if (problem !== undefined)
        context.addIssue({ code: 'custom', path: ['stages', index, 'folder'], message: problem })
    }
  })

/** A stage that begins anew has its folder renamed or replaced: nothing else may lie in it. */
function folderProblem(
  folder: string,
  home: string,
  earlier: readonly { readonly name: string; readonly folder: string }[],
): string | undefined {
  if (isWithin(home, folder))
    return `"${folder}" is the folder of the run, "${home}", or contains it: name one in it, or elsewhere`
  const other = earlier.find((one) => isWithin(folder, one.folder) || isWithin(one.folder, folder))
  if (other === undefined) return undefined
  return `"${folder}" is the folder of the stage "${other.name}", "${other.folder}", or lies in it, or contains it: name another`
}

/** Whether a path is a folder or lies in it, by their names. */
export function isWithin(path: string, folder: string): boolean {
  const [first] = relative(resolve(folder), resolve(path)).split(sep)
  return first !== '..' && !isAbsolute(first ?? '')
}

export type RunFile = z.infer<typeof runFileSchema>
export type StageDefinition = RunFile['stages'][number]
export type StageKind = StageDefinition['kind']
export type DefinitionOf<Kind extends StageKind> = Extract<StageDefinition, { readonly kind: Kind }>

/**
 * Reads a run file from YAML.
 *
 * @throws PocketPhiError `invalid-config` naming each field that does not fit
 */
export function parseRunFile(text: string, file = 'run'): RunFile {
  return checkedFields(runFileSchema, parseYaml(text, file), file, 'run file')
}
