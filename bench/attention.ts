/**
 * What attention takes in each kind of layer of a model, such as the dense and the sparse ones of Phi-3-small: the time of a prompt and
 * of a token behind it, and what that token reads of the cache. Runs the layers' attention alone, so that a configuration is enough.
 * `node bench/attention.ts --help` says how it is called.
 */
import { parseArgs } from 'node:util'
import type { Device } from '../src/backends/backend.ts'
import { wasmBackend } from '../src/backends/wasm/index.ts'
import { present } from '../src/base/errors.ts'
import { Random } from '../src/base/random.ts'
import { readConfig } from '../src/cli/config-file.ts'
import { formatBytes, formatTable } from '../src/cli/terminal.ts'
import { enableWideVectors } from '../src/cli/wide.ts'
import { tracePrograms } from '../src/engine/programs.ts'
import { modelFromConfig } from '../src/models/index.ts'
import type { ConfigJson } from '../src/models/published.ts'
import { cacheNames, type CacheShape } from '../src/models/trace.ts'
import { cacheDTypes, cachedAttention, pageSize, type CacheDType } from '../src/program/ops/cache.ts'
import type { AttentionAttributes } from '../src/program/ops/attention.ts'
import { blockPatternOf } from '../src/program/ops/block-pattern.ts'
import { tensorType } from '../src/program/ops/definition.ts'
import { tensorBytes } from '../src/program/plan.ts'
import type { Operation, Program } from '../src/program/program.ts'
import { Trace, type Tensor } from '../src/program/trace.ts'
import { fillCache } from './engine.ts'
import { defaultThreads, oneOf, parseCount, parseCounts } from './options.ts'
import { attentionsOf, attributesOf, cacheBytes } from './reads.ts'
import { median } from './summary.ts'

const usage = `node bench/attention.ts MODEL [options]

MODEL is a config.json, the folder of one, or a short name such as phi-3-small.

  --depths N,N …       tokens of the prompts, and before the tokens that are measured (2048,8192)
  --threads N          (as many as there are processors, at most 8)
  --cache-type TYPE    of keys and values: f16, f32, kv8 or kv4 (f16)
  --no-wide            without wide vectors
  --json               prints everything as JSON`

/** Prompts and tokens that are measured, of which medians are taken. */
const [prompts, tokens] = [3, 15]

/** Layers whose attention does the same. */
interface LayerKind {
  readonly name: string
  readonly layers: number
  readonly attention: Operation
}

/** Of one layer. */
interface Measurement {
  readonly kind: string
  readonly layers: number
  readonly depth: number
  readonly promptSeconds: number
  readonly tokenSeconds: number
  readonly cacheBytesRead: number
  readonly cacheBytesHeld: number
}

interface Settings {
  readonly depths: readonly number[]
  readonly threads: number
  readonly cacheType: CacheDType
  readonly wide: boolean
}

/** What the engine runs. */
interface Traced {
  /** The pass over one row. */
  readonly decode: Program
  /** Rows of a prompt that are computed at once. */
  readonly rows: number
}

function traceModel(config: ConfigJson, cacheType: CacheDType): Traced {
  const model = modelFromConfig(config)
  const { programs, buckets } = tracePrograms(model, { context: model.shape.maxPositions }, { cache: cacheType })
  return { decode: present(programs[0], 'a pass over one row'), rows: present(buckets.at(-1), 'a pass') }
}

function kindsOf(decode: Program): LayerKind[] {
  const groups = Map.groupBy(attentionsOf(decode), ({ attributes }) => JSON.stringify(attributes))
  return [...groups.values()].map((layers) => {
    const attention = present(layers[0], 'a layer')
    return { name: nameOf(attributesOf(attention)), layers: layers.length, attention }
  })
}

function nameOf({ window, ...attributes }: AttentionAttributes): string {
  if (blockPatternOf(attributes) !== undefined) return 'sparse'
  return window === 0 ? 'dense' : `window ${window}`
}

/** Attention of so many layers of a kind, one after the other, each over its own part of the cache. */
function traceAttention(
  attributes: AttentionAttributes,
  extent: { readonly layers: number; readonly rows: number },
  { pages, sequences, pagesOfSequence }: CacheShape,
  cacheType: CacheDType,
): Program {
  const { layers, rows } = extent
  const { heads, kvHeads, headSize } = attributes
  const trace = new Trace(programName(rows))
  const index = (name: string, ...shape: number[]): Tensor => trace.bind('input', name, tensorType('i32', ...shape))
  const vectors = (name: string, count: number): Tensor =>
    trace.bind('input', name, tensorType('f32', rows, count * headSize))
  const pool = tensorType(cacheType, pages, kvHeads, pageSize, headSize)
  let x = vectors('query', heads)
  for (let layer = 0; layer < layers; layer++) {
    const names = cacheNames(layer)
    const cache = {
      keys: trace.bind('state', names.keys, pool),
      values: trace.bind('state', names.values, pool),
      pageTable: index('pageTable', sequences, pagesOfSequence),
      sequences: index('sequences', rows),
      positions: index('positions', rows),
    }
    x = cachedAttention(x, vectors('key', kvHeads), vectors('value', kvHeads), cache, attributes)
  }
  trace.output('mixed', x)
  return trace.finish()
}

