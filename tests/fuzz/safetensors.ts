/** Mutants of safetensors files and of the index of shards. */
import type { Random } from '../../src/base/random.ts'
import { openSafetensors, type Checkpoint } from '../../src/formats/safetensors.ts'
import { memoryFolder } from '../../src/formats/tree.ts'
import { guardedSource, mustHold, type FuzzFormat } from './format.ts'
import { mutateText, mutateTimes, oddNumbers, oddTexts, textBytes, textBytesOf, writeJson } from './json.ts'

export const widths: Readonly<Record<string, number>> = {
  ...{ F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1 },
}

/** A tensor whose bytes lie behind those of the one before. */
export interface DraftTensor {
  name: string
  dtype: string
  shape: number[]
  readonly data: Uint8Array
}

export interface Draft {
  tensors: DraftTensor[]
  metadata: Record<string, string>
}

export function randomBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.integer(0, 256))
}

function seedDraft(random: Random): Draft {
  const tensors = Array.from({ length: random.integer(1, 5) }, (_, index): DraftTensor => {
    const dtype = random.pick(Object.keys(widths))
    const shape = Array.from({ length: random.integer(0, 4) }, () => random.integer(random.integer(0, 2), 4))
    const length = shape.reduce((product, extent) => product * extent, widths[dtype] as number)
    return { name: `t${index}`, dtype, shape, data: randomBytes(random, length) }
  })
  return { tensors, metadata: { format: 'pt' } }
}

/** A change after which the file is still a valid one, of other tensors. */
export function mutateMeaning(random: Random, draft: Draft): void {
  const tensor = random.pick(draft.tensors)
  const length = tensor.data.length
  switch (random.integer(0, 6)) {
    case 0:
      tensor.name = random.pick(oddTexts).repeat(random.pick([1, 1, 1, 500]))
      break
    case 1:
      tensor.shape.reverse()
      break
    case 2:
      tensor.shape.push(1)
      break
    case 3:
      if (length === 0) tensor.shape = random.pick([[0, 2 ** 40], [2 ** 20, 0, 2 ** 20], [0], [0, 0, 0, 0, 0]])
      else tensor.shape = [length / (widths[tensor.dtype] as number)]
      break
    case 4: {
      const same = Object.keys(widths).filter((dtype) => widths[dtype] === widths[tensor.dtype])
      tensor.dtype = random.pick(same)
      break
    }
    default:
      draft.metadata = { ...draft.metadata, [random.pick(oddTexts)]: random.pick(oddTexts).repeat(random.pick([1, 9])) }
  }
}

/** The header of a draft, in the order of a shuffled list. */
function headerOf(random: Random, draft: Draft): Record<string, unknown> {
  let end = 0
  const entries = draft.tensors.map(({ name, dtype, shape, data }): [string, unknown] => {
    const start = end
    end += data.length
    return [name, { dtype, shape, data_offsets: [start, end] }]
  })
  return Object.fromEntries([['__metadata__', draft.metadata], ...random.shuffle(entries)])
}

const keys = ['t0', 't1', 'x', 'shape', 'dtype', 'data_offsets', '__metadata__', '__proto__', ...oddTexts]

/** A lie about lengths. */
function container(random: Random, json: string, data: readonly Uint8Array[]): Uint8Array {
  const text = textBytesOf(json)
  const dataBytes = data.reduce((sum, { length }) => sum + length, 0)
  const bytes = new Uint8Array(8 + text.length + dataBytes)
  bytes.set(text, 8)
  let at = 8 + text.length
  for (const part of data) {
    bytes.set(part, at)
    at += part.length
  }
  const announced = random.integer(0, 40) === 0 ? Math.abs(random.pick([text.length - 1, ...oddNumbers])) : text.length
  new DataView(bytes.buffer).setBigUint64(0, BigInt(Math.trunc(Math.min(announced, 2 ** 63))), true)
  if (random.integer(0, 25) === 0) bytes[random.integer(0, bytes.length)] = random.integer(0, 256)
  return random.integer(0, 25) === 0 ? bytes.subarray(0, random.integer(0, bytes.length)) : bytes
}

/** A file of a draft; a fifth of them with a header that lies. */
export function draftBytes(random: Random, draft: Draft): Uint8Array {
  const data = draft.tensors.map((tensor) => tensor.data)
  if (random.integer(0, 5) > 0) {
    return container(random, writeJson(headerOf(random, draft)) + ' '.repeat(random.integer(0, 8)), data)
  }
  let json = writeJson(mutateTimes(random, headerOf(random, draft), keys, random.integer(1, 3)))
  if (random.integer(0, 4) === 0) json = mutateText(random, json)
  return container(random, json, data)
}

