import { describe, expect, it } from 'vitest'
import { PocketPhiError, type ErrorCode } from '../base/errors.ts'
import { nodeModule } from '../base/platform.ts'
import { dequantizeGgml } from '../blocks/ggml-dequantize.ts'
import { ggmlNumbers, ggmlTypeOf, type GgmlType } from '../blocks/ggml.ts'
import { writeFileAtomic } from './atomic.ts'
import {
  f32,
  joined,
  numberKey,
  rawBytes,
  text,
  textKey,
  u32,
  u64,
  type RawGguf,
  type RawTensor,
} from './gguf-harness.ts'
import { openGguf, type GgufCheckpoint } from './gguf.ts'
import { type GgufMetadata, type GgufValue } from './gguf-values.ts'
import { ggufBytes, writeGguf, type GgufEntry } from './gguf-writer.ts'
import { bytesSource, fileSource } from './source.ts'
import { memoryFolder } from './tree.ts'

const open = async (bytes: Uint8Array): Promise<GgufCheckpoint> => await openGguf(bytesSource(bytes, 'model.gguf'))

async function failure(action: Promise<unknown>): Promise<PocketPhiError> {
  const error: unknown = await action.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof PocketPhiError) return error
  throw new Error('no PocketPhiError', { cause: error })
}

async function expectRefused(raw: RawGguf | Uint8Array, code: ErrorCode, message: RegExp): Promise<void> {
  const error = await failure(open(raw instanceof Uint8Array ? raw : rawBytes(raw)))
  expect(error.message).toMatch(message)
  expect(error.code).toBe(code)
}

/** Bytes that differ from each other and from those of another seed. */
function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + seed * 17) % 251)
}

const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer)

/** [2, 3] and [4] of F32, by hand. */
const twoTensors: readonly RawTensor[] = [
  { name: 'a', dimensions: [3, 2], type: 0, offset: 0 },
  { name: 'b', dimensions: [4], type: 0, offset: 32 },
]
const twoData = joined(floats(1, 2, 3, 4, 5, 6), new Uint8Array(8), floats(7, 8, 9, 10))
const valid: RawGguf = { keys: [textKey('general.name', 'hand')], tensors: twoTensors, data: twoData }

const everyValue: GgufMetadata = new Map<string, GgufValue>([
  ['u8', { type: 'uint8', value: 255 }],
  ['i8', { type: 'int8', value: -128 }],
  ['u16', { type: 'uint16', value: 65535 }],
  ['i16', { type: 'int16', value: -32768 }],
  ['u32', { type: 'uint32', value: 0xffff_ffff }],
  ['i32', { type: 'int32', value: -0x8000_0000 }],
  ['f32', { type: 'float32', value: Math.fround(0.1) }],
  ['yes', { type: 'bool', value: true }],
  ['no', { type: 'bool', value: false }],
  ['text', { type: 'string', value: '\ufeff▁ß\u0000🙂' }],
  ['u64', { type: 'uint64', value: 2n ** 64n - 1n }],
  ['i64', { type: 'int64', value: -(2n ** 63n) }],
  ['f64', { type: 'float64', value: 0.1 }],
  ['texts', { type: 'array', of: 'string', value: ['', 'a', '▁'.repeat(200)] }],
  ['empty', { type: 'array', of: 'string', value: [] }],
  ['bytes', { type: 'array', of: 'uint8', value: Uint8Array.of(0, 255) }],
  ['shorts', { type: 'array', of: 'int16', value: Int16Array.of(-1, 2) }],
  ['ints', { type: 'array', of: 'int32', value: Int32Array.of(-1, 2) }],
  ['floats', { type: 'array', of: 'float32', value: Float32Array.of(-1.5, 2) }],
  ['bools', { type: 'array', of: 'bool', value: Uint8Array.of(1, 0, 1) }],
  ['longs', { type: 'array', of: 'uint64', value: BigUint64Array.of(1n, 2n ** 63n) }],
  ['doubles', { type: 'array', of: 'float64', value: Float64Array.of(0.1, -0) }],
])

