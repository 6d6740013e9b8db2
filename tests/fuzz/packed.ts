/** Mutants of quantised checkpoints: safetensors files with our description of packed matrices. */
import type { BlockDType } from '../../src/base/dtype.ts'
import { PocketPhiError } from '../../src/base/errors.ts'
import type { Random } from '../../src/base/random.ts'
import { logicalType, packedTypes, readLogicalFloat32 } from '../../src/formats/packed-checkpoint.ts'
import { openSafetensors, type Checkpoint } from '../../src/formats/safetensors.ts'
import { guardedSource, mustHold, type FuzzFormat } from './format.ts'
import { mutateText, mutateTimes, oddTexts, writeJson } from './json.ts'
import { checkCheckpoint, draftBytes, mutateMeaning, randomBytes, type Draft } from './safetensors.ts'

const groups: Readonly<Record<BlockDType, readonly [bits: number, group: number]>> = {
  ...{ q4g32: [4, 32], q4g64: [4, 64], q4g128: [4, 128], q8g32: [8, 32], q8g64: [8, 64], q8g128: [8, 128] },
}
const dtypes = Object.keys(groups) as BlockDType[]

/** Panels of eight rows; of every group of a row its integers and a scale of two bytes. */
function bytesOf(dtype: BlockDType, rows: number, columns: number): number {
  const [width, group] = groups[dtype]
  return Math.ceil(rows / 8) * 8 * (columns / group) * ((group * width) / 8 + 2)
}

interface PackedDraft extends Draft {
  readonly description: Record<string, { dtype: string; shape: number[] }>
}

function seedDraft(random: Random): PackedDraft {
  const draft: PackedDraft = { tensors: [], metadata: { format: 'pt' }, description: {} }
  for (let index = random.integer(1, 3); index > 0; index--) {
    const dtype = random.pick(dtypes)
    const shape = [random.pick([1, 7, 8, 9, 16]), groups[dtype][1] * random.integer(1, 3)] as const
    const data = randomBytes(random, bytesOf(dtype, ...shape))
    const name = `w${index}`
    draft.tensors.push({ name, dtype: 'U8', shape: [data.length], data })
    draft.description[name] = { dtype, shape: [...shape] }
  }
  const dtype = random.pick(['F32', 'BF16', 'F16', 'F64', 'I64', 'BOOL'])
  const width = { F32: 4, BF16: 2, F16: 2, F64: 8, I64: 8, BOOL: 1 }[dtype] as number
  draft.tensors.push({ name: 'plain', dtype, shape: [2, 3], data: randomBytes(random, 6 * width) })
  return draft
}

/** Says something else of a packed matrix, half of the time something of the same bytes. */
function mutateDescription(random: Random, { description, tensors }: PackedDraft): void {
  const name = random.pick(Object.keys(description))
  const entry = description[name] as { dtype: string; shape: number[] }
  const [rows = 0, columns = 0] = entry.shape
  switch (random.integer(0, 8)) {
    case 0:
      entry.dtype = random.pick(dtypes)
      break
    case 1:
      entry.shape = [rows + random.pick([-1, 1, 8, -8]), columns]
      break
    case 2:
      entry.shape = [columns, rows]
      break
    case 3:
      entry.shape = [rows * 2, columns / 2]
      break
    case 4:
      entry.shape = random.pick([
        [0, columns],
        [rows, 0],
        [2 ** 31, 2 ** 31],
        [-rows, -columns],
        [1e300, columns],
        [0.5, 64],
      ])
      break
    case 5:
      delete description[name]
      break
    case 6:
      description[random.pick(['plain', 'none', ...oddTexts])] = { ...entry }
      break
    default:
      // The same name for bytes of another matrix.
      random.pick(tensors).name = name
  }
}

const keys = ['version', 'tensors', 'dtype', 'shape', 'w1', 'plain', '__proto__', ...oddTexts]

function descriptionText(random: Random, draft: PackedDraft): string {
  const description = { version: 1, tensors: draft.description }
  if (random.integer(0, 4) > 0) return writeJson(description)
  const text = writeJson(mutateTimes(random, description, keys, random.integer(1, 3)))
  return random.integer(0, 6) === 0 ? mutateText(random, text) : text
}

function bits(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length)
}

async function checkMatrix(checkpoint: Checkpoint, name: string, rows: number, columns: number): Promise<void> {
  const whole = await readLogicalFloat32(checkpoint, name)
  mustHold(whole.length === rows * columns, 'an element for each place of the matrix')
  const count = Math.min(8, rows)
  const part = await readLogicalFloat32(checkpoint, name, { rows: { first: 0, count } })
  const start = bits(whole).subarray(0, count * columns)
  mustHold(
    bits(part).every((word, index) => word === start[index]),
    'rows as in the whole matrix',
  )
}

/** Past the header: that of the safetensors file was accepted, so that only our description can be wrong. */
export const packedFormat: FuzzFormat = {
  name: 'packed checkpoint',
  share: 130,
  mutate(random) {
    const draft = seedDraft(random)
    for (let round = random.integer(0, 3); round > 0; round--) {
      if (random.integer(0, 3) === 0) mutateMeaning(random, draft)
      else if (Object.keys(draft.description).length > 0) mutateDescription(random, draft)
    }
    const metadata = { ...draft.metadata, 'pocket-phi': descriptionText(random, draft) }
    return draftBytes(random, { tensors: draft.tensors, metadata })
  },
  async load(bytes, passed) {
    const checkpoint = await openSafetensors(guardedSource(bytes, 6))
    passed()
    await checkCheckpoint(bytes, checkpoint)
    const packed = packedTypes(checkpoint)
    for (const name of checkpoint.names()) {
      const type = packed.get(name)
      if (type === undefined) await checkPlain(checkpoint, name)
      else {
        const [rows, columns] = type.shape
        mustHold(checkpoint.info(name).bytes === bytesOf(type.dtype, rows, columns), 'as many bytes as the blocks take')
        await checkMatrix(checkpoint, name, rows, columns)
      }
    }
  },
}

/** Element types that no model uses are refused when they are asked for, not before. */
async function checkPlain(checkpoint: Checkpoint, name: string): Promise<void> {
  try {
    const { shape } = logicalType(checkpoint, name)
    const elements = shape.includes(0) ? 0 : shape.reduce((product, extent) => product * extent, 1)
    mustHold((await readLogicalFloat32(checkpoint, name)).length === elements, 'an element for each place')
  } catch (error) {
    if (!(error instanceof PocketPhiError)) throw error
    mustHold(['not-supported', 'invalid-argument'].includes(error.code), 'a plain tensor or a reason')
  }
}