function programName(rows: number): string {
  return `attention.${rows}`
}

/** Ordinary numbers. */
function noise(count: number): Float32Array {
  const random = new Random(1)
  return Float32Array.from({ length: count }, () => random.float() * 2 - 1)
}

/** Runs the rows of one sequence from `first` to before `end`. @returns seconds within the device, without dispatch */
async function attend(device: Device, kind: LayerKind, rows: number, first: number, end: number): Promise<number> {
  const { heads, kvHeads, headSize } = attributesOf(kind.attention)
  const pages = device.typeOf(cacheNames(0).keys).shape[0] ?? 0
  device.takeProfiles()
  await device.run(programName(rows), {
    query: noise(rows * heads * headSize),
    key: noise(rows * kvHeads * headSize),
    value: noise(rows * kvHeads * headSize),
    pageTable: Int32Array.from({ length: pages }, (_, page) => page),
    sequences: Int32Array.from({ length: rows }, (_, row) => (first + row < end ? 0 : -1)),
    positions: Int32Array.from({ length: rows }, (_, row) => Math.min(first + row, end - 1)),
  })
  const { milliseconds, dispatch } = present(device.takeProfiles()[0], 'a profile')
  return (milliseconds - dispatch.milliseconds) / 1000
}

/** Reads a prompt in chunks of so many rows. */
async function readPrompt(device: Device, kind: LayerKind, rows: number, length: number): Promise<number> {
  let seconds = 0
  for (let first = 0; first < length; first += rows) {
    seconds += await attend(device, kind, rows, first, Math.min(first + rows, length))
  }
  return seconds
}

async function medianOf(count: number, once: () => Promise<number>): Promise<number> {
  const seconds: number[] = []
  for (let repetition = 0; repetition < count; repetition++) seconds.push(await once())
  return median(seconds)
}

async function measureKind(
  { decode, rows }: Traced,
  kind: LayerKind,
  { depths, threads, cacheType, wide }: Settings,
): Promise<Measurement[]> {
  const pages = Math.ceil((Math.max(...depths) + 1) / pageSize)
  const cache = { pages, sequences: 1, pagesOfSequence: pages }
  const attributes = attributesOf(kind.attention)
  // All layers, so that a token finds nothing of its cache in that of the processor, as in the model; a prompt makes its own way.
  const programs = [
    traceAttention(attributes, { layers: kind.layers, rows: 1 }, cache, cacheType),
    traceAttention(attributes, { layers: 1, rows }, cache, cacheType),
  ]
  const device = await wasmBackend({ threads, wide, profile: true }).open(programs)
  try {
    await fillCache(device, kind.layers)
    await readPrompt(device, kind, rows, Math.min(rows, depths[0] ?? rows))
    const measured: Measurement[] = []
    for (const depth of depths) {
      await attend(device, kind, 1, depth, depth + 1)
      measured.push({
        kind: kind.name,
        layers: kind.layers,
        depth,
        promptSeconds: await medianOf(prompts, () => readPrompt(device, kind, rows, depth)),
        tokenSeconds: (await medianOf(tokens, () => attend(device, kind, 1, depth, depth + 1))) / kind.layers,
        cacheBytesRead: cacheBytes(decode, kind.attention, depth),
        cacheBytesHeld:
          2 * tensorBytes({ dtype: cacheType, shape: [depth, attributes.kvHeads, 1, attributes.headSize] }),
      })
    }
    return measured
  } finally {
    await device.dispose()
  }
}

function printTable(measured: readonly Measurement[]): void {
  const rows = measured.toSorted((left, right) => left.depth - right.depth)
  const table = rows.map((row) => [
    `${row.kind} (${row.layers} layers)`,
    String(row.depth),
    (1000 * row.promptSeconds).toFixed(0),
    (1e6 * row.tokenSeconds).toFixed(0),
    formatBytes(row.cacheBytesRead),
    formatBytes(row.cacheBytesHeld),
    (row.cacheBytesRead / row.tokenSeconds / 1e9).toFixed(1),
  ])
  const head = ['attention of a layer', 'tokens', 'prompt ms', 'next token us', 'reads', 'of', 'GB/s']
  console.log(formatTable([head, ...table]))
}

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    allowNegative: true,
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      depths: { type: 'string', default: '2048,8192' },
      threads: { type: 'string', default: defaultThreads },
      'cache-type': { type: 'string', default: 'f16' },
      wide: { type: 'boolean', default: true },
      json: { type: 'boolean', default: false },
    },
  })
  const [name] = positionals
  if (values.help || name === undefined) return console.log(usage)
  const settings: Settings = {
    depths: parseCounts('depths', values.depths),
    threads: parseCount('threads', values.threads),
    cacheType: oneOf('cache-type', values['cache-type'], cacheDTypes),
    wide: values.wide && enableWideVectors('answers'),
  }
  const traced = traceModel(await readConfig(name), settings.cacheType)
  const measured: Measurement[] = []
  for (const kind of kindsOf(traced.decode)) measured.push(...(await measureKind(traced, kind, settings)))
  if (values.json) console.log(JSON.stringify({ settings, measured }))
  else printTable(measured)
}

await main()