/** One matrix of every type, of two rows of one block. */
function everyType(): GgufEntry[] {
  return [...ggmlNumbers.values()].map((dtype, index) => {
    const { blockLength, blockBytes } = ggmlTypeOf(dtype)
    return { name: `t.${dtype}`, dtype, shape: [2, blockLength], data: pattern(2 * blockBytes, index) }
  })
}

describe('openGguf', () => {
  it('reads a file made by hand, of version 2 and 3', async () => {
    for (const version of [2, 3]) {
      const gguf = await open(rawBytes({ ...valid, version }))
      expect(gguf.names()).toEqual(['a', 'b'])
      expect(gguf.info('a')).toEqual({ dtype: 'F32', shape: [2, 3], bytes: 24 })
      expect(await gguf.readFloat32('a')).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6))
      expect(await gguf.readFloat32('b')).toEqual(Float32Array.of(7, 8, 9, 10))
      expect([...gguf.metadata]).toEqual([['general.name', { type: 'string', value: 'hand' }]])
      expect(gguf.file).toBe('model.gguf')
    }
  })

  it('reads what the writer wrote: every type of value and of tensor', async () => {
    const entries = everyType()
    const gguf = await open(await ggufBytes(entries, everyValue))
    expect([...gguf.metadata]).toEqual([...everyValue])
    expect(gguf.names()).toEqual(entries.map(({ name }) => name).sort())
    for (const { name, dtype, shape, data } of entries) {
      expect(gguf.info(name)).toEqual({ dtype, shape, bytes: (data as Uint8Array).length })
      expect(await gguf.read(name)).toEqual(data)
      expect(await gguf.readFloat32(name)).toEqual(dequantizeGgml(dtype, data as Uint8Array))
    }
  })

  it('reads ranges of bytes and of rows, also into views', async () => {
    const data = pattern(5 * 34, 1)
    const gguf = await open(await ggufBytes([{ name: 'w', dtype: 'Q8_0', shape: [5, 32], data }], new Map()))
    const into = new Uint8Array(40)
    expect(await gguf.read('w', { range: { offset: 30, length: 40 }, into })).toBe(into)
    expect(into).toEqual(data.subarray(30, 70))
    const rows = await gguf.readFloat32('w', { rows: { first: 1, count: 3 } })
    expect(rows).toEqual(dequantizeGgml('Q8_0', data.subarray(34, 4 * 34)))
    const target = new Float32Array(32)
    expect(await gguf.readFloat32('w', { rows: { first: 4, count: 1 }, into: target })).toBe(target)
    expect(target).toEqual(dequantizeGgml('Q8_0', data.subarray(4 * 34)))
    expect(await gguf.readFloat32('w', { rows: { first: 5, count: 0 } })).toHaveLength(0)
  })

  it('converts tensors that are larger than its buffer', async () => {
    const values = Float32Array.from({ length: 2 ** 20 + 64 }, (_, index) => index)
    const data = new Uint8Array(values.buffer)
    const gguf = await open(await ggufBytes([{ name: 'w', dtype: 'F32', shape: [values.length], data }], new Map()))
    const found = await gguf.readFloat32('w')
    expect(found.length).toBe(values.length)
    expect(found.findIndex((value, index) => value !== index)).toBe(-1)
  })

  it('refuses reads that leave a tensor, and names that are not there', async () => {
    const gguf = await open(rawBytes(valid))
    expect((await failure(gguf.read('c'))).code).toBe('not-found')
    for (const [offset, length] of [
      [0, 25],
      [24, 1],
      [-1, 1],
      [0.5, 1],
      [0, Number.NaN],
    ] as const) {
      expect((await failure(gguf.read('a', { range: { offset, length } }))).code).toBe('invalid-argument')
    }
    expect((await failure(gguf.readFloat32('a', { rows: { first: 1, count: 2 } }))).code).toBe('invalid-argument')
    expect((await failure(gguf.readFloat32('a', { into: new Float32Array(5) }))).code).toBe('invalid-argument')
    await gguf.close()
    expect((await failure(gguf.read('a'))).code).toBe('invalid-argument')
  })

  it('honours the alignment of the file', async () => {
    for (const alignment of [1, 8, 64, 4096]) {
      const metadata: GgufMetadata = new Map([['general.alignment', { type: 'uint32', value: alignment } as const]])
      const bytes = await ggufBytes(everyType(), metadata)
      const gguf = await open(bytes)
      for (const { name, data } of everyType()) expect(await gguf.read(name)).toEqual(data)
      expect(bytes.length % alignment).toBe(0)
    }
  })

  it('takes tensors in any order, holes, no dimensions and empty tensors', async () => {
    const gguf = await open(
      rawBytes({
        keys: [],
        tensors: [
          { name: 'late', dimensions: [1], type: 0, offset: 96 },
          { name: 'scalar', dimensions: [], type: 0, offset: 0 },
          { name: 'empty', dimensions: [32, 0], type: 2, offset: 0 },
        ],
        data: joined(floats(5), new Uint8Array(92), floats(6)),
      }),
    )
    expect(await gguf.readFloat32('late')).toEqual(Float32Array.of(6))
    expect(await gguf.readFloat32('scalar')).toEqual(Float32Array.of(5))
    expect(gguf.info('scalar').shape).toEqual([])
    expect(gguf.info('empty')).toEqual({ dtype: 'Q4_0', shape: [0, 32], bytes: 0 })
    expect(await gguf.readFloat32('empty')).toHaveLength(0)
  })

  it('takes a file of metadata alone, without padding', async () => {
    const bytes = rawBytes({ ...valid, tensors: [], data: new Uint8Array(0), alignment: 1 })
    expect((await open(bytes)).names()).toEqual([])
    expect(await ggufBytes([], new Map([['general.name', { type: 'string', value: 'hand' }]]))).toEqual(bytes)
  })

  it('reads a header of several pieces', async () => {
    const tokens = Array.from({ length: 5000 }, (_, index) => `token number ${index} ${'x'.repeat(index % 500)}`)
    const metadata: GgufMetadata = new Map<string, GgufValue>([
      ['tokens', { type: 'array', of: 'string', value: tokens }],
      ['long', { type: 'string', value: 'y'.repeat(3 * 2 ** 20) }],
      ['zeros', { type: 'array', of: 'uint64', value: new BigUint64Array(200_000) }],
      ['scores', { type: 'array', of: 'float64', value: Float64Array.from(tokens, (_, index) => index / 7) }],
      ['many', { type: 'array', of: 'float64', value: Float64Array.from({ length: 3000 }, (_, index) => -index) }],
    ])
    const gguf = await open(await ggufBytes([], metadata))
    for (const [key, value] of metadata) {
      const found = gguf.metadata.get(key)
      if (found?.type !== 'array' || value.type !== 'array') expect(found?.value === value.value).toBe(true)
      else expect(Array.from<unknown>(found.value).join() === Array.from<unknown>(value.value).join()).toBe(true)
    }
  })
})

