/** Mutants of GGUF files. */
import type { Random } from '../../src/base/random.ts'
import {
  f32,
  joined,
  numberKey,
  rawBytes,
  rawTensorBytes,
  takeApart,
  text,
  textKey,
  u32,
  u64,
  type RawGguf,
  type RawKey,
  type RawTensor,
} from '../../src/formats/gguf-harness.ts'
import { ggufConfig, publishedCheckpoint } from '../../src/formats/gguf-phi3.ts'
import { ggufArrayTypes, ggufValueTypes, type GgufFixedType } from '../../src/formats/gguf-values.ts'
import { openGguf, type GgufCheckpoint } from '../../src/formats/gguf.ts'
import { guardedSource, mustHold, type FuzzFormat } from './format.ts'

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }
type Draft = Omit<Mutable<RawGguf>, 'keys' | 'tensors'> & { keys: Mutable<RawKey>[]; tensors: Mutable<RawTensor>[] }

const odd: readonly (number | bigint)[] = [
  ...[0, 1, 2, 3, 7, 8, 31, 32, 33, 64, 255, 2 ** 16, 2 ** 31, 2 ** 32, 2 ** 40, 2 ** 53],
  ...[2n ** 60n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n - 32n],
]

/** What tensors are filled with, from anywhere on. */
const noise = new Uint8Array(2 ** 16)
for (let at = 0; at < noise.length; at++) noise[at] = at * 37 + (at >> 8)

/** A model of one layer, one head of 32 and eight tokens. */
function seed(random: Random): Draft {
  const tensors: Mutable<RawTensor>[] = []
  let offset = 0
  const add = (name: string, type: number, ...dimensions: number[]): void => {
    tensors.push({ name, type, dimensions, offset })
    offset = Math.ceil((offset + rawTensorBytes({ name, type, dimensions, offset })) / 32) * 32
  }
  const matrix = (): number => random.pick([0, 1, 2, 3, 6, 7, 8, 30])
  add('token_embd.weight', matrix(), 32, 8)
  add('blk.0.attn_norm.weight', 0, 32)
  add('blk.0.attn_qkv.weight', matrix(), 32, 96)
  add('blk.0.attn_output.weight', matrix(), 32, 32)
  add('blk.0.ffn_norm.weight', 0, 32)
  add('blk.0.ffn_up.weight', matrix(), 32, 64)
  add('blk.0.ffn_down.weight', matrix(), 32, 32)
  add('output_norm.weight', 0, 32)
  if (random.integer(0, 2) === 0) add('output.weight', matrix(), 32, 8)
  const long = random.integer(0, 2) === 0
  if (long) for (const kind of ['long', 'short']) add(`rope_factors_${kind}.weight`, 0, 16)
  const start = random.integer(0, 256)
  const data = noise.slice(start, start + offset)
  for (const { name, offset: at } of tensors) {
    if (name.startsWith('rope_')) data.set(new Uint8Array(new Float32Array(16).fill(1.5).buffer), Number(at))
  }
  const tokens = joined(u32(8), u64(8), ...['<unk>', '<s>', '</s>', 'a', 'b', 'ab', '▁', '▁a'].map(text))
  const scores = joined(u32(6), u64(8), ...Array.from({ length: 8 }, (_, id) => f32(-id)))
  return {
    keys: [
      textKey('general.architecture', 'phi3'),
      ...(random.integer(0, 2) === 0 ? [numberKey('general.alignment', 32)] : []),
      numberKey('phi3.context_length', long ? 256 : 64),
      numberKey('phi3.rope.scaling.original_context_length', 64),
      numberKey('phi3.embedding_length', 32),
      numberKey('phi3.feed_forward_length', 32),
      numberKey('phi3.block_count', 1),
      numberKey('phi3.attention.head_count', 1),
      numberKey('phi3.attention.sliding_window', 0),
      { key: 'phi3.attention.layer_norm_rms_epsilon', type: 6, payload: f32(1e-5) },
      { key: 'phi3.rope.freq_base', type: 6, payload: f32(10000) },
      { key: 'tokenizer.ggml.tokens', type: 9, payload: tokens },
      { key: 'tokenizer.ggml.scores', type: 9, payload: scores },
      { key: 'tokenizer.ggml.add_bos_token', type: 7, payload: Uint8Array.of(1) },
      numberKey('tokenizer.ggml.eos_token_id', 2),
      { key: 'some.long', type: 10, payload: u64(5) },
    ],
    tensors,
    data,
  }
}

