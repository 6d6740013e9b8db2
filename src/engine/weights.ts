/** Weights in files of either kind, and how the store is filled from them. */
import {
  elementBytes,
  isBlockDType,
  isGgmlDType,
  isKDType,
  isKvDType,
  isPanelDType,
  isQuantizedDType,
  type BlockDType,
  type GgmlDType,
  type PlainDType,
  type TensorType,
} from '../base/dtype.ts'
import { PocketPhiError } from '../base/errors.ts'
import { repackedDTypes, repackInPlace, type RepackedGgmlType, type RepackPanel } from '../blocks/ggml-repack.ts'
import { checkGgmlBlocks, ggmlBytes, ggmlTypeOf, type GgmlType } from '../blocks/ggml.ts'
import { bf16ToF32, f16ToF32 } from '../blocks/half.ts'
import { matrixBytes } from '../blocks/matrix.ts'
import { checkPackedMatrix, panelBytes, panelRows } from '../blocks/packed.ts'
import type { GgufCheckpoint } from '../formats/gguf.ts'
import { logicalType } from '../formats/packed-checkpoint.ts'
import type { Checkpoint } from '../formats/safetensors.ts'
import type { NumberFormats } from '../models/trace.ts'
import type { CacheDType } from '../program/ops/cache.ts'

/** Open weights under the names of the published checkpoints: safetensors, packed or not, or a GGUF file. */
export type WeightsFile = Checkpoint | GgufCheckpoint

export function isGguf(file: WeightsFile): file is GgufCheckpoint {
  return 'file' in file
}

const plainTypes = { F32: 'f32', F16: 'f16', BF16: 'bf16' } as const

function isPlainGgml(type: GgmlType): type is keyof typeof plainTypes {
  return Object.hasOwn(plainTypes, type)
}

export function isRepacked(type: string): type is RepackedGgmlType {
  return Object.hasOwn(repackedDTypes, type)
}

/** A number format of a file, as it is called there; plain ones in our names. */
export type FileFormat = TensorType['dtype'] | RepackedGgmlType

/** @throws PocketPhiError as `logicalType` */
export function fileFormat(file: WeightsFile, name: string): FileFormat {
  if (!isGguf(file)) return logicalType(file, name).dtype
  const { dtype } = file.info(name)
  return isPlainGgml(dtype) ? plainTypes[dtype] : dtype
}

/**
 * What a tensor is to a model: a matrix in blocks, as the store holds it (those of a GGUF file in panels where there is such
 * a format), or a plain tensor. Vectors in blocks are f32.
 * @throws PocketPhiError `not-found`; as `logicalType`
 */
export function modelType(file: WeightsFile, name: string): TensorType {
  if (!isGguf(file)) return logicalType(file, name)
  const { dtype, shape } = file.info(name)
  if (isPlainGgml(dtype)) return { dtype: plainTypes[dtype], shape }
  if (shape.length !== 2) return { dtype: 'f32', shape }
  return { dtype: isRepacked(dtype) ? repackedDTypes[dtype] : dtype, shape }
}

/** The type that the store holds it in: floats of any width are f32 there. */
export function storeType(file: WeightsFile, name: string): TensorType {
  const { dtype, shape } = modelType(file, name)
  return { dtype: isQuantizedDType(dtype) ? dtype : 'f32', shape }
}

/** Matrices in blocks stay so in the store; floats of any width are f32 there. */
export function formatsOf(
  weights: WeightsFile,
  exact: boolean,
  cache: CacheDType = exact ? 'f32' : 'f16',
): NumberFormats {
  return {
    dtypeOf: (name) => (weights.has(name) ? storeType(weights, name).dtype : 'f32'),
    activations: exact ? 'f32' : 'int8',
    cache,
  }
}

/** Bytes that are read at a time: few enough that an abort is noticed, progress seen, and checks run beside the reading. */
export const pieceBytes = 1 << 21

/** Pieces that are being read or worked on at the same time: one alone does not reach what the page cache can give. */
export const readsAtOnce = 3

/** How a tensor of the store is filled from a file, piece by piece. */
export interface PieceReader {
  /** Bytes of a piece; the last one may be shorter. */
  readonly step: number
  /**
   * Reads what makes a piece of what the store holds.
   * @param offset in the whole tensor, in bytes of the store
   * @returns what then turns the bytes into the piece, or checks them, in the order of the reads
   */
  readonly readPiece: (piece: Uint8Array, offset: number) => Promise<() => void>
}

/** Memory for bytes that do not go straight into place: as many buffers as there are reads at once, in turn. */
export class Staging {
  readonly #buffers = Array.from({ length: readsAtOnce }, () => new Uint8Array(0))
  #next = 0

  /** Valid for as many calls as there are reads at once. */
  take(bytes: number): Uint8Array<ArrayBuffer> {
    const index = this.#next
    this.#next = (index + 1) % readsAtOnce
    const kept = this.#buffers[index]
    const buffer = kept !== undefined && kept.length >= bytes ? kept : new Uint8Array(bytes)
    this.#buffers[index] = buffer
    return buffer.subarray(0, bytes)
  }
}

/** As many bytes of whole units as make a piece; one unit at least. */
function wholeUnits(unit: number): number {
  return Math.max(1, Math.floor(pieceBytes / unit)) * unit
}

