import { describe, expect, it } from 'vitest'
import { PocketPhiError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from '../blocks/half.ts'
import { tensorBytes, type StoredDType } from './header.ts'
import { openSafetensors, type Checkpoint } from './safetensors.ts'
import {
  floatEntry,
  safetensorsBytes,
  writeCheckpoint,
  writeSafetensors,
  type TensorEntry,
} from './safetensors-writer.ts'
import { bytesSource, type ByteSource } from './source.ts'
import { memoryFolder } from './tree.ts'

const dtypes: readonly StoredDType[] = ['F64', 'F32', 'F16', 'BF16', 'I64', 'I32', 'I16', 'I8', 'U8', 'BOOL']

async function codeOf(action: () => Promise<unknown>): Promise<string> {
  try {
    await action()
  } catch (error) {
    if (error instanceof PocketPhiError) return error.code
    throw error
  }
  return 'no error'
}

function randomBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.integer(0, 256))
}

function randomEntries(random: Random, count: number): TensorEntry[] {
  return Array.from({ length: count }, (_, index) => {
    const dtype = random.pick(dtypes)
    const shape = Array.from({ length: random.integer(0, 4) }, () => random.integer(0, 6))
    return { name: `t${index}.wé"ight`, dtype, shape, data: randomBytes(random, tensorBytes(dtype, shape) ?? 0) }
  })
}

/** A file of this header text and as many data bytes. */
function fileOf(json: string, dataBytes: number, announced?: number): Uint8Array {
  const text = new TextEncoder().encode(json)
  const bytes = new Uint8Array(8 + text.length + dataBytes)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(announced ?? text.length), true)
  bytes.set(text, 8)
  return bytes
}

function openBytes(bytes: Uint8Array): Promise<Checkpoint> {
  return openSafetensors(bytesSource(bytes, 'test.safetensors'))
}

async function expectEntries(checkpoint: Checkpoint, entries: readonly TensorEntry[]): Promise<void> {
  expect(checkpoint.names()).toEqual(entries.map((entry) => entry.name).sort())
  for (const { name, dtype, shape, data } of entries) {
    expect(checkpoint.info(name)).toEqual({ dtype, shape, bytes: (data as Uint8Array).length })
    expect(await checkpoint.read(name)).toEqual(data)
  }
}

