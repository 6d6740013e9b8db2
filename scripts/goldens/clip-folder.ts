/** A vision tower of CLIP by itself: the hidden states of its layers. */
import { fillParameters } from '../../src/engine/load.ts'
import { formatsOf } from '../../src/engine/weights.ts'
import type { FileTree } from '../../src/formats/tree.ts'
import { clipTower, patchesOfSide, readClipConfig } from '../../src/models/clip.ts'
import { ConfigReader } from '../../src/models/config.ts'
import type { VisionContext } from '../../src/models/model.ts'
import { traceVision, visionIndices, visionProgramName } from '../../src/models/trace-vision.ts'
import { patchesOf } from '../../src/vision/index.ts'
import { largestDifference, tolerances, withTensors, type Row, type Settings } from './compare.ts'

/** The rows of a folder with a `config.json` of `model_type` "clip_vision_model". */
export async function clipFolder(tree: FileTree, folder: string, { backend, perturb }: Settings): Promise<Row[]> {
  const config = readClipConfig(new ConfigReader(await tree.readJson('config.json')))
  const rows = patchesOfSide(config) ** 2 + 1
  const forward = (context: VisionContext) => ({ last: clipTower(context, config, 'vision_model', config.layers) })
  const states: string[] = []
  const { program, parameters } = await withTensors(tree, 'model.safetensors', (weights) => {
    const traced = traceVision(
      { rows, patchValues: 3 * config.patch ** 2, forward },
      {
        ...formatsOf(weights, true),
        tap: (name, tensor) => {
          states.push(name)
          tensor.trace.output(name, tensor)
        },
      },
    )
    return Promise.resolve(traced)
  })
  const device = await backend.open([program])
  try {
    await withTensors(tree, 'model.safetensors', (weights) =>
      fillParameters(device, weights, { parameters, buffers: new Map() }),
    )
    if (perturb) {
      const name = 'vision_model.embeddings.position_embedding.weight'
      device.write(
        name,
        (await device.read(name)).map((value) => value * 1.01),
      )
    }
    const pixels = await withTensors(tree, 'golden.safetensors', (golden) => golden.readFloat32('pixel_values'))
    const count = 3 * config.side ** 2
    const computed: Record<string, Float32Array>[] = []
    for (let from = 0; from < pixels.length; from += count) {
      const patches = patchesOf(pixels.subarray(from, from + count), config.side, config.patch)
      computed.push(await device.run(visionProgramName, { patches, ...visionIndices(rows) }))
    }
    return await withTensors(tree, 'golden.safetensors', async (golden) => {
      const measured = []
      for (const [layer, name] of states.entries()) {
        const expected = await golden.readFloat32(`hidden_states.${layer}`)
        const found = Float32Array.from(computed.flatMap((outputs) => [...(outputs[name] ?? [])]))
        const difference = largestDifference(found, expected)
        measured.push({ what: `hidden ${layer}`, difference, tolerance: tolerances.logits })
      }
      return [{ folder, name: 'tower', measured, usesWeights: true }]
    })
  } finally {
    await device.dispose()
  }
}
