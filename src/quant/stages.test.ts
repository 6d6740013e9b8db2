import { beforeAll, describe, expect, it } from 'vitest'
import type { Device, RunInputs } from '../backends/backend.ts'
import { referenceBackend } from '../backends/ref/index.ts'
import { packMatrix, unpackMatrix } from '../blocks/packed.ts'
import { fillParameters } from '../engine/load.ts'
import { someIds, tinyConfig, tinyFiles } from '../engine/tiny-model-harness.ts'
import { openSafetensors, type Checkpoint } from '../formats/safetensors.ts'
import { memoryFolder } from '../formats/tree.ts'
import { modelFromConfig, type Model } from '../models/index.ts'
import { traceSequences } from '../models/trace.ts'
import { momentsOf } from './plain-algebra-harness.ts'
import { advanceName, embeddingTables, hiddenName, stagesOf, type Stage } from './stages.ts'

const rows = 12
const sizes = { hidden_size: 64, intermediate_size: 96, num_attention_heads: 4, num_key_value_heads: 2 }
const table = 'model.embed_tokens.weight'
const tables = new Map([[table, 'q8g32' as const]])

const inputs: RunInputs = {
  ids: Int32Array.from(someIds(rows, 3)),
  positions: Int32Array.from({ length: rows }, (_, row) => row % 7),
  starts: Int32Array.from({ length: rows }, (_, row) => (row < 7 ? 0 : 7)),
  regimes: new Int32Array(rows),
}

let model: Model
let checkpoint: Checkpoint

beforeAll(async () => {
  model = modelFromConfig(tinyConfig({ config: sizes }))
  checkpoint = await openSafetensors(memoryFolder(await tinyFiles({ config: sizes })))
})

/** What the whole model hands on from layer to layer, with the embeddings as the stages have them. */
async function wholeModel(): Promise<Record<string, Float32Array>> {
  const traced = traceSequences(model, 'whole', rows, {
    tap: (name, tensor) => tensor.trace.output(name, tensor),
  })
  const device = await referenceBackend().open([traced.trace.finish()])
  await fillParameters(device, checkpoint, {
    parameters: traced.parameters.filter(({ name }) => device.names().includes(name)),
    buffers: traced.buffers,
  })
  device.write(table, await roundedTable())
  return await device.run('whole', inputs)
}

async function packedTable(): Promise<Uint8Array> {
  const [height = 0, width = 0] = checkpoint.info(table).shape
  return packMatrix(await checkpoint.readFloat32(table), height, width, 'q8g32')
}

async function roundedTable(): Promise<Float32Array> {
  const [height = 0, width = 0] = checkpoint.info(table).shape
  return unpackMatrix(await packedTable(), 'q8g32', height, width)
}

async function openStage(stage: Stage, buffers: ReadonlyMap<string, Float64Array>): Promise<Device> {
  const device = await referenceBackend().open(stage.programs)
  for (const [name, values] of buffers) if (device.names().includes(name)) device.write(name, values)
  for (const { name, source } of stage.parameters) {
    if (source === table) {
      const bytes = await packedTable()
      await device.fill(name, (target) => target.set(bytes))
    } else device.write(name, await checkpoint.readFloat32(source))
  }
  return device
}

function expectClose(found: Float32Array | undefined, expected: Float32Array | undefined): void {
  expect(found?.length).toBe(expected?.length)
  const size = Math.max(...(expected ?? []).map(Math.abs))
  found?.forEach((value, index) => expect(Math.abs(value - (expected?.[index] ?? NaN))).toBeLessThan(1e-5 * size))
}

