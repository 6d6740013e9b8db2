/** What the stages of a run read, and which of them make it. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PocketPhiError } from '../base/errors.ts'
import { checkedDataRecipe, type DataRecipe } from '../data/pipeline/recipe.ts'
import { manifestFile } from '../data/shards/index.ts'
import { parseYaml } from '../data/yaml.ts'
import { shippedFolder } from '../engine/find-model.ts'
import { filesOfRows } from '../eval/benchmarks/rows.ts'
import { tasks } from '../eval/tasks/index.ts'
import { isJsonObject } from '../formats/json.ts'
import { tokenizerFileNames } from '../train/model-files.ts'
import { checkedRecipe, type Recipe } from '../train/recipe.ts'
import { isWithin, type DefinitionOf, type RunFile, type StageDefinition } from './run-file.ts'

/** What a stage reads. */
export interface Reading {
  readonly path: string
  /** Of a folder, those files that count if they are there; when left out, all directly in it. */
  readonly files?: readonly string[]
  /** What it is known by, when it is not the path. */
  readonly name?: string
  /** Whether it need not be there. */
  readonly optional?: boolean
}

/** A stage of a run, with its recipe read. */
export interface Stage<Definition extends StageDefinition = StageDefinition> {
  readonly definition: Definition
  /** What decides what it makes, beside what it reads: its fields, with those of its recipe in the place of a path. */
  readonly settings: Readonly<Record<string, unknown>>
  /** Of a stage with a recipe, its fields as they were written. */
  readonly recipe: unknown
  /** Files and folders that no stage makes. */
  readonly outside: readonly Reading[]
  /** Names of the stages that make the others. */
  readonly inputs: readonly string[]
  /** The folders of the run and of all its stages. */
  readonly made: readonly string[]
}

/** Runs with what goes wrong named as that of a stage. */
export async function inStage<T>(name: string, action: () => T | Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (!(error instanceof PocketPhiError)) throw error
    const { code, problem, expected, found, remedy } = error
    throw new PocketPhiError(code, `Stage "${name}": ${problem}`, {
      ...(expected === undefined ? {} : { expected }),
      ...(found === undefined ? {} : { found }),
      ...(remedy === undefined ? {} : { remedy }),
      cause: error,
    })
  }
}

/**
 * Reads the recipes of a run, and finds out which stage reads what which other has made: what lies in the folder of that one.
 *
 * @throws PocketPhiError naming the stage: `invalid-config` for a recipe that does not fit, and for a stage that reads what a later one makes;
 * `not-found` without the file of a recipe
 */
export async function resolveStages({ folder: home, stages }: RunFile): Promise<Stage[]> {
  const made = [home, ...stages.map(({ folder }) => folder)]
  return await Promise.all(
    stages.map((definition, index) =>
      inStage(definition.name, async () => {
        const recipe = 'recipe' in definition ? await recipeFields(definition) : undefined
        const reads = readsOf(definition, recipe)
        const { folder: _, ...fields } = definition
        return {
          definition,
          recipe,
          made,
          settings: recipe === undefined ? fields : { ...fields, recipe },
          ...madeWithin(reads, stages, index),
        }
      }),
    ),
  )
}

async function recipeFields({ recipe }: DefinitionOf<'data' | 'train'>): Promise<unknown> {
  if (typeof recipe !== 'string') return recipe
  const text = await readFile(recipe, 'utf8').catch((cause: unknown) => {
    throw new PocketPhiError('not-found', `The recipe "${recipe}" cannot be read.`, {
      remedy: 'Paths are taken from the working folder: correct "recipe".',
      cause,
    })
  })
  return parseYaml(text, recipe)
}

/** The files and folders that a stage reads. */
function readsOf(definition: StageDefinition, recipe: unknown): Reading[] {
  switch (definition.kind) {
    case 'data':
      return dataReads(checkedDataRecipe(recipe, 'recipe'), definition.input)
    case 'train':
      return trainingReads(checkedRecipe(withPlaceholders(recipe)))
    case 'merge':
      return paths(definition.model, definition.adapters)
    case 'quantize': {
      const text = definition.calibration?.text
      return paths(definition.model, ...(typeof text === 'object' ? [text.file] : []))
    }
    case 'evaluate':
      return evaluationReads(definition)
  }
}

const paths = (...all: readonly string[]): Reading[] => all.map((path) => ({ path }))

const tokenizerIn = (path: string): Reading => ({ path, files: tokenizerFileNames })

function dataReads({ pack, stages }: DataRecipe, input: string): Reading[] {
  const classifier = stages.education?.classifier
  return [
    { path: input },
    ...(pack === undefined ? [] : [tokenizerIn(pack.tokenizer)]),
    ...(classifier === undefined ? [] : [{ path: classifier }]),
  ]
}

function evaluationReads({ models, world, benchmarks }: DefinitionOf<'evaluate'>): Reading[] {
  const reads = paths(...models)
  if (world !== undefined) {
    // Models without questions of their own are asked those of the one that ships.
    reads.push({ name: 'frozen questions', path: join(shippedFolder('phi-nano') ?? '', 'evaluation') })
    reads.push(...models.map((model) => ({ path: join(model, 'evaluation'), optional: true })))
  }
  if (benchmarks !== undefined) {
    const chosen = tasks.filter(({ name }) => benchmarks.tasks?.includes(name) ?? true)
    reads.push({ path: benchmarks.data, files: filesOfRows(chosen) })
  }
  return reads
}

/** A recipe may leave out what the model that it starts from says, and that may not be there yet. */
function withPlaceholders(recipe: unknown): unknown {
  if (!isJsonObject(recipe) || typeof recipe['initial'] !== 'string') return recipe
  return { model: {}, tokenizer: { folder: recipe['initial'] }, ...recipe }
}

function trainingReads({ initial, tokenizer, adapter, data }: Recipe): Reading[] {
  const reads = data.flatMap((entry) => {
    if ('file' in entry) return paths(entry.file)
    // It names what was packed, so that gigabytes need not be read to know them again.
    return entry.source === 'shards' ? paths(join(entry.folder, manifestFile)) : []
  })
  if ('folder' in tokenizer) reads.push(tokenizerIn(tokenizer.folder))
  if (initial !== undefined) reads.push({ path: initial })
  if (adapter?.initial !== undefined) reads.push({ path: adapter.initial })
  // Of a model that gives its tokenizer too, all counts.
  return [...new Map(reads.map((reading) => [reading.path, reading])).values()]
}

/** Divides paths into those that stages make and all others. */
function madeWithin(
  reads: readonly Reading[],
  stages: readonly StageDefinition[],
  own: number,
): Pick<Stage, 'outside' | 'inputs'> {
  const inputs = new Set<string>()
  const outside: Reading[] = []
  for (const reading of reads) {
    const { path } = reading
    const maker = stages.findIndex(({ folder }) => isWithin(path, folder))
    const { name } = stages[maker] ?? {}
    if (name === undefined) outside.push(reading)
    else if (maker < own) inputs.add(name)
    else {
      throw new PocketPhiError('invalid-config', `It reads "${path}", which is not made before it.`, {
        expected: 'what an earlier stage makes, or a file from outside of the run',
        found: maker === own ? 'its own folder' : `the folder of the later stage "${name}"`,
        remedy: 'Put the stages in the order in which they are to run, or correct the path.',
      })
    }
  }
  return { inputs: [...inputs], outside }
}