describe('hostile files', () => {
  it('are refused at every length that they are cut to', async () => {
    const bytes = rawBytes(valid)
    for (let length = 0; length < bytes.length; length++) {
      expect((await failure(open(bytes.slice(0, length)))).code).toBe('invalid-file')
    }
  })

  it('are refused by name when they are of another kind', async () => {
    await expectRefused({ ...valid, magic: 'GGML' }, 'invalid-file', /does not start with "GGUF"/)
    await expectRefused({ ...valid, version: 1 }, 'not-supported', /version 2 or 3.*version 1/)
    await expectRefused({ ...valid, version: 4 }, 'not-supported', /version 4/)
    await expectRefused({ ...valid, version: 0 }, 'not-supported', /version 0/)
    await expectRefused({ ...valid, version: 3 << 24 }, 'not-supported', /big-endian/)
    await expectRefused({ ...valid, version: 2 << 24 }, 'not-supported', /big-endian/)
  })

  it('announce more than they hold', async () => {
    for (const count of [100, 2 ** 16, 2 ** 32, 2n ** 60n, 2n ** 64n - 1n]) {
      await expectRefused({ ...valid, tensorCount: count }, 'invalid-file', /Found/)
      await expectRefused({ ...valid, keyCount: count }, 'invalid-file', /Found/)
      for (const of of [0, 4, 8, 12]) {
        const payload = joined(u32(of), u64(count), new Uint8Array(2))
        const raw: RawGguf = { keys: [{ key: 'k', type: 9, payload }], tensors: [], data: new Uint8Array(0) }
        await expectRefused(raw, 'invalid-file', /"k\\?" does not fit into the file.*Found/)
      }
      const short = { key: 'k', type: 8, payload: joined(u64(count), new Uint8Array(3)) }
      await expectRefused(
        { ...valid, tensors: [], data: new Uint8Array(0), keys: [short] },
        'invalid-file',
        /does not fit/,
      )
    }
  })

  it('have impossible keys and values', async () => {
    const withKey = (type: number, payload: Uint8Array, key = 'k'): RawGguf => ({
      ...valid,
      keys: [{ key, type, payload }],
    })
    await expectRefused(withKey(13, u32(0)), 'invalid-file', /unknown type.*13/)
    await expectRefused(withKey(9, joined(u32(13), u64(0))), 'invalid-file', /unknown type/)
    await expectRefused(withKey(9, joined(u32(9), u64(1), u32(4), u64(0))), 'not-supported', /array of arrays/)
    await expectRefused(withKey(7, Uint8Array.of(2)), 'invalid-file', /neither 0 nor 1/)
    await expectRefused(withKey(9, joined(u32(7), u64(2), Uint8Array.of(1, 2))), 'invalid-file', /neither 0 nor 1/)
    await expectRefused(withKey(8, joined(u64(2), Uint8Array.of(0xc3, 0x28))), 'invalid-file', /UTF-8/)
    await expectRefused(
      { ...valid, keys: [numberKey('k', 1), numberKey('k', 2)] },
      'invalid-file',
      /"k" is there twice/,
    )
    await expectRefused(withKey(4, u32(0), 'k'.repeat(70_000)), 'invalid-file', /too long/)
    for (const alignment of [0, 3, 48]) {
      await expectRefused(withKey(4, u32(alignment), 'general.alignment'), 'invalid-file', /power of two/)
    }
    await expectRefused(withKey(6, f32(32), 'general.alignment'), 'invalid-file', /uint32.*float32/)
  })

  it('have impossible tensors', async () => {
    const withTensor = (change: Partial<RawTensor>): RawGguf => ({
      ...valid,
      tensors: [{ ...(twoTensors[0] as RawTensor), ...change }, twoTensors[1] as RawTensor],
    })
    await expectRefused(withTensor({ name: 'b' }), 'invalid-file', /"b" is there twice/)
    await expectRefused(withTensor({ name: 'x'.repeat(65) }), 'invalid-file', /too long/)
    await expectRefused(withTensor({ dimensions: [1, 1, 1, 1, 1] }), 'invalid-file', /too many dimensions/)
    await expectRefused(withTensor({ dimensions: [2n ** 60n] }), 'invalid-file', /impossible|past its end/)
    await expectRefused(withTensor({ dimensions: [2n ** 32n, 2n ** 32n] }), 'invalid-file', /impossible/)
    await expectRefused(withTensor({ dimensions: [2n ** 40n, 2n ** 40n, 0] }), 'invalid-file', /impossible/)
    await expectRefused(withTensor({ dimensions: [31], type: 2 }), 'invalid-file', /blocks of 32/)
    await expectRefused(withTensor({ dimensions: [32], type: 12 }), 'invalid-file', /blocks of 256/)
    await expectRefused(withTensor({ dimensions: [], type: 8 }), 'invalid-file', /blocks of 32/)
    await expectRefused(withTensor({ type: 16 }), 'not-supported', /"a".*Q4_K \(12\).*type 16/)
    await expectRefused(withTensor({ type: 2 ** 31 }), 'not-supported', /type 2147483648/)
    await expectRefused(withTensor({ offset: 8 }), 'invalid-file', /not aligned/)
    await expectRefused(withTensor({ dimensions: [2], offset: 32 }), 'invalid-file', /overlaps/)
    await expectRefused(withTensor({ offset: 64 }), 'invalid-file', /past its end/)
    await expectRefused(withTensor({ offset: 2n ** 60n }), 'invalid-file', /past its end/)
    await expectRefused(withTensor({ offset: 2n ** 64n - 32n }), 'invalid-file', /past its end/)
  })

  it('never make the reader ask for what is not there, or twice', async () => {
    const bytes = rawBytes({ ...valid, keys: [{ key: 'k', type: 8, payload: joined(u64(2 ** 40), text('x')) }] })
    let asked = 0
    const inner = bytesSource(bytes)
    const source = {
      ...inner,
      read: (offset: number, length: number, into?: Uint8Array): Promise<Uint8Array> => {
        asked += length
        return inner.read(offset, length, into)
      },
    }
    expect((await failure(openGguf(source))).message).toMatch(/1099511627776/)
    expect(asked).toBeLessThanOrEqual(bytes.length)
    expect((await failure(inner.read(0, 1))).code).toBe('invalid-argument')
  })
})