describe('stagesOf', () => {
  it('finds the tables that are looked up', () => {
    expect(embeddingTables(model)).toEqual([table])
  })

  it('runs to the same results as the whole model, with one layer in memory', async () => {
    const whole = await wholeModel()
    const { stages, buffers } = stagesOf(model, rows, tables)
    expect(stages.map(({ name }) => name)).toEqual(['embeddings', 'layer.0', 'layer.1', 'head'])
    let hidden: Float32Array | undefined
    for (const stage of stages.slice(0, 3)) {
      for (const { source } of stage.parameters) {
        const owner = stage.name === 'embeddings' ? table : `model.layers.${stage.name.slice(6)}.`
        expect(source.startsWith(owner)).toBe(true)
      }
      const device = await openStage(stage, buffers)
      const outputs = await device.run(advanceName, hidden === undefined ? inputs : { ...inputs, [hiddenName]: hidden })
      hidden = outputs[hiddenName]
      expectClose(hidden, whole[stage.name])
    }
  })

  it('collects the second moments of what the matrices are multiplied with', async () => {
    const whole = await wholeModel()
    const { stages, buffers } = stagesOf(model, rows, tables)
    const [, first, , head] = stages
    expect(first?.matrices.map(({ name }) => name.replace(/^.*\.(\w+)\.weight$/, '$1'))).toEqual([
      'qkv_proj',
      'o_proj',
      'gate_up_proj',
      'down_proj',
    ])
    expect(head?.matrices.map(({ name }) => name)).toEqual(['lm_head.weight'])
    // The head does not need its own weights to know what it is multiplied with.
    expect(head?.parameters.map(({ source }) => source)).toEqual(['model.norm.weight'])

    const headDevice = await openStage(head as Stage, buffers)
    const batch = { ...inputs, [hiddenName]: whole['layer.1'] as Float32Array }
    const [matrix] = head?.matrices ?? []
    for (const program of [matrix?.collect, matrix?.clear, matrix?.collect, matrix?.collect]) {
      await headDevice.run(program ?? '', batch)
    }
    const normed = whole['norm'] as Float32Array
    const twice = momentsOf(normed, 64).map((value) => 2 * value)
    expectClose(await headDevice.read(matrix?.moments ?? ''), twice)

    const layer = await openStage(first as Stage, buffers)
    const down = first?.matrices[3]
    await layer.run(down?.collect ?? '', { ...inputs, [hiddenName]: whole['embeddings'] as Float32Array })
    const moments = await layer.read(down?.moments ?? '')
    expect(moments.length).toBe(96 * 96)
    // The trace of the outputs' moments W H W^T is the energy that the layer's last product adds.
    const weights = await checkpoint.readFloat32(down?.name ?? '')
    let energy = 0
    for (let row = 0; row < 64; row++) {
      for (let left = 0; left < 96; left++) {
        for (let right = 0; right < 96; right++) {
          energy +=
            (weights[row * 96 + left] as number) *
            (moments[left * 96 + right] as number) *
            (weights[row * 96 + right] as number)
        }
      }
    }
    layer.write(parameterOf(first as Stage, down?.name ?? ''), new Float32Array(weights.length))
    const without = await layer.run(advanceName, { ...inputs, [hiddenName]: whole['embeddings'] as Float32Array })
    const added = (whole['layer.0'] as Float32Array).map((value, at) => value - (without[hiddenName]?.[at] ?? NaN))
    expect(energy / added.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(1, 4)
  })

  it('gives layers of the same shape the same programs, under names of their own', () => {
    const { stages } = stagesOf(model, rows, tables)
    const [, first, second] = stages
    expect(second?.build).toBe(first?.build)
    expect(second?.parameters.map(({ name }) => name)).toEqual(first?.parameters.map(({ name }) => name))
    expect(second?.parameters.map(({ source }) => source)).not.toEqual(first?.parameters.map(({ source }) => source))
  })

  it('leaves a head that is tied to a table alone', () => {
    const tied = modelFromConfig(tinyConfig({ config: { ...sizes, tie_word_embeddings: true } }))
    expect(stagesOf(tied, rows, tables).stages.map(({ name }) => name)).toEqual(['embeddings', 'layer.0', 'layer.1'])
  })
})

function parameterOf(stage: Stage, source: string): string {
  return stage.parameters.find((parameter) => parameter.source === source)?.name ?? ''
}
