import { describe, expect, it } from 'vitest'
import { PocketPhiError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { openSafetensors } from './safetensors.ts'
import { safetensorsBytes, type TensorEntry } from './safetensors-writer.ts'
import { bytesSource, type ByteSource } from './source.ts'

interface Parts {
  header: Record<string, unknown>
  data: Uint8Array
}

const oddValues: readonly unknown[] = [
  0,
  1,
  -1,
  2,
  7,
  8,
  0.5,
  1e300,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  -0,
  null,
  true,
  '',
  'F32',
  'U8',
  'F64',
  '__metadata__',
  [],
  {},
  [0],
  [1, 2],
  [0, 0],
  [2, 2],
  [4, 8],
  [0, 2 ** 53 - 1],
  { dtype: 'U8', shape: [1], data_offsets: [0, 1] },
]

const widths: Readonly<Record<string, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
}

async function seedFile(random: Random): Promise<Parts> {
  const entries = Array.from({ length: random.integer(1, 4) }, (_, index): TensorEntry => {
    const [dtype, width] = random.pick([['F32', 4] as const, ['BF16', 2] as const, ['U8', 1] as const])
    const shape = [random.integer(0, 4), random.integer(1, 4)]
    const length = width * shape.reduce((product, extent) => product * extent, 1)
    return { name: `t${index}`, dtype, shape, data: Uint8Array.from({ length }, () => random.integer(0, 256)) }
  })
  const bytes = await safetensorsBytes(entries, { format: 'pt' })
  const length = new DataView(bytes.buffer).getUint32(0, true)
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Record<string, unknown>
  return { header, data: bytes.slice(8 + length) }
}

/** Replaces, removes, adds or swaps something somewhere below a value. */
function mutateValue(random: Random, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || random.integer(0, 6) === 0) {
    if (typeof value === 'number' && random.integer(0, 2) === 0) return value + random.pick([-8, -4, -1, 1, 4, 8])
    return random.pick(oddValues)
  }
  if (Array.isArray(value)) {
    const list: unknown[] = [...(value as unknown[])]
    const at = random.integer(0, Math.max(1, list.length))
    const action = random.integer(0, 5)
    if (action === 0) list.splice(at, 1)
    else if (action === 1) list.splice(at, 0, random.pick(oddValues))
    else if (action === 2) list.reverse()
    else list[at] = mutateValue(random, list[at])
    return list
  }
  const entries = Object.entries(value)
  const at = random.integer(0, Math.max(1, entries.length))
  const action = random.integer(0, 6)
  if (action === 0) entries.splice(at, 1)
  else if (action === 1) entries.push([random.pick(['x', '__proto__', '__metadata__', 't0']), random.pick(oddValues)])
  else {
    const [key, held] = entries[at] ?? ['y', 1]
    entries[at] = [action === 2 ? random.pick(['t0', 't1', 'shape', key]) : key, mutateValue(random, held)]
  }
  return Object.fromEntries(entries)
}

function mutateText(random: Random, text: string): string {
  const at = random.integer(0, text.length)
  const character = random.pick(['"', '{', '}', '[', ']', ',', ':', '0', '9', '-', '\\', ' ', 'e', '.', '\u0000', 'é'])
  return text.slice(0, at) + character + text.slice(at + random.integer(0, 3))
}

function mutant(random: Random, seed: Parts): Uint8Array {
  let header: unknown = seed.header
  const rounds = random.integer(0, 3)
  for (let round = 0; round < rounds; round++) header = mutateValue(random, header)
  let json = JSON.stringify(header) ?? ''
  if (random.integer(0, 4) === 0) json = mutateText(random, json)
  const text = new TextEncoder().encode(json)
  const dataBytes = Math.max(0, seed.data.length + (random.integer(0, 5) === 0 ? random.integer(-3, 4) : 0))
  const bytes = new Uint8Array(8 + text.length + dataBytes)
  const announced =
    random.integer(0, 12) === 0 ? random.pick([0, 1, 2 ** 31, 2 ** 52, text.length + 1, text.length - 1]) : text.length
  new DataView(bytes.buffer).setBigUint64(0, BigInt(Math.max(0, announced)), true)
  bytes.set(text, 8)
  bytes.set(seed.data.subarray(0, dataBytes), 8 + text.length)
  if (random.integer(0, 6) === 0) bytes[random.integer(0, bytes.length)] = random.integer(0, 256)
  return random.integer(0, 15) === 0 ? bytes.subarray(0, random.integer(0, bytes.length)) : bytes
}

/** A source that counts reads outside of it, which a validated header never asks for. */
function guarded(bytes: Uint8Array): { source: ByteSource; outside: () => number } {
  const inner = bytesSource(bytes, 'mutant')
  let outside = 0
  const source: ByteSource = {
    ...inner,
    read(offset, length, into) {
      if (!(offset >= 0 && length >= 0 && offset + length <= bytes.length)) outside++
      return inner.read(offset, length, into)
    },
  }
  return { source, outside: () => outside }
}

/** What the format says of a loaded file, computed another way: tensors tile the data, each as long as its shape says. */
async function checkLoaded(bytes: Uint8Array, source: ByteSource): Promise<void> {
  const checkpoint = await openSafetensors(source)
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Record<string, unknown>
  const covered = new Uint8Array(bytes.length - 8 - length)
  for (const name of checkpoint.names()) {
    const entry = header[name] as { dtype: string; shape: number[]; data_offsets: [number, number] }
    const [start, end] = entry.data_offsets
    const raw = await checkpoint.read(name)
    expect(raw).toEqual(bytes.subarray(8 + length + start, 8 + length + end))
    expect(raw.length).toBe(entry.shape.reduce((product, extent) => product * extent, widths[entry.dtype] as number))
    for (let at = start; at < end; at++) covered[at] = (covered[at] as number) + 1
  }
  expect(covered.every((count) => count === 1)).toBe(true)
}

describe('mutants of a safetensors file', () => {
  it('load correctly or fail with a typed error', async () => {
    const random = new Random(99)
    let loaded = 0
    let refused = 0
    for (let trial = 0; trial < 4000; trial++) {
      const bytes = mutant(random, await seedFile(random))
      const { source, outside } = guarded(bytes)
      try {
        await checkLoaded(bytes, source)
        loaded++
      } catch (error) {
        if (!(error instanceof PocketPhiError)) throw error
        if (error.code !== 'invalid-file' && error.code !== 'not-supported') throw error
        refused++
      }
      if (outside() > 0) expect.fail('a read outside of the file')
    }
    expect(loaded).toBeGreaterThan(400)
    expect(refused).toBeGreaterThan(2000)
  })
})