/** A change after which the container still holds together: what it says is another thing. */
function mutateMeaning(random: Random, draft: Draft): void {
  const key = random.pick(draft.keys)
  const tensor = random.pick(draft.tensors)
  const number = random.pick(odd)
  switch (random.integer(0, 9)) {
    case 0:
      draft.keys.splice(draft.keys.indexOf(key), 1)
      break
    case 1:
      Object.assign(key, numberKey(key.key, Number(number) % 2 ** 32))
      break
    case 2:
      Object.assign(key, { type: 10, payload: u64(number) })
      break
    case 3:
      Object.assign(key, { type: 6, payload: f32(random.pick([0, -1, 0.5, 1e30, Number.NaN, Infinity])) })
      break
    case 4:
      Object.assign(key, textKey(key.key, random.pick(['', 'phi3', 'llama', 'longrope', '▁', '\u0000'])))
      break
    case 5:
      Object.assign(key, { type: 9, payload: joined(u32(4), u64(2), u32(Number(number) % 2 ** 32), u32(1)) })
      break
    case 6:
      draft.keys.push(
        numberKey(random.pick(['phi3.new', 'phi3.vocab_size', 'split.count', 'split.no', '']), random.integer(0, 9)),
      )
      break
    case 7:
      tensor.name = random.pick([
        'output.weight',
        'blk.1.attn_norm.weight',
        'blk.00.ffn_up.weight',
        'x',
        '',
        '__proto__',
      ])
      break
    default:
      // The same bytes in another shape.
      tensor.dimensions = random.pick([
        [...tensor.dimensions, 1],
        [...tensor.dimensions].reverse(),
        tensor.dimensions.slice(0, 1),
      ])
  }
}

/** A change that breaks the container, mostly. */
function mutateStructure(random: Random, draft: Draft): void {
  const key = random.pick(draft.keys)
  const tensor = random.pick(draft.tensors)
  const number = random.pick(odd)
  switch (random.integer(0, 12)) {
    case 0:
      draft.version = random.pick([0, 1, 2, 2, 4, 2 ** 24, 3 * 2 ** 24])
      break
    case 1:
      draft.tensorCount = random.pick([draft.tensors.length - 1, draft.tensors.length + 1, number])
      break
    case 2:
      draft.keyCount = random.pick([draft.keys.length - 1, draft.keys.length + 1, number])
      break
    case 3:
      key.type = random.integer(0, 15)
      break
    case 4:
      key.payload = key.payload.slice(0, random.integer(0, key.payload.length + 1))
      break
    case 5: {
      const at = random.integer(0, Math.max(1, key.payload.length - 7))
      const lie = u64(number).subarray(0, key.payload.length)
      key.payload = joined(key.payload.subarray(0, at), lie, key.payload.subarray(at + lie.length))
      break
    }
    case 6:
      draft.keys.push({ ...key })
      break
    case 7:
      draft.tensors.push({ ...tensor })
      break
    case 8:
      tensor.type = random.integer(0, 40)
      break
    case 9: {
      const at = random.integer(0, 4)
      tensor.dimensions = tensor.dimensions.map((extent, index) => (index === at ? number : extent))
      if (at >= tensor.dimensions.length) tensor.dimensions = [...tensor.dimensions, number]
      break
    }
    case 10:
      tensor.offset = random.pick([number, Number(tensor.offset) + 32, Number(tensor.offset) + 1, 0])
      break
    default:
      draft.data = draft.data.slice(0, random.integer(0, draft.data.length))
  }
}