/** The parts of a split file, as gguf-split writes them: all metadata in the first, two bytes of numbers in each. */
function parts(change: Partial<Record<string, number>> = {}): Map<string, Uint8Array> {
  const key = (name: string, type: number, value: number): RawGguf['keys'][number] => ({
    key: name,
    type,
    payload: type === 2 ? u32(value).slice(0, 2) : u32(value),
  })
  return new Map(
    [0, 1, 2].map((index) => [
      `model-0000${index + 1}-of-00003.gguf`,
      rawBytes({
        keys: [
          ...(index === 0 ? [textKey('general.name', 'split')] : []),
          key('split.no', 2, change[`no${index}`] ?? index),
          key('split.count', 2, change[`count${index}`] ?? 3),
          key('split.tensors.count', 5, change['tensors'] ?? 2),
        ],
        tensors:
          index === 0 ? [] : [{ name: change['same'] === 1 ? 'w' : `w${index}`, dimensions: [2], type: 0, offset: 0 }],
        data: index === 0 ? new Uint8Array(0) : floats(index, index),
      }),
    ]),
  )
}

describe('split files', () => {
  it('are one checkpoint, whichever part is named', async () => {
    const names = [undefined, 'model-00001-of-00003.gguf', 'model-00003-of-00003.gguf']
    for (const name of names) {
      const gguf = await openGguf(memoryFolder(parts()), name)
      expect(gguf.names()).toEqual(['w1', 'w2'])
      expect(await gguf.readFloat32('w2')).toEqual(Float32Array.of(2, 2))
      expect(gguf.metadata.get('general.name')).toEqual({ type: 'string', value: 'split' })
      expect(gguf.file).toBe('model-00001-of-00003.gguf')
    }
  })

  it('must be whole and belong together', async () => {
    const refused = async (files: Map<string, Uint8Array>, message: RegExp, name?: string): Promise<void> => {
      expect((await failure(openGguf(memoryFolder(files), name))).message).toMatch(message)
    }
    const lost = parts()
    lost.delete('model-00002-of-00003.gguf')
    await refused(lost, /model-00002-of-00003.gguf/)
    await refused(parts({ no1: 2 }), /part 2 of 3.*part 3 of 3/)
    await refused(parts({ count2: 4 }), /part 3 of 4/)
    await refused(parts({ no0: 9 }), /split.no below split.count/)
    await refused(parts({ tensors: 7 }), /7 tensors.*Found 2/)
    await refused(parts({ same: 1, tensors: 1 }), /"w" is in two parts/)
    await refused(new Map([['x.gguf', parts().get('model-00001-of-00003.gguf') as Uint8Array]]), /not named so/)
    const source = bytesSource(parts().get('model-00001-of-00003.gguf') as Uint8Array)
    expect((await failure(openGguf(source))).code).toBe('invalid-argument')
  })

  it('are found only where there is one file', async () => {
    expect((await failure(openGguf(memoryFolder(new Map())))).code).toBe('not-found')
    const two = new Map([
      ['a.gguf', rawBytes(valid)],
      ['b.gguf', rawBytes(valid)],
      ['readme.md', new Uint8Array(0)],
    ])
    expect((await failure(openGguf(memoryFolder(two)))).message).toMatch(/a\.gguf, b\.gguf/)
    expect((await openGguf(memoryFolder(two), 'b.gguf')).file).toBe('b.gguf')
  })
})