/**
 * How the store is filled with a tensor: packed bytes and f32 straight into place, the rest through `staging`. Blocks are
 * checked as they come (scales that are no numbers, integers out of range), since kernels rely on them.
 *
 * @param repack what a device has for `repackPanel`
 * @throws PocketPhiError `not-supported` for integers; when a piece is read `invalid-file`, and what the file throws
 */
export function pieceReader(file: WeightsFile, name: string, staging: Staging, repack?: RepackPanel): PieceReader {
  const { dtype, shape } = modelType(file, name)
  const [rows = 0, columns = 0] = shape
  if (isGgmlDType(dtype)) return ggmlReader(file, name, dtype, columns)
  const type = isGguf(file) ? file.info(name).dtype : undefined
  if (isPanelDType(dtype) && type !== undefined && isRepacked(type))
    return repackingReader(file, name, { type, rows, columns, repack })
  if (isBlockDType(dtype)) return panelReader(file, name, dtype, rows, columns)
  if (isGguf(file) && !isPlainGgml(file.info(name).dtype)) return vectorReader(file, name)
  if (isKDType(dtype) || isKvDType(dtype)) throw new Error(`defect: no file holds ${dtype}`)
  return plainReader(file, name, dtype, staging)
}

async function readRaw(file: WeightsFile, name: string, piece: Uint8Array, offset: number): Promise<void> {
  await file.read(name, { into: piece, range: { offset, length: piece.length } })
}

/** Blocks of ggml as they are in the file. */
function ggmlReader(file: WeightsFile, name: string, dtype: GgmlDType, columns: number): PieceReader {
  const { blockBytes } = ggmlTypeOf(dtype)
  return {
    step: wholeUnits(ggmlBytes(dtype, columns)),
    async readPiece(piece, offset) {
      await readRaw(file, name, piece, offset)
      return () => checkGgmlBlocks(dtype, piece, `The tensor "${name}"`, offset / blockBytes)
    },
  }
}

/** The rows that a piece of panels holds. */
function rowsOfPiece(panel: number, piece: Uint8Array, offset: number, rows: number): { first: number; count: number } {
  const first = (offset / panel) * panelRows
  return { first, count: Math.min((piece.length / panel) * panelRows, rows - first) }
}

function placeOf(name: string, firstRow: number): string {
  return `The tensor "${name}", from row ${firstRow} on,`
}

/** Panels of our blocks as they are in a packed file. */
function panelReader(file: WeightsFile, name: string, dtype: BlockDType, rows: number, columns: number): PieceReader {
  const panel = panelBytes(dtype, columns)
  return {
    step: wholeUnits(panel),
    async readPiece(piece, offset) {
      const { first, count } = rowsOfPiece(panel, piece, offset, rows)
      await readRaw(file, name, piece, offset)
      return () => checkPackedMatrix(piece, dtype, count, columns, placeOf(name, first))
    },
  }
}

interface Repacking {
  readonly type: RepackedGgmlType
  readonly rows: number
  readonly columns: number
  readonly repack: RepackPanel | undefined
}

/** Panels from the rows of a GGUF file, which are read into place and repacked there. */
function repackingReader(file: WeightsFile, name: string, { type, rows, columns, repack }: Repacking): PieceReader {
  const panel = matrixBytes(repackedDTypes[type], panelRows, columns)
  const rowBytes = ggmlBytes(type, columns)
  return {
    step: wholeUnits(panel),
    async readPiece(piece, offset) {
      const { first, count } = rowsOfPiece(panel, piece, offset, rows)
      await readRaw(file, name, piece.subarray(0, count * rowBytes), first * rowBytes)
      return () => repackInPlace(type, piece, count, columns, placeOf(name, first), repack)
    },
  }
}

/** The values of a vector in blocks, which is small. */
function vectorReader(file: GgufCheckpoint, name: string): PieceReader {
  return {
    step: pieceBytes,
    async readPiece(piece, offset) {
      const values = await file.readFloat32(name)
      return () => piece.set(new Uint8Array(values.buffer, values.byteOffset + offset, piece.length))
    },
  }
}

function plainReader(file: WeightsFile, name: string, dtype: PlainDType, staging: Staging): PieceReader {
  if (dtype !== 'f32' && dtype !== 'f16' && dtype !== 'bf16' && dtype !== 'f64') {
    throw new PocketPhiError('not-supported', `The tensor "${name}" holds integers.`, {
      expected: 'f32, f16, bf16, f64 or a matrix in blocks',
      found: dtype,
    })
  }
  const width = elementBytes(dtype)
  return {
    step: pieceBytes,
    async readPiece(piece, offset) {
      if (dtype === 'f32') {
        await readRaw(file, name, piece, offset)
        return () => {}
      }
      const target = new Float32Array(piece.buffer, piece.byteOffset, piece.length / 4)
      const bytes = staging.take(target.length * width)
      await readRaw(file, name, bytes, (offset / 4) * width)
      return () => widen(dtype, bytes, target)
    },
  }
}

function widen(dtype: 'f16' | 'bf16' | 'f64', { buffer, length }: Uint8Array<ArrayBuffer>, target: Float32Array): void {
  if (dtype === 'f64') target.set(new Float64Array(buffer, 0, length / 8))
  else if (dtype === 'f16') f16ToF32(new Uint16Array(buffer, 0, length / 2), target)
  else bf16ToF32(new Uint16Array(buffer, 0, length / 2), target)
}