describe('one file', () => {
  it('gives back what was written, in any order, with the same bytes', async () => {
    const random = new Random(1)
    for (let trial = 0; trial < 30; trial++) {
      const entries = randomEntries(random, random.integer(0, 9))
      const metadata: Record<string, string> = trial % 2 === 0 ? {} : { format: 'pt', note: '"é\n' }
      const bytes = await safetensorsBytes(entries, metadata)
      const checkpoint = await openBytes(bytes)
      await expectEntries(checkpoint, entries)
      expect(checkpoint.metadata).toEqual(metadata)
      expect(await safetensorsBytes(random.shuffle([...entries]), metadata)).toEqual(bytes)
    }
  })

  it('is the file that the format describes, byte by byte', async () => {
    const bytes = await safetensorsBytes(
      [{ name: 'b', dtype: 'U8', shape: [3], data: Uint8Array.of(7, 8, 9) }, floatEntry('a', [1], Float32Array.of(1))],
      { format: 'pt' },
    )
    const json =
      '{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},' +
      '"b":{"dtype":"U8","shape":[3],"data_offsets":[4,7]}}'
    const padded = json.padEnd(Math.ceil(json.length / 8) * 8, ' ')
    expect(new TextDecoder().decode(bytes.subarray(8, 8 + padded.length))).toBe(padded)
    expect(Array.from(bytes.subarray(0, 8))).toEqual([padded.length, 0, 0, 0, 0, 0, 0, 0])
    expect(Array.from(bytes.subarray(8 + padded.length))).toEqual([0, 0, 0x80, 0x3f, 7, 8, 9])
  })

  it('reads ranges, into a view', async () => {
    const data = randomBytes(new Random(2), 40)
    const checkpoint = await openBytes(await safetensorsBytes([{ name: 'x', dtype: 'U8', shape: [40], data }]))
    const into = new Uint8Array(7)
    expect(await checkpoint.read('x', { into, range: { offset: 11, length: 7 } })).toBe(into)
    expect(into).toEqual(data.subarray(11, 18))
    const outside = [
      { offset: -1, length: 2 },
      { offset: 39, length: 2 },
      { offset: 0.5, length: 1 },
      { offset: 2 ** 53, length: 1 },
    ]
    for (const range of outside) expect(await codeOf(() => checkpoint.read('x', { range }))).toBe('invalid-argument')
    expect(await codeOf(() => checkpoint.read('x', { into }))).toBe('invalid-argument')
    expect(await codeOf(() => checkpoint.read('y'))).toBe('not-found')
    await checkpoint.close()
    expect(await codeOf(() => checkpoint.read('x'))).toBe('invalid-argument')
  })

  it('converts floats, whole and by rows', async () => {
    const random = new Random(3)
    const values = Float32Array.from({ length: 60 }, () => random.normal())
    const doubles = Float64Array.from(values, (value) => value * 1.000000001)
    const checkpoint = await openBytes(
      await safetensorsBytes([
        floatEntry('f32', [5, 3, 4], values),
        floatEntry('f16', [5, 3, 4], values, 'F16'),
        floatEntry('bf16', [5, 3, 4], values, 'BF16'),
        { name: 'f64', dtype: 'F64', shape: [5, 3, 4], data: new Uint8Array(doubles.buffer) },
        { name: 'i32', dtype: 'I32', shape: [1], data: new Uint8Array(4) },
      ]),
    )
    const expected: Record<string, Float32Array> = {
      f32: values,
      f16: f16ToF32(f32ToF16(values)),
      bf16: bf16ToF32(f32ToBf16(values)),
      f64: Float32Array.from(doubles),
    }
    for (const [name, all] of Object.entries(expected)) {
      expect(await checkpoint.readFloat32(name)).toEqual(all)
      const into = new Float32Array(30).subarray(3, 27)
      expect(await checkpoint.readFloat32(name, { into, rows: { first: 2, count: 2 } })).toBe(into)
      expect(into).toEqual(all.subarray(24, 48))
      expect(await codeOf(() => checkpoint.readFloat32(name, { rows: { first: 4, count: 2 } }))).toBe(
        'invalid-argument',
      )
      expect(await codeOf(() => checkpoint.readFloat32(name, { into: new Float32Array(4) }))).toBe('invalid-argument')
    }
    expect(await codeOf(() => checkpoint.readFloat32('i32'))).toBe('invalid-argument')
  })

  it('converts tensors longer than a conversion chunk', async () => {
    const values = Float32Array.from({ length: (1 << 20) + 5 }, (_, index) => index % 251)
    const checkpoint = await openBytes(await safetensorsBytes([floatEntry('x', [values.length], values, 'BF16')]))
    const read = await checkpoint.readFloat32('x')
    expect(read.length).toBe(values.length)
    expect(read.every((value, index) => value === index % 251)).toBe(true)
  })
})

describe('the writer refuses', () => {
  const entry = (name: string, shape: readonly number[], length: number): TensorEntry => {
    return { name, dtype: 'U8', shape, data: new Uint8Array(length) }
  }

  it('names and shapes that cannot be read back', async () => {
    expect(await codeOf(() => safetensorsBytes([entry('__metadata__', [1], 1)]))).toBe('invalid-argument')
    expect(await codeOf(() => safetensorsBytes([entry('a', [1], 1), entry('a', [2], 2)]))).toBe('invalid-argument')
    expect(await codeOf(() => safetensorsBytes([entry('\ud800', [1], 1)]))).toBe('invalid-argument')
    expect(await codeOf(() => safetensorsBytes([entry('a', [2], 1)]))).toBe('shape')
    expect(await codeOf(() => safetensorsBytes([entry('a', [-1], 1)]))).toBe('shape')
    expect(await codeOf(() => safetensorsBytes([entry('a', [2 ** 40, 2 ** 40], 1)]))).toBe('shape')
    expect(await codeOf(async () => floatEntry('a', [3], new Float32Array(2)))).toBe('shape')
  })

  it('chunks that do not fill their tensor', async () => {
    for (const lengths of [[3], [2, 1], [5], [2, 2, 1], []]) {
      const data = (): Uint8Array[] => lengths.map((length) => new Uint8Array(length))
      const write = async (): Promise<void> => {
        for await (const chunk of writeSafetensors([{ name: 'a', dtype: 'U8', shape: [4], data }])) void chunk
      }
      expect(await codeOf(write)).toBe('shape')
    }
  })
})