describe('writeGguf', () => {
  it('writes the bytes that the format says', async () => {
    const entries: GgufEntry[] = [
      { name: 'a', dtype: 'F32', shape: [2, 3], data: floats(1, 2, 3, 4, 5, 6) },
      { name: 'b', dtype: 'F32', shape: [4], data: () => [floats(7, 8), new Uint8Array(0), floats(9, 10)] },
    ]
    const bytes = await ggufBytes(entries, new Map([['general.name', { type: 'string', value: 'hand' }]]))
    expect(bytes).toEqual(joined(rawBytes(valid), new Uint8Array(16)))
  })

  it('refuses what the format cannot say', async () => {
    const refused = async (entry: Partial<GgufEntry>, code: ErrorCode): Promise<void> => {
      const whole: GgufEntry = { name: 'a', dtype: 'F32', shape: [1], data: floats(1), ...entry }
      expect((await failure(ggufBytes([whole], new Map()))).code).toBe(code)
    }
    await refused({ name: '' }, 'invalid-argument')
    await refused({ name: 'x'.repeat(64) }, 'invalid-argument')
    await refused({ name: '\ud800' }, 'invalid-argument')
    await refused({ shape: [2] }, 'shape')
    await refused({ shape: [-1] }, 'shape')
    await refused({ shape: [1, 1, 1, 1, 1] }, 'shape')
    await refused({ dtype: 'Q4_K', shape: [1, 32], data: () => [] }, 'shape')
    await refused({ data: () => [new Uint8Array(3)] }, 'shape')
    await refused({ data: () => [new Uint8Array(3), new Uint8Array(3)] }, 'shape')
    const twice: GgufEntry = { name: 'a', dtype: 'F32', shape: [1], data: floats(1) }
    expect((await failure(ggufBytes([twice, twice], new Map()))).code).toBe('invalid-argument')
    const values: GgufValue[] = [
      { type: 'uint8', value: 256 },
      { type: 'int32', value: 0.5 },
      { type: 'uint64', value: -1n },
      { type: 'int64', value: 2n ** 63n },
      { type: 'string', value: '\udc00' },
      { type: 'array', of: 'string', value: ['\ud800'] },
    ]
    for (const value of values) {
      expect((await failure(ggufBytes([], new Map([['k', value]])))).code).toBe('invalid-argument')
    }
    const odd: GgufMetadata = new Map([['general.alignment', { type: 'uint32', value: 33 } as const]])
    expect((await failure(ggufBytes([], odd))).message).toMatch(/power of two/)
    expect((await failure(ggufBytes([], new Map([['', { type: 'bool', value: true }]])))).code).toBe('invalid-argument')
  })

  it('streams into a file that is there whole or not at all', async () => {
    const files = nodeModule('node:fs/promises')
    const paths = nodeModule('node:path')
    const system = nodeModule('node:os')
    if (files === undefined || paths === undefined || system === undefined) throw new Error('no Node')
    const folder = await files.mkdtemp(paths.join(system.tmpdir(), 'gguf-'))
    try {
      const path = paths.join(folder, 'model.gguf')
      await writeFileAtomic(path, writeGguf(everyType(), everyValue))
      const gguf = await openGguf(await fileSource(path))
      for (const { name, data } of everyType()) expect(await gguf.read(name)).toEqual(data)
      await gguf.close()
      const broken: GgufEntry = { name: 'a', dtype: 'F32' satisfies GgmlType, shape: [2], data: () => [floats(1)] }
      expect((await failure(writeFileAtomic(path, writeGguf([broken], new Map())))).code).toBe('shape')
      expect(await files.readdir(folder)).toEqual(['model.gguf'])
      expect((await files.readFile(path)).length).toBe((await ggufBytes(everyType(), everyValue)).length)
    } finally {
      await files.rm(folder, { recursive: true })
    }
  })
})