/** The value behind a type, as plain numbers and texts. */
function plainValue({ type, payload }: RawKey): unknown {
  const name = ggufValueTypes[type] as string
  const view = payload.slice()
  const fixed = (of: string, bytes: Uint8Array): ArrayLike<number | bigint> =>
    new ggufArrayTypes[of as GgufFixedType](bytes.slice().buffer)
  const decode = (bytes: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  if (name === 'string') return decode(view.subarray(8))
  if (name !== 'array') return name === 'bool' ? view[0] === 1 : fixed(name, view)[0]
  const of = ggufValueTypes[new DataView(view.buffer).getUint32(0, true)] as string
  if (of !== 'string') return Array.from(fixed(of, view.subarray(12)))
  const texts: string[] = []
  for (let at = 12; at < view.length;) {
    const length = Number(new DataView(view.buffer).getBigUint64(at, true))
    texts.push(decode(view.subarray(at + 8, at + 8 + length)))
    at += 8 + length
  }
  return texts
}

function sameValue(left: unknown, right: unknown): boolean {
  if (!Array.isArray(right)) return Object.is(left, right)
  const values = Array.from(left as ArrayLike<unknown>)
  return values.length === right.length && values.every((value, index) => Object.is(value, right[index]))
}

/**
 * What the format says of an opened file, computed another way.
 * @returns what is wrong: nothing, it is hoped
 */
async function faults(bytes: Uint8Array, gguf: GgufCheckpoint): Promise<string[]> {
  const { keys, tensors, dataStart } = takeApart(bytes)
  const wrong: string[] = []
  if (
    !sameValue(
      [...gguf.metadata.keys()],
      keys.map(({ key }) => key),
    )
  )
    wrong.push('keys')
  for (const key of keys) if (!sameValue(gguf.metadata.get(key.key)?.value, plainValue(key))) wrong.push(key.key)
  if (!sameValue(gguf.names(), tensors.map(({ name }) => name).sort())) wrong.push('names')
  const covered = new Uint8Array(bytes.length)
  for (const tensor of tensors) {
    const raw = await gguf.read(tensor.name)
    const start = dataStart + Number(tensor.offset)
    const elements = tensor.dimensions.map(Number).reduce((product, extent) => product * extent, 1)
    const right =
      raw.length === rawTensorBytes(tensor) &&
      raw.every((byte, index) => byte === bytes[start + index]) &&
      sameValue([...gguf.info(tensor.name).shape].reverse(), tensor.dimensions) &&
      (await gguf.readFloat32(tensor.name)).length === elements
    if (!right) wrong.push(tensor.name)
    for (let at = start; at < start + raw.length; at++) covered[at] = (covered[at] as number) + 1
  }
  if (covered.some((count) => count > 1)) wrong.push('overlaps')
  return wrong
}

/** Past the header: every rule on it was found to hold, so that the file is open. */
export const ggufFormat: FuzzFormat = {
  name: 'gguf',
  share: 150,
  mutate(random) {
    const draft = seed(random)
    const kind = random.integer(0, 10)
    if (kind < 7) for (let round = random.integer(0, 3); round > 0; round--) mutateMeaning(random, draft)
    else for (let round = random.integer(1, 3); round > 0; round--) mutateStructure(random, draft)
    const bytes = rawBytes(draft)
    if (kind === 9) bytes[random.integer(0, Math.min(bytes.length, 1200))] = random.integer(0, 256)
    return random.integer(0, 20) === 0 ? bytes.subarray(0, random.integer(0, bytes.length)) : bytes
  },
  async load(bytes, passed) {
    // The header once, and every tensor twice by the check; the factors once more by the configuration.
    const gguf = await openGguf(guardedSource(bytes, 4))
    passed()
    const wrong = await faults(bytes, gguf)
    mustHold(wrong.length === 0, wrong.join(', '))
    const config = await ggufConfig(gguf)
    const { shape } = publishedCheckpoint(gguf).info('model.embed_tokens.weight')
    mustHold(sameValue(shape, [config['vocab_size'], config['hidden_size']]), 'embeddings as the configuration says')
  },
}