describe('shards', () => {
  async function writeShards(entries: readonly TensorEntry[], limit: number): Promise<Map<string, Uint8Array>> {
    const files = new Map<string, Uint8Array>()
    const names = await writeCheckpoint(entries, { format: 'pt' }, limit, async (name, chunks) => {
      const parts: number[] = []
      for await (const chunk of chunks) parts.push(...chunk)
      files.set(name, Uint8Array.from(parts))
    })
    expect([...files.keys()]).toEqual(names)
    return files
  }

  const entries = (): TensorEntry[] => {
    const random = new Random(4)
    return ['d', 'a', 'c', 'b'].map((name) => ({ name, dtype: 'U8', shape: [100], data: randomBytes(random, 100) }))
  }

  it('are cut at the limit, indexed and read as one', async () => {
    const files = await writeShards(entries(), 250)
    expect([...files.keys()]).toEqual([
      'model-00001-of-00002.safetensors',
      'model-00002-of-00002.safetensors',
      'model.safetensors.index.json',
    ])
    const index: unknown = JSON.parse(new TextDecoder().decode(files.get('model.safetensors.index.json')))
    expect(index).toEqual({
      metadata: { total_size: 400 },
      weight_map: {
        a: 'model-00001-of-00002.safetensors',
        b: 'model-00001-of-00002.safetensors',
        c: 'model-00002-of-00002.safetensors',
        d: 'model-00002-of-00002.safetensors',
      },
    })
    const checkpoint = await openSafetensors(memoryFolder(files))
    await expectEntries(checkpoint, entries())
    expect(checkpoint.metadata).toEqual({ format: 'pt' })
  })

  it('are one plain file where that is enough, and one tensor each where the limit is tiny', async () => {
    expect([...(await writeShards(entries(), 400)).keys()]).toEqual(['model.safetensors'])
    expect((await writeShards(entries(), 1)).size).toBe(5)
    await expectEntries(await openSafetensors(memoryFolder(await writeShards(entries(), 1))), entries())
  })

  it('are refused when index and files disagree', async () => {
    const indexName = 'model.safetensors.index.json'
    const open = async (change: (files: Map<string, Uint8Array>) => void): Promise<string> => {
      const files = await writeShards(entries(), 250)
      change(files)
      return await codeOf(() => openSafetensors(memoryFolder(files)))
    }
    const edit = (from: string, to: string) => {
      return (files: Map<string, Uint8Array>): void => {
        const text = new TextDecoder().decode(files.get(indexName))
        expect(text).toContain(from)
        files.set(indexName, new TextEncoder().encode(text.replace(from, to)))
      }
    }
    const first = 'model-00001-of-00002.safetensors'
    const second = 'model-00002-of-00002.safetensors'
    expect(await open(() => {})).toBe('no error')
    expect(await open((files) => files.delete(first))).toBe('not-found')
    expect(await open((files) => files.set(second, files.get(first) as Uint8Array))).toBe('invalid-file')
    expect(await open(edit(`"a": "${first}"`, `"a": "${second}"`))).toBe('invalid-file')
    expect(await open(edit(`"a": "${first}"`, `"a": "${first}", "e": "${first}"`))).toBe('invalid-file')
    expect(await open(edit(`"a": "${first}",`, ''))).toBe('invalid-file')
    expect(await open(edit(`"a": "${first}"`, `"a": "${first}", "\\u0061": "${first}"`))).toBe('invalid-file')
    for (const name of ['../x.safetensors', 'a/b.safetensors', 'a\\\\b.safetensors', '/etc/passwd', 'x.bin', '']) {
      expect(await open(edit(`"a": "${first}"`, `"a": "${name}"`))).toBe('invalid-file')
    }
    expect(await open(edit(`"a": "${first}"`, '"a": 1'))).toBe('invalid-file')
    for (const text of ['', '[]', '{}', '{"weight_map":{}}', '{"weight_map":[]}', 'null', '\ufffd{']) {
      expect(await open((files) => files.set(indexName, new TextEncoder().encode(text)))).toBe('invalid-file')
    }
  })

  it('are found under another name when there is one candidate', async () => {
    const bytes = await safetensorsBytes(entries())
    await expectEntries(await openSafetensors(memoryFolder(new Map([['draft.safetensors', bytes]]))), entries())
    const two = memoryFolder(
      new Map([
        ['a.safetensors', bytes],
        ['b.safetensors', bytes],
      ]),
    )
    expect(await codeOf(() => openSafetensors(two))).toBe('not-found')
    await expectEntries(await openSafetensors(two, 'b.safetensors'), entries())
    expect(await codeOf(() => openSafetensors(memoryFolder(new Map())))).toBe('not-found')
  })

  it('are closed when one of them is damaged', async () => {
    const files = await writeShards(entries(), 250)
    files.set('model-00002-of-00002.safetensors', new Uint8Array(20))
    const tree = memoryFolder(files)
    let open = 0
    const counting = {
      ...tree,
      async open(name: string): Promise<ByteSource> {
        const source = await tree.open(name)
        open++
        return { ...source, close: async () => void open-- }
      },
    }
    expect(await codeOf(() => openSafetensors(counting))).toBe('invalid-file')
    expect(open).toBe(0)
  })
})

