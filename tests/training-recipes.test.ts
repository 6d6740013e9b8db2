/** Every recipe that ships can be read, traced and sized, and every plan of an extension and recipe of data read. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { elementCount } from '../src/base/dtype.ts'
import { wasmBackend } from '../src/backends/wasm/index.ts'
import { parseDataRecipe } from '../src/data/pipeline/recipe.ts'
import { parseExtensionPlan } from '../src/longrope/extension-plan.ts'
import { parseRunFile } from '../src/make/run-file.ts'
import { resolveStages } from '../src/make/stages.ts'
import { storeType } from '../src/engine/weights.ts'
import { modelFromConfig } from '../src/models/index.ts'
import { tensorBytes } from '../src/program/plan.ts'
import { printProgram } from '../src/program/index.ts'
import { readRecipe } from '../src/train/read-recipe.ts'
import { traceTraining, type TrainingPrograms } from '../src/train/step/programs.ts'
import type { Recipe } from '../src/train/recipe.ts'
import { openBase, trainedFormats } from '../src/train/starting-weights.ts'
import { planTraining } from '../src/train/trainer.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const files = readdirSync(join(root, 'recipes'), { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.ya?ml$/.test(path))
  .toSorted()
const plans = files.filter((path) => path.endsWith('.plan.yaml'))
const runs = files.filter((path) => path.endsWith('.run.yaml'))
const ofData = files.filter((path) => path.startsWith(`data${sep}`))
/** Tests of their own read these: tests/paper.test.ts, and those of safety and synthesis in their rooms. */
const ofOthers = files.filter((path) =>
  ['paper', 'safety', 'synthesis'].some((folder) => path.startsWith(`${folder}${sep}`)),
)

const recipes = await Promise.all(
  files
    .filter((file) => ![...plans, ...runs, ...ofData, ...ofOthers].includes(file))
    .map(async (file) => {
      return { file, recipe: await readRecipe(readFileSync(join(root, 'recipes', file), 'utf8'), file) }
    }),
)

test('there are recipes, and each has its own name', () => {
  expect(files).toContain(join('phi-nano', 'pretrain.yaml'))
  expect(new Set(recipes.map(({ recipe }) => recipe.name)).size).toBe(recipes.length)
})

test.each(plans)('%s is a plan whose trainings can hold its texts', (file) => {
  const { stages } = parseExtensionPlan(readFileSync(join(root, 'recipes', file), 'utf8'), file)
  for (const { length, tune } of stages) expect(tune?.batch.rows ?? length).toBeGreaterThanOrEqual(length)
})

test.each(ofData)('%s is a recipe of data that packs for a model that ships', (file) => {
  const { pack } = parseDataRecipe(readFileSync(join(root, 'recipes', file), 'utf8'), file)
  const config = JSON.parse(readFileSync(join(root, pack?.tokenizer ?? '', 'config.json'), 'utf8')) as object
  expect(config).toHaveProperty('max_position_embeddings', pack?.longest)
})

test.each(runs)('%s is a run whose stages read what earlier ones make, and whose model answers', async (file) => {
  const run = parseRunFile(readFileSync(join(root, 'recipes', file), 'utf8'), file)
  const stages = await resolveStages(run)
  const trainings = stages.filter(({ definition }) => definition.kind === 'train')
  // All but the first start from what another ends with.
  expect(trainings.filter(({ inputs }) => inputs.length === 0).length).toBeLessThanOrEqual(1)
  expect(stages.flatMap(({ outside }) => outside).filter(({ path }) => path.startsWith('runs/'))).toEqual([])
  expect(run.stages.some(({ kind }) => kind === 'quantize')).toBe(true)
})

/** Bytes of keys and values of the 577 rows of a tile, in pages of 64. */
function towerCache({ img_processor: tower }: Readonly<Record<string, unknown>>): number {
  return tower === undefined ? 0 : 2 * 640 * (tower as { hidden_size: number }).hidden_size * 4
}

/** The programs of a recipe over so few rows, and what the weights that stay take: in the format of their file under adapters, else f32. */
async function traced(recipe: Recipe): Promise<{ programs: TrainingPrograms; frozenBytes: number }> {
  const base = await openBase(recipe)
  try {
    const weights = await base?.weights()
    const programs = traceTraining(modelFromConfig(recipe.model), 16, recipe.optimizer, trainedFormats(recipe, weights))
    const frozenBytes = programs.frozen.map(({ name, shape }) =>
      weights === undefined ? 4 * elementCount(shape) : tensorBytes(storeType(weights, name)),
    )
    return { programs, frozenBytes: frozenBytes.reduce((sum, bytes) => sum + bytes, 0) }
  } finally {
    await base?.close()
  }
}

describe.each(recipes)('$file', ({ recipe }) => {
  test('is sized before anything is trained', async () => {
    const { parameters, frozen, rowsPerUpdate, memory } = await planTraining(recipe, wasmBackend({ threads: 2 }))
    console.log(
      `${recipe.name}: ${parameters} parameters and ${frozen} that stay, ${rowsPerUpdate} rows an update, ` +
        `${Math.round(memory.parameters / 1e6)} MB of weights, ${Math.round(memory.states / 1e6)} MB of gradients and ` +
        `moments, ${Math.round(memory.scratch / 1e6)} MB of working memory`,
    )
    const { frozenBytes } = await traced(recipe)
    // Trained weights in f32, and for each a gradient and two moments; slabs are aligned. A tower has a cache.
    expect(memory.parameters / (4 * parameters + frozenBytes)).toBeCloseTo(1, 2)
    expect((memory.states - towerCache(recipe.model)) / (12 * parameters)).toBeCloseTo(1, 2)
    expect(memory.scratch).toBeGreaterThan(4 * recipe.batch.rows * Number(recipe.model['vocab_size']))
    expect(memory.total).toBeLessThan(4 * 2 ** 30)
  })

  test('is a program that can be printed, and steps every parameter once', async () => {
    const { gradients, update, parameters } = (await traced(recipe)).programs
    const text = printProgram(update)
    expect(text.match(/adamW\(/g)?.length).toBe(parameters.length)
    expect(printProgram(gradients).match(/accumulate\(/g)?.length).toBe(parameters.length)
    expect(text.includes('@model.embed_tokens.weight')).toBe(recipe.adapter === undefined)
  })

  test('starts from what another recipe ends with, if it starts from anything', () => {
    const others = new Map(recipes.map((other) => [`runs/${other.recipe.name}/final`, other.recipe]))
    for (const folder of [recipe.initial, 'folder' in recipe.tokenizer ? recipe.tokenizer.folder : undefined]) {
      if (folder === undefined || !folder.startsWith('runs/')) continue
      expect(others.get(folder)?.model).toEqual(recipe.model)
    }
  })
})
