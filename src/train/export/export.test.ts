/** What is exported for PyTorch, read as numpy, transformers and accelerate read it. What they compute of it docs/log.md tells. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { present } from '../../base/errors.ts'
import { checkTensors } from '../../engine/load.ts'
import { openSafetensors } from '../../formats/safetensors.ts'
import { floatEntry, safetensorsBytes } from '../../formats/safetensors-writer.ts'
import { localFolder } from '../../formats/tree.ts'
import { modelFromConfig, modelParameters } from '../../models/index.ts'
import { ignoredTarget } from '../../program/ops/index.ts'
import { readDatasets } from '../datasets.ts'
import { makeModelFiles, readText } from '../model-files.ts'
import { parseRecipe, type Recipe } from '../recipe.ts'
import { recipeSource, type Split } from '../sources.ts'
import { packBatch, type RowInputs } from '../step/batches.ts'
import { initializeWeights } from '../step/weights.ts'
import { npyFile } from './batch-files.ts'
import { exportTorch } from './export.ts'

let home = ''
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'phi-export-'))
})
afterEach(() => rm(home, { recursive: true }))

const out = (): string => join(home, 'out')

function recipeOf(others: object = {}, model: object = {}): Recipe {
  const fields = {
    name: 'exported',
    description: 'For tests.',
    seed: 5,
    model: {
      model_type: 'phi3',
      vocab_size: 352,
      hidden_size: 16,
      intermediate_size: 16,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      num_key_value_heads: 1,
      max_position_embeddings: 64,
      tie_word_embeddings: true,
      eos_token_id: [341, 348],
      ...model,
    },
    tokenizer: { train: { vocabulary: 352, examples: 20 } },
    data: [
      { source: 'world-documents', weight: 0.5, seed: 1 },
      { source: 'world-conversations', weight: 0.5, seed: 2 },
    ],
    batch: { rows: 96, context: 48, accumulation: 2 },
    optimizer: { clip: 0.5 },
    schedule: { peak: 0.01, warmupSteps: 1, steps: 5, decay: 'cosine' },
    checkpoint: { everySteps: 2 },
    evaluation: { everySteps: 2, batches: 3, seed: 1000 },
    ...others,
  }
  return parseRecipe(JSON.stringify(fields))
}

interface Settings {
  readonly files: readonly string[]
  readonly hasWeights: boolean
  readonly shards: Readonly<Record<'training' | 'heldOut', readonly string[]>>
  readonly batches: string
  readonly recipe: unknown
}

async function settings(): Promise<Settings> {
  return JSON.parse(await readFile(join(out(), 'settings.json'), 'utf8')) as Settings
}

/** Reads a file as numpy's format describes it: magic, version, length of the head, a literal of Python, data. */
function readNpy(bytes: Uint8Array): { shape: number[]; values: number[] } {
  const data = Buffer.from(bytes)
  expect(data.subarray(0, 8)).toEqual(Buffer.from('\u0093NUMPY\u0001\u0000', 'latin1'))
  const end = 10 + data.readUInt16LE(8)
  const head = data.toString('latin1', 10, end)
  const [, type, dimensions = ''] =
    /^\{'descr': '([|<]u[124])', 'fortran_order': False, 'shape': \(([\d, ]+)\), \} *\n$/.exec(head) ?? []
  expect(end % 64).toBe(0)
  const size = Number(type?.at(-1))
  const shape = dimensions.split(',').flatMap((text) => (text.trim() === '' ? [] : [Number(text)]))
  const count = (data.length - end) / size
  expect(count).toBe(shape.reduce((product, extent) => product * extent, 1))
  return { shape, values: Array.from({ length: count }, (_, index) => data.readUIntLE(end + index * size, size)) }
}

/** The inputs that train.py makes of a batch, by the meaning of the flags. */
function inputsOf(ids: readonly number[], flags: readonly number[]): Record<keyof RowInputs, number[]> {
  let start = -1
  const starts = flags.map((flag, row) => {
    if ((flag & 2) > 0) start = row
    return (flag & 1) > 0 ? start : -1
  })
  return {
    ids: [...ids],
    starts,
    positions: starts.map((first, row) => (first < 0 ? 0 : row - first)),
    regimes: ids.map(() => 0),
    targets: flags.map((flag, row) => ((flag & 4) > 0 ? present(ids[row + 1], 'target') : ignoredTarget)),
  }
}

async function exportedInputs(split: keyof Settings['shards']): Promise<Record<string, number[]>[]> {
  const names = (await settings()).shards[split]
  const batches: Record<string, number[]>[] = []
  for (const name of names) {
    const [ids, flags] = await Promise.all(
      ['ids', 'flags'].map(async (what) => readNpy(await readFile(join(out(), `${name}.${what}.npy`)))),
    )
    const [count = 0, rows = 0] = present(ids, 'ids').shape
    for (let batch = 0; batch < count; batch++) {
      const [from, to] = [batch * rows, (batch + 1) * rows]
      batches.push(inputsOf(present(ids, 'ids').values.slice(from, to), present(flags, 'flags').values.slice(from, to)))
    }
  }
  return batches
}