describe('a damaged header', () => {
  const tensor = (dtype: string, shape: string, offsets: string): string => {
    return `{"dtype":${dtype},"shape":${shape},"data_offsets":${offsets}}`
  }
  const good = tensor('"F32"', '[2]', '[0,8]')

  it.each([
    ['an empty file', new Uint8Array(0)],
    ['seven bytes', new Uint8Array(7)],
    ['no header', new Uint8Array(8)],
    ['a header longer than the file', fileOf(`{"a":${good}}`, 8, 200)],
    ['a header of 2^63 bytes', fileOf(`{"a":${good}}`, 8, 2 ** 63)],
    ['a header above the limit', fileOf(`{"a":${good}}`, 8, 100_000_001)],
    ['leading space', fileOf(` {"a":${good}}`, 8)],
    ['a byte order mark', fileOf(`\ufeff{"a":${good}}`, 8)],
    ['bytes behind the object', fileOf(`{"a":${good}}x`, 8)],
    ['an array', fileOf('[1,2]', 8)],
    ['no JSON', fileOf(`{"a":${good}`, 8)],
    ['a duplicate tensor', fileOf(`{"a":${good},"a":${good}}`, 8)],
    ['a duplicate tensor, escaped', fileOf(`{"a":${good},"\\u0061":${good}}`, 8)],
    ['a duplicate field', fileOf('{"a":{"dtype":"U8","dtype":"F32","shape":[2],"data_offsets":[0,8]}}', 8)],
    ['an unknown dtype', fileOf(`{"a":${tensor('"F31"', '[2]', '[0,8]')}}`, 8)],
    ['a dtype of the prototype', fileOf(`{"a":${tensor('"constructor"', '[2]', '[0,8]')}}`, 8)],
    ['a dtype that is no string', fileOf(`{"a":${tensor('1', '[2]', '[0,8]')}}`, 8)],
    ['a negative shape', fileOf(`{"a":${tensor('"F32"', '[-2]', '[0,8]')}}`, 8)],
    ['two negative extents', fileOf(`{"a":${tensor('"F32"', '[-1,-2]', '[0,8]')}}`, 8)],
    ['a fractional shape', fileOf(`{"a":${tensor('"F32"', '[0.5,4]', '[0,8]')}}`, 8)],
    ['an overflowing shape', fileOf(`{"a":${tensor('"F32"', '[4294967296,4294967296]', '[0,8]')}}`, 8)],
    ['an overflowing shape times zero', fileOf(`{"a":${tensor('"F32"', '[4294967296,4294967296,0]', '[0,0]')}}`, 0)],
    ['an extent beyond safe integers', fileOf(`{"a":${tensor('"U8"', '[9007199254740993]', '[0,8]')}}`, 8)],
    ['a shape that is no array', fileOf(`{"a":${tensor('"F32"', '{"length":1}', '[0,8]')}}`, 8)],
    ['a nested shape', fileOf(`{"a":${tensor('"F32"', '[[2]]', '[0,8]')}}`, 8)],
    ['offsets beyond the file', fileOf(`{"a":${tensor('"F32"', '[4]', '[0,16]')}}`, 8)],
    ['offsets that do not match the shape', fileOf(`{"a":${tensor('"F32"', '[2]', '[0,4]')}}`, 8)],
    ['offsets backwards', fileOf(`{"a":${tensor('"F32"', '[2]', '[8,0]')}}`, 8)],
    ['negative offsets', fileOf(`{"a":${tensor('"F32"', '[2]', '[-8,0]')}}`, 8)],
    ['three offsets', fileOf(`{"a":${tensor('"F32"', '[2]', '[0,8,8]')}}`, 8)],
    ['a hole at the start', fileOf(`{"a":${tensor('"F32"', '[2]', '[4,12]')}}`, 12)],
    ['a hole', fileOf(`{"a":${good},"b":${tensor('"U8"', '[1]', '[9,10]')}}`, 10)],
    ['an overlap', fileOf(`{"a":${good},"b":${tensor('"U8"', '[2]', '[7,9]')}}`, 9)],
    ['an overlap that a gap makes up for', fileOf(`{"a":${good},"b":${tensor('"U8"', '[2]', '[7,9]')}}`, 10)],
    ['a tensor within another', fileOf(`{"a":${good},"b":${tensor('"U8"', '[2]', '[3,5]')}}`, 10)],
    ['data behind the last tensor', fileOf(`{"a":${good}}`, 9)],
    ['metadata that are no strings', fileOf(`{"__metadata__":{"a":1},"a":${good}}`, 8)],
    ['metadata that are no object', fileOf(`{"__metadata__":[],"a":${good}}`, 8)],
    ['an entry that is null', fileOf('{"a":null}', 0)],
    ['an entry without a dtype', fileOf('{"a":{"shape":[2],"data_offsets":[0,8]}}', 8)],
    ['JSON nested deeply', fileOf(`{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`, 0)],
  ])('is refused: %s', async (_, bytes) => {
    expect(await codeOf(() => openBytes(bytes))).toBe('invalid-file')
  })

  it('is refused: invalid UTF-8', async () => {
    const bytes = fileOf(`{"a":${good}}`, 8)
    bytes[10] = 0xff
    expect(await codeOf(() => openBytes(bytes))).toBe('invalid-file')
  })

  it('is told apart from element types that are not read here', async () => {
    expect(await codeOf(() => openBytes(fileOf(`{"a":${tensor('"F8_E4M3"', '[8]', '[0,8]')}}`, 8)))).toBe(
      'not-supported',
    )
  })

  it('does not confuse names of the prototype', async () => {
    const checkpoint = await openBytes(fileOf(`{"__proto__":${good},"__metadata__":{"__proto__":"x"}}`, 8))
    expect(checkpoint.names()).toEqual(['__proto__'])
    expect(checkpoint.has('constructor')).toBe(false)
    expect(Object.keys(checkpoint.metadata)).toEqual(['__proto__'])
  })

  it('may hold empty tensors and scalars', async () => {
    const json = `{"a":${tensor('"F32"', '[0,3]', '[0,0]')},"b":${tensor('"F32"', '[]', '[0,4]')},"c":${tensor('"U8"', '[0]', '[4,4]')}}`
    const checkpoint = await openBytes(fileOf(json, 4))
    expect((await checkpoint.readFloat32('a')).length).toBe(0)
    expect(Array.from(await checkpoint.readFloat32('b'))).toEqual([0])
  })
})
