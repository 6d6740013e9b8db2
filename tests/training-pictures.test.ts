/** Training with pictures: the recipe of coloured shapes, made shorter. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { wasmBackend } from '../src/backends/wasm/index.ts'
import { colourNames, drawShape, shapeNames, shapesConversation } from '../src/data/shapes.ts'
import { openSafetensors } from '../src/formats/safetensors.ts'
import { localFolder } from '../src/formats/tree.ts'
import { loadModel } from '../src/index.ts'
import { modelFromConfig } from '../src/models/index.ts'
import { tracePictured } from '../src/models/trace.ts'
import { readMetrics } from '../src/train/metrics.ts'
import { parseRecipe, type Recipe } from '../src/train/recipe.ts'
import { tune, type Conversation } from '../src/tune/index.ts'
import { inFolder, outcome, trainTiny } from './training-harness.ts'

const recipeFile = fileURLToPath(new URL('../recipes/shapes/tune.yaml', import.meta.url))
const shipped = parseRecipe(readFileSync(recipeFile, 'utf8'))

function shortened(steps: number, rows: number): Recipe {
  return {
    ...shipped,
    batch: { ...shipped.batch, rows },
    schedule: { ...shipped.schedule, steps, warmupSteps: 5 },
    checkpoint: { everySteps: 1, keep: 2 },
    evaluation: { ...shipped.evaluation, everySteps: steps - 1, batches: 1 },
  }
}

const threads = { backend: wasmBackend({ threads: 2 }) }

async function weightsOf(folder: string): Promise<Map<string, Float32Array>> {
  const file = await openSafetensors(localFolder(folder))
  const weights = new Map<string, Float32Array>()
  for (const name of file.names()) weights.set(name, await file.readFloat32(name))
  await file.close()
  return weights
}

test('reaches the projector and the decoder and leaves the tower as it is; the model that comes of it answers', async () => {
  await inFolder(async (folder) => {
    const recipe = shortened(30, 1024)
    await trainTiny(folder, { ...threads, now: () => 0 }, { ...recipe, checkpoint: { everySteps: 1, keep: 30 } })
    const losses = (await readMetrics(join(folder, 'metrics.jsonl'))).map(({ loss }) => loss)
    expect(losses[0]).toBeGreaterThan(5)
    expect(losses.at(-1)).toBeLessThan(0.6 * (losses[0] ?? 0))
    const [first, last] = [
      await weightsOf(join(folder, 'checkpoints', 'step-0000001')),
      await weightsOf(join(folder, 'checkpoints', 'step-0000030')),
    ]
    const { parameters } = tracePictured(modelFromConfig(recipe.model), 'parameters', 1)
    const trained = new Set(parameters.map(({ name }) => name))
    expect([...trained].filter((name) => /img_projection|sub_GN|glb_GN/.test(name))).toHaveLength(6)
    expect([...first.keys()].filter((name) => !trained.has(name)).length).toBeGreaterThan(10)
    for (const [name, values] of first) {
      const isSame = values.every((value, index) => value === last.get(name)?.[index])
      expect(isSame, name).toBe(!trained.has(name))
    }
    await using model = await loadModel(join(folder, 'final'), { backend: 'wasm' })
    const picture = await model.picture(shapesConversation(9, 0).picture)
    // One tile, as it was trained.
    expect(picture.tokens).toBe(313)
    const { text } = await model
      .chat()
      .send('What is in the picture?', { pictures: [picture], maxTokens: 30 })
      .result()
    expect(text).not.toBe('')
  })
})

test('a run that is resumed ends in the bits of an undisturbed one', async () => {
  const recipe = shortened(4, 512)
  const whole = await inFolder(async (folder) => {
    await trainTiny(folder, { ...threads, now: () => 0 }, recipe)
    return outcome(folder)
  })
  const resumed = await inFolder(async (folder) => {
    const controller = new AbortController()
    const onProgress = ({ step }: { readonly step: number }): void => {
      if (step === 2) controller.abort()
    }
    const { signal } = controller
    await expect(trainTiny(folder, { signal, onProgress, now: () => 0 }, recipe)).rejects.toMatchObject({
      code: 'aborted',
    })
    await trainTiny(folder, { resume: true, now: () => 0 }, recipe)
    return outcome(folder)
  })
  expect(resumed).toEqual(whole)
})

describe('a recipe with pictures', () => {
  test('needs a model that sees', async () => {
    const { img_processor: _, embd_layer: __, ...decoder } = shipped.model
    const blind = { ...shipped, model: { ...decoder, model_type: 'phi3' } }
    await inFolder(async (folder) => {
      await expect(trainTiny(folder, {}, blind)).rejects.toMatchObject({ code: 'invalid-config', found: '"phi3"' })
    })
  })

  test('says how they are cut', () => {
    const text = readFileSync(recipeFile, 'utf8').replace('pictures: { tiles: 1 }\n', '')
    expect(() => parseRecipe(text)).toThrow('pictures.tiles: must be given for data with pictures')
  })
})

describe('pictures of shapes', () => {
  test('are the same for the same seed and index, and show what is said of them', () => {
    const one = shapesConversation(3, 17)
    expect(shapesConversation(3, 17)).toEqual(one)
    expect(shapesConversation(4, 17).picture.data).not.toEqual(one.picture.data)
    const shown = new Set<string>()
    for (let index = 0; index < 400; index++) {
      const { shape: drawn, messages } = shapesConversation(3, index)
      expect(messages[1]?.content).toContain(`${drawn.colour} ${drawn.shape}`)
      shown.add(`${drawn.colour} ${drawn.shape}`)
    }
    expect(shown.size).toBe(colourNames.length * shapeNames.length)
  })

  test('have each shape in its colour, and the background around it', () => {
    for (const shape of shapeNames) {
      const { data, width } = drawShape({ colour: 'red', shape, x: 42, y: 42, size: 30 }, [250, 250, 250])
      const at = (x: number, y: number): number[] => [...data.subarray((y * width + x) * 4).subarray(0, 4)]
      expect(at(42, 42)).toEqual([214, 40, 40, 255])
      expect(at(2, 2)).toEqual([250, 250, 250, 255])
    }
    const corner = (shape: (typeof shapeNames)[number]): number[] => {
      const { data, width } = drawShape({ colour: 'blue', shape, x: 42, y: 42, size: 30 }, [250, 250, 250])
      return [...data.subarray((20 * width + 20) * 4).subarray(0, 3)]
    }
    expect(corner('square')).toEqual([40, 90, 210])
    expect(corner('circle')).toEqual([250, 250, 250])
  })
})

test('tune learns what two pictures show, and tells them apart', async () => {
  await inFolder(async (folder) => {
    await trainTiny(folder, threads, shortened(1, 512))
    const conversations = (['circle', 'cross'] as const).map((shape): Conversation => {
      const picture = drawShape({ colour: 'green', shape, x: 42, y: 42, size: 30 }, [240, 240, 240])
      return [
        { role: 'user', content: 'What is it?', pictures: [picture] },
        { role: 'assistant', content: shape === 'circle' ? 'A circle.' : 'A cross.' },
      ]
    })
    const losses: number[] = []
    const { files } = await tune(join(folder, 'final'), {
      ...threads,
      ...{ conversations, steps: 60, rows: 700, learningRate: 3e-3 },
      onProgress: ({ loss }) => losses.push(loss),
    })
    expect(losses.at(-1)).toBeLessThan(0.1 * (losses[0] ?? 0))
    expect(files.has('preprocessor_config.json')).toBe(true)
    await using model = await loadModel(files, { backend: 'wasm', template: 'phi-3-mini' })
    for (const [question, answer] of conversations) {
      const pictures = await Promise.all((question?.pictures ?? []).map((source) => model.picture(source)))
      const { text } = await model
        .chat()
        .send(question?.content ?? '', { pictures, maxTokens: 12 })
        .result()
      expect(text.trim()).toBe(answer?.content)
    }
  })
  await expect(
    tune('phi-nano', {
      conversations: [
        [
          { role: 'user', content: 'What is it?', pictures: [shapesConversation(1, 1).picture] },
          { role: 'assistant', content: 'A cross.' },
        ],
      ],
    }),
  ).rejects.toMatchObject({ code: 'not-supported' })
})
