/** A model that sees: pictures and ids in, what the pictures become, logits and a greedy continuation out. */
import { loadCheckpoint } from '../../src/engine/load.ts'
import { Picture } from '../../src/engine/pictures.ts'
import { greatestIndex } from '../../src/engine/sampling.ts'
import type { Scheduler } from '../../src/engine/scheduler.ts'
import { memoryFolder, type FileTree } from '../../src/formats/tree.ts'
import type { Checkpoint } from '../../src/formats/safetensors.ts'
import { preparePicture } from '../../src/vision/index.ts'
import {
  largestDifference,
  perturbHead,
  readIntegers,
  tolerances,
  withTensors,
  type Measured,
  type Row,
  type Settings,
} from './compare.ts'
import { opaquePixels } from './hd-transform-folder.ts'

interface Case {
  readonly num_crops_setting: number
  readonly images: readonly (readonly [width: number, height: number])[]
  readonly greedy_8_tokens: readonly number[]
}

interface Computed {
  readonly pictures: readonly Float32Array[]
  readonly logits: Float32Array
  readonly greedy: readonly number[]
}

/** The model with the sizes of its tower, which the published code does not read from config.json, in that file. */
async function withTowerSizes(tree: FileTree): Promise<FileTree> {
  const config = (await tree.readJson('config.json')) as { readonly img_processor: object }
  const tower = (await tree.readJson('clip_config.json')) as object
  const merged = { ...config, img_processor: { ...config.img_processor, ...tower } }
  const weights = await tree.open('model.safetensors')
  const files = new Map([
    ['config.json', new TextEncoder().encode(JSON.stringify(merged))],
    ['model.safetensors', (await weights.read(0, weights.size)).slice()],
  ])
  await weights.close()
  return memoryFolder(files)
}

/** The rows of a folder with a `config.json` of `model_type` "phi3_v" and a `clip_config.json`. */
export async function visionModelFolder(tree: FileTree, folder: string, settings: Settings): Promise<Row[]> {
  const { cases } = (await tree.readJson('golden.json')) as { readonly cases: Readonly<Record<string, Case>> }
  const model = await withTowerSizes(tree)
  const engine = await loadCheckpoint(model, settings.backend, { context: 1024, exact: true, cacheType: 'f32' })
  const computed = new Map<string, Computed>()
  try {
    await perturbHead(engine.device, engine.programs.parameters, settings)
    for (const [name, item] of Object.entries(cases)) {
      const run = await withTensors(tree, 'golden.safetensors', (golden) => compute(engine, golden, name, item))
      computed.set(name, run)
    }
  } finally {
    await engine.dispose()
  }
  return await withTensors(tree, 'golden.safetensors', async (golden) => {
    const rows: Row[] = []
    for (const [name, item] of Object.entries(cases)) {
      const found = computed.get(name)
      if (found === undefined) throw new Error('defect: a case was not computed')
      const measured: Measured[] = []
      for (const [index, picture] of found.pictures.entries()) {
        const expected = await golden.readFloat32(`${name}.image${index + 1}.projected`)
        const difference = largestDifference(picture, expected)
        measured.push({ what: `picture ${index + 1}`, difference, tolerance: tolerances.logits })
      }
      const places = await readIntegers(golden, `${name}.logit_positions`)
      const width = engine.vocabulary
      const chosen = [...places].flatMap((place) => [...found.logits.subarray(place * width, (place + 1) * width)])
      const logits = largestDifference(chosen, await golden.readFloat32(`${name}.logits`))
      measured.push({ what: 'logits', difference: logits, tolerance: tolerances.logits })
      const tokens = largestDifference(found.greedy, item.greedy_8_tokens)
      rows.push({
        folder,
        name,
        measured: [...measured, { what: '8 tokens', difference: tokens, tolerance: 0 }],
        usesWeights: true,
      })
    }
    return rows
  })
}

async function compute(engine: Scheduler, golden: Checkpoint, name: string, item: Case): Promise<Computed> {
  const pictures: Picture[] = []
  for (const [index, [width, height]] of item.images.entries()) {
    const colours = await golden.read(`${name}.image${index + 1}.input_u8`)
    const prepared = preparePicture(opaquePixels(colours, width, height), item.num_crops_setting)
    pictures.push(new Picture(width, height, prepared))
  }
  // In the reference each row of picture k has the id -k.
  const parts = pictures.map(({ ids }) => [...ids])
  const ids = [...(await readIntegers(golden, `${name}.input_ids`))].map((id) =>
    id < 0 ? parts[-id - 1]?.shift() : id,
  )
  if (ids.includes(undefined) || parts.some((rest) => rest.length > 0)) throw new Error('pictures have other tokens')
  const sequence = await engine.open(ids as number[], { pictures })
  const logits: number[] = []
  await sequence.rows(0, (_, row) => logits.push(...row))
  const greedy: number[] = []
  while (greedy.length < item.greedy_8_tokens.length) {
    greedy.push(greatestIndex(await sequence.logits()))
    sequence.append(greedy.slice(-1))
  }
  sequence.close()
  const rows = pictures.map((picture) => Float32Array.from(picture.ids.flatMap((id) => [...picture.rowOf(id)])))
  return { pictures: rows, logits: Float32Array.from(logits), greedy }
}