/** The batches that a run here would take. */
async function ownInputs(recipe: Recipe, split: Split, count: number): Promise<Record<string, number[]>[]> {
  const files = await makeModelFiles(recipe)
  const text = await readText(files, modelFromConfig(recipe.model), recipe)
  using datasets = await readDatasets(recipe, files['tokenizer.json'] ?? '')
  const source = recipeSource(recipe, text, datasets, split)
  let from = 0
  return Array.from({ length: count }, () => {
    const { inputs, next } = packBatch(source, from, recipe.batch.rows, recipe.batch.context)
    from = next
    const { weights: _, ...rows } = inputs
    return Object.fromEntries(Object.entries(rows).map(([name, values]) => [name, [...values]]))
  })
}

test('the batches are those of a run here, with texts, positions and what is learned', async () => {
  const recipe = recipeOf()
  expect(await exportTorch(recipe, { folder: out() })).toEqual({ batches: 10, hasWeights: true, tooLong: 0 })
  expect(await exportedInputs('training')).toEqual(await ownInputs(recipe, 'learned', 10))
  expect(await exportedInputs('heldOut')).toEqual(await ownInputs(recipe, 'heldOut', 3))
  expect((await settings()).recipe).toEqual(JSON.parse(JSON.stringify(recipe)))
})

test('of conversations in a file what is said by others is seen and not learned, and a short list is held out once', async () => {
  const file = join(home, 'chat.jsonl')
  const lines = Array.from({ length: 20 }, (_, index) => ({ instruction: `Say ${index}.`, output: `${index}.` }))
  await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  await exportTorch(recipeOf(), { folder: join(home, 'base') })
  const tokenizer = { folder: join(home, 'base') }
  const recipe = recipeOf({ tokenizer, data: [{ source: 'conversations', file, weight: 1, seed: 1, heldOut: 0.1 }] })
  await exportTorch(recipe, { folder: out() })
  const batches = await exportedInputs('training')
  expect(batches).toEqual(await ownInputs(recipe, 'learned', 10))
  const targets = batches.flatMap((batch) => batch['targets'] ?? [])
  const learned = targets.filter((target) => target !== ignoredTarget).length / targets.length
  expect(learned).toBeGreaterThan(0.05)
  expect(learned).toBeLessThan(0.6)
  expect((await exportedInputs('heldOut')).length).toBe(1)
})

test('the weights are those that a run here begins with, under published names', async () => {
  const recipe = recipeOf()
  await exportTorch(recipe, { folder: out() })
  const tree = localFolder(out())
  const parameters = modelParameters(modelFromConfig(await tree.readJson('config.json')))
  const expected = new Map<string, Float32Array>()
  initializeWeights({ write: (name, values) => void expected.set(name, values as Float32Array) }, parameters, 1, 5)
  const checkpoint = await openSafetensors(tree)
  checkTensors(checkpoint, parameters)
  for (const { name } of parameters) expect(await checkpoint.readFloat32(name)).toEqual(expected.get(name))
  await checkpoint.close()
})

test('weights to start from are taken along, or named later where they are not there yet', async () => {
  const first = join(home, 'first')
  await exportTorch(recipeOf(), { folder: first })
  const { model } = recipeOf()
  const tokenizer = { folder: first }
  // As train.py writes the finished model: the same files, weights in BF16.
  const parameters = modelParameters(modelFromConfig(model))
  const entries = parameters.map(({ name, shape }) => {
    const count = shape.reduce((product, extent) => product * extent, 1)
    return floatEntry(
      name,
      shape,
      Float32Array.from({ length: count }, (_, index) => index / 64),
      'BF16',
    )
  })
  await writeFile(join(first, 'model.safetensors'), await safetensorsBytes(entries))
  await exportTorch(recipeOf({ initial: first, tokenizer }), { folder: out() })
  const checkpoint = await openSafetensors(localFolder(out()))
  expect((await checkpoint.readFloat32('model.norm.weight'))[3]).toBe(3 / 64)
  await checkpoint.close()
  const later = { folder: join(home, 'later') }
  const told = await exportTorch(recipeOf({ initial: join(home, 'not-there'), tokenizer }), later)
  expect(told.hasWeights).toBe(false)
  expect(existsSync(join(later.folder, 'model.safetensors'))).toBe(false)
  expect(await readFile(join(later.folder, 'README.md'), 'utf8')).toContain('train.py --initial FOLDER')
})