/**
 * What the format says of an opened file, computed another way: tensors tile the data, each as long as its shape says, and
 * floats are there for every element.
 */
export async function checkCheckpoint(bytes: Uint8Array, checkpoint: Checkpoint): Promise<void> {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Record<string, unknown>
  const covered = new Uint8Array(bytes.length - 8 - length)
  const named = Object.keys(header).filter((name) => name !== '__metadata__')
  mustHold(JSON.stringify(checkpoint.names()) === JSON.stringify(named.sort()), 'other names than the header')
  for (const name of checkpoint.names()) {
    const entry = header[name] as { dtype: string; shape: number[]; data_offsets: [number, number] }
    const [start, end] = entry.data_offsets
    const raw = await checkpoint.read(name)
    const elements = entry.shape.includes(0) ? 0 : entry.shape.reduce((product, extent) => product * extent, 1)
    mustHold(raw.length === end - start && raw.length === elements * (widths[entry.dtype] as number), 'a length')
    mustHold(
      raw.every((byte, index) => byte === bytes[8 + length + start + index]),
      'the bytes of a tensor',
    )
    if (['F64', 'F32', 'F16', 'BF16'].includes(entry.dtype)) {
      mustHold((await checkpoint.readFloat32(name)).length === elements, 'as many floats as elements')
    }
    for (let at = start; at < end; at++) covered[at] = (covered[at] as number) + 1
  }
  mustHold(
    covered.every((times) => times === 1),
    'tensors that tile the data',
  )
  const metadata = header['__metadata__'] ?? {}
  mustHold(JSON.stringify(checkpoint.metadata) === JSON.stringify(metadata), 'the metadata')
}

/** Past the header: every rule on it was found to hold, so that the file is open. */
export const safetensorsFormat: FuzzFormat = {
  name: 'safetensors',
  share: 200,
  mutate(random) {
    const draft = seedDraft(random)
    for (let round = random.integer(0, 4); round > 0; round--) mutateMeaning(random, draft)
    return draftBytes(random, draft)
  },
  async load(bytes, passed) {
    // The header once, every tensor twice.
    const checkpoint = await openSafetensors(guardedSource(bytes, 3))
    passed()
    await checkCheckpoint(bytes, checkpoint)
  },
}

function shard(name: string): Uint8Array {
  const json = textBytesOf(writeJson({ [name]: { dtype: 'U8', shape: [3], data_offsets: [0, 3] } }))
  const bytes = new Uint8Array(8 + json.length + 3)
  new DataView(bytes.buffer).setUint32(0, json.length, true)
  bytes.set(json, 8)
  return bytes
}

const shards = new Map(
  ['a', 'b', 'c'].map((name, index) => [`model-0000${index + 1}-of-00003.safetensors`, shard(name)] as const),
)
const shardNames = [...shards.keys()]

const indexKeys = ['weight_map', 'metadata', 'a', 'b', 'c', '__proto__', ...oddTexts]

/** Past the header: the index is a JSON object with a map of weights. */
export const shardIndexFormat: FuzzFormat = {
  name: 'safetensors index',
  share: 70,
  mutate(random) {
    const map: Record<string, unknown> = Object.fromEntries(['a', 'b', 'c'].map((name, at) => [name, shardNames[at]]))
    if (random.integer(0, 2) === 0) {
      map[random.pick(indexKeys)] = random.pick([...shardNames, 'model.safetensors', '../a.safetensors', 'a\\b', ''])
    }
    const index = { metadata: { total_size: 9 }, weight_map: map }
    return textBytes(random, writeJson(mutateTimes(random, index, indexKeys, random.integer(0, 3))))
  },
  async load(bytes, passed) {
    const tree = memoryFolder(new Map([...shards, ['model.safetensors.index.json', bytes]]))
    const index = (await tree.readJson('model.safetensors.index.json')) as { weight_map?: unknown } | null
    if (typeof index?.weight_map === 'object' && index.weight_map !== null) passed()
    const checkpoint = await openSafetensors(tree)
    for (const name of checkpoint.names()) mustHold((await checkpoint.read(name)).length === 3, 'the bytes of a shard')
    const { weight_map: map } = index as { weight_map: object }
    mustHold(JSON.stringify(checkpoint.names()) === JSON.stringify(Object.keys(map).sort()), 'the names of the index')
  },
}