test('the configuration says all that transformers would take for granted otherwise, and we read it', async () => {
  await exportTorch(recipeOf({}, { rms_norm_eps: 1e-6 }), { folder: out() })
  const config = await localFolder(out()).readJson('config.json')
  expect(config).toMatchObject({
    architectures: ['Phi3ForCausalLM'],
    rms_norm_eps: 1e-6,
    rope_theta: 10_000,
    original_max_position_embeddings: 64,
    sliding_window: null,
    pad_token_id: null,
    resid_pdrop: 0,
  })
  expect(modelFromConfig(config).shape).toEqual(modelFromConfig(recipeOf().model).shape)
  expect((await settings()).files).toEqual(['config.json', 'tokenizer_config.json', 'tokenizer.json'])
})

/** Fields of accelerate 1.15 (`ClusterConfig`, `FullyShardedDataParallelPlugin` with version 2), which refuses others. */
const accelerateSchema = z.strictObject({
  compute_environment: z.literal('LOCAL_MACHINE'),
  debug: z.boolean(),
  distributed_type: z.literal('FSDP'),
  enable_cpu_affinity: z.boolean(),
  fsdp_config: z.strictObject({
    fsdp_version: z.literal(2),
    fsdp_activation_checkpointing: z.boolean(),
    fsdp_auto_wrap_policy: z.enum(['TRANSFORMER_BASED_WRAP', 'SIZE_BASED_WRAP', 'NO_WRAP']),
    fsdp_cpu_ram_efficient_loading: z.boolean(),
    fsdp_offload_params: z.boolean(),
    fsdp_reshard_after_forward: z.boolean(),
    fsdp_state_dict_type: z.enum(['SHARDED_STATE_DICT', 'FULL_STATE_DICT']),
    fsdp_transformer_layer_cls_to_wrap: z.literal('Phi3DecoderLayer'),
  }),
  machine_rank: z.literal(0),
  main_training_function: z.literal('main'),
  mixed_precision: z.enum(['no', 'fp16', 'bf16', 'fp8']),
  num_machines: z.int().positive(),
  num_processes: z.int().positive(),
  rdzv_backend: z.enum(['static', 'c10d']),
  same_network: z.boolean(),
  use_cpu: z.boolean(),
})

test.each([
  [1, false, 1],
  [6, true, 2],
  [12, false, 4],
  [16, false, 8],
])('%i batches an update (recomputed: %s) are shared by %i processes', async (accumulation, recompute, processes) => {
  await exportTorch(recipeOf({ batch: { rows: 96, context: 48, accumulation, recompute } }), { folder: out() })
  const config = accelerateSchema.parse(parse(await readFile(join(out(), 'accelerate.yaml'), 'utf8')))
  expect(config.num_processes).toBe(processes)
  expect(config.fsdp_config.fsdp_activation_checkpointing).toBe(recompute)
})

describe('what is refused:', () => {
  const tuned = (): object => ({ initial: home, tokenizer: { folder: home } })
  const pairs = { source: 'preferences', file: 'pairs.jsonl', weight: 1, seed: 1 }
  test.each([
    ['preferences', () => recipeOf({ ...tuned(), objective: { kind: 'dpo' }, data: [pairs] }), /by preferences/],
    ['adapters', () => recipeOf({ ...tuned(), adapter: { rank: 2, alpha: 4 } }), /of adapters/],
    [
      'a window that is shorter than the texts',
      () => recipeOf({}, { sliding_window: 40 }),
      /sliding window.*at most 40/s,
    ],
    [
      'texts that two tables of LongRoPE meet in',
      () => {
        const factors = [1, 1, 1, 1]
        const rope_scaling = { type: 'longrope', short_factor: factors, long_factor: factors }
        return recipeOf({}, { original_max_position_embeddings: 32, rope_scaling })
      },
      /LongRoPE.*at most 32/s,
    ],
  ])('%s', async (_, recipe, expected) => {
    await expect(exportTorch(recipe(), { folder: out() })).rejects.toMatchObject({
      code: 'not-supported',
      message: expect.stringMatching(expected),
    })
    expect(existsSync(out())).toBe(false)
  })

  test('a folder that is there, unless it may be replaced', async () => {
    await exportTorch(recipeOf(), { folder: out() })
    await expect(exportTorch(recipeOf(), { folder: out() })).rejects.toMatchObject({ code: 'invalid-argument' })
    await exportTorch(recipeOf({ seed: 6 }), { folder: out(), replace: true })
    expect((await settings()).recipe).toMatchObject({ seed: 6 })
  })

  test('to replace what is no export, and what has been trained in', async () => {
    await mkdir(out())
    await writeFile(join(out(), 'settings.json'), '{}')
    const again = { folder: out(), replace: true }
    await expect(exportTorch(recipeOf(), again)).rejects.toThrow(/is no export.*remove this one/s)
    expect(await readdir(out())).toEqual(['settings.json'])
    await rm(out(), { recursive: true })
    await exportTorch(recipeOf(), { folder: out() })
    await mkdir(join(out(), 'run', 'checkpoints'), { recursive: true })
    await expect(exportTorch(recipeOf({ seed: 6 }), again)).rejects.toThrow(/has been trained in.*move "run"/s)
    expect(existsSync(join(out(), 'run', 'checkpoints'))).toBe(true)
    expect((await settings()).recipe).toMatchObject({ seed: 5 })
  })

  test('nothing is left of one that is stopped', async () => {
    const stop = new AbortController()
    const options = { folder: out(), signal: stop.signal, onProgress: () => stop.abort() }
    await expect(exportTorch(recipeOf(), options)).rejects.toMatchObject({ code: 'aborted' })
    expect(existsSync(out())).toBe(false)
  })
})

test('arrays of each type have the bytes that numpy reads', () => {
  const joined = (parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts)
  expect(readNpy(joined(npyFile(Uint8Array.of(1, 255), [2])))).toEqual({ shape: [2], values: [1, 255] })
  expect(readNpy(joined(npyFile(Uint16Array.of(1, 65_535), [1, 2])))).toEqual({ shape: [1, 2], values: [1, 65_535] })
  expect(readNpy(joined(npyFile(Uint32Array.of(70_000, 2 ** 32 - 1), [2, 1])))).toEqual({
    shape: [2, 1],
    values: [70_000, 2 ** 32 - 1],
  })
})

const launchFile = fileURLToPath(new URL('train.py', import.meta.url))
const hasPython = spawnSync('python3', ['--version']).status === 0

test.skipIf(!hasPython)('the launch file is Python, where there is one to tell', () => {
  const check = 'import ast, sys; ast.parse(open(sys.argv[1]).read())'
  expect(spawnSync('python3', ['-c', check, launchFile], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' })
})

/** The launch file without what it computes with, which the log tells of. */
const loaded = `
import json, sys
from pathlib import Path
from unittest.mock import MagicMock
sys.modules.update({name: MagicMock() for name in ("numpy", "torch", "torch.nn", "torch.nn.functional")})
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import train
home = Path(sys.argv[2])
`

function python(code: string): { status: number | null; stdout: string; stderr: string } {
  const args = ['-c', loaded + code, fileURLToPath(new URL('.', import.meta.url)), home]
  const { status, stdout, stderr } = spawnSync('python3', args, { encoding: 'utf8' })
  return { status, stdout, stderr }
}

describe.skipIf(!hasPython)('what the launch file goes on from:', () => {
  test('metrics up to a step, without the line that a kill tore, and whole when it is killed there', async () => {
    const file = join(home, 'metrics.jsonl')
    const lines = '{"step": 1}\n{"step": 2}\n'
    await writeFile(file, `${lines}{"step": 3}\n{"st`)
    const killed = 'train.os.replace = lambda *_: sys.exit(9)\ntrain.keep_metrics(home / "metrics.jsonl", 2)'
    expect(python(killed).status).toBe(9)
    expect(await readFile(file, 'utf8')).toBe(`${lines}{"step": 3}\n{"st`)
    expect(python('train.keep_metrics(home / "metrics.jsonl", 2)')).toMatchObject({ status: 0, stderr: '' })
    expect(await readFile(file, 'utf8')).toBe(lines)
    expect(python('train.keep_metrics(home / "new.jsonl", 0)')).toMatchObject({ status: 0, stderr: '' })
    expect(await readFile(join(home, 'new.jsonl'), 'utf8')).toBe('')
  })

  test('a checkpoint of the same batches alone', async () => {
    const checkpoint = join(home, 'checkpoints', 'step-0000002')
    await mkdir(checkpoint, { recursive: true })
    await exportTorch(recipeOf(), { folder: out() })
    const { batches } = await settings()
    await exportTorch(recipeOf({ optimizer: { clip: 0.1 } }), { folder: out(), replace: true })
    expect((await settings()).batches).toBe(batches)
    const data = [{ source: 'world-documents', weight: 1, seed: 2 }]
    await exportTorch(recipeOf({ data }), { folder: out(), replace: true })
    const others = (await settings()).batches
    expect(others).not.toBe(batches)
    await writeFile(join(checkpoint, 'progress.json'), JSON.stringify({ step: 2, tokens: 7, batches }))
    const resume = (digest: string): ReturnType<typeof python> =>
      python(`
shards = {"training": [], "heldOut": []}
training = train.Training(MagicMock(), None, None, {"shards": shards, "batches": "${digest}"}, home)
training.resume()
print(training.step, training.tokens)`)
    expect(resume(batches)).toMatchObject({ status: 0, stdout: '2 7\n' })
    expect(resume(others)).toMatchObject({ status: 1, stderr: expect.stringMatching(/other batches.*--out/) })
  })
})
