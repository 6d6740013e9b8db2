/** Reading GGUF files, whole or split, tensor by tensor and slab by slab. */
import { quoted } from '../base/describe.ts'
import { PocketPhiError } from '../base/errors.ts'
import { dequantizeGgml } from '../blocks/ggml-dequantize.ts'
import { ggmlBytes } from '../blocks/ggml.ts'
import { readGgufHeader, type GgufHeader, type GgufTensor, type PlacedGgufTensor } from './gguf-header.ts'
import { ggufNumber, type GgufMetadata } from './gguf-values.ts'
import { rowElements, type ReadFloatOptions, type ReadOptions } from './safetensors.ts'
import { type ByteSource } from './source.ts'
import { type FileTree } from './tree.ts'

/** An open GGUF file, or the open parts of a split one. Nothing of the weights is in memory until it is read. */
export interface GgufCheckpoint {
  /** For error messages: the name of the file, or of its first part. */
  readonly file: string
  /** The names of all tensors, sorted. */
  names(): string[]
  has(name: string): boolean
  /** @throws PocketPhiError `not-found` */
  info(name: string): GgufTensor
  /**
   * Raw blocks of a tensor, row after row. Without `into` the result may be a view of a source in memory: it is not to be
   * written to.
   * @throws PocketPhiError `not-found`; `invalid-argument` for a range outside the tensor; errors of the source
   */
  read(name: string, options?: ReadOptions): Promise<Uint8Array>
  /**
   * The values of a tensor, or of some of its rows, as f32.
   * @throws PocketPhiError as `read`
   */
  readFloat32(name: string, options?: ReadFloatOptions): Promise<Float32Array>
  /** The metadata of the file; of a split one, those of its first part. */
  readonly metadata: GgufMetadata
  close(): Promise<void>
}

interface Part {
  readonly source: ByteSource
  readonly header: GgufHeader
}

/** How gguf-split of llama.cpp names the parts of a file: `model-00001-of-00003.gguf`. */
const partName = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/s

/** The names of all parts of a split file, by the name of one; of a file that is not called so, its own. */
export function ggufParts(name: string): string[] {
  const match = partName.exec(name)
  if (match === null) return [name]
  const [, base, , count] = match
  return Array.from({ length: Number(count) }, (_, index) => {
    return `${base}-${String(index + 1).padStart(5, '0')}-of-${count}.gguf`
  })
}

/** Whether a file is one of GGUF, by its name. */
export function isGgufName(name: string): boolean {
  return /\.gguf$/i.test(name)
}

async function closeAll(sources: readonly ByteSource[]): Promise<void> {
  await Promise.allSettled(sources.map((source) => source.close()))
}

/**
 * Opens a GGUF file, or all parts of a split one. Headers are read and validated completely; a file with any fault is
 * refused here. The checkpoint owns the sources: `close` closes them, and so does a failure here.
 *
 * @param from a source that is one whole file, or the folder of the file
 * @param file its name within the folder, of a split file that of any part; without it, the only GGUF file of the folder
 * @throws PocketPhiError `not-found` when a file or a part is not there; `invalid-file` when one breaks a rule of the format
 * or the parts do not belong together; `not-supported` as `readGgufHeader`
 */
export async function openGguf(from: FileTree | ByteSource, file?: string): Promise<GgufCheckpoint> {
  const tree = 'read' in from ? undefined : from
  const name = 'read' in from ? from.name : (file ?? (await findGguf(from)))
  const sources: ByteSource[] = []
  try {
    const open = async (part: string): Promise<Part> => {
      const source = 'read' in from ? from : await from.open(part)
      sources.push(source)
      return { source, header: await readGgufHeader(source) }
    }
    const first = await open(name)
    return checkpointOf(await openParts(first, name, tree, open))
  } catch (error) {
    await closeAll(sources)
    throw error
  }
}

async function findGguf(tree: FileTree): Promise<string> {
  const names = (await tree.list()).filter(isGgufName)
  // Of a split file, only its first part.
  const candidates = names.filter((name) => Number(partName.exec(name)?.[2] ?? 1) === 1)
  const [only] = candidates
  if (only !== undefined && candidates.length === 1) return only
  throw new PocketPhiError('not-found', `There is no single GGUF file in "${tree.name}".`, {
    expected: 'one file .gguf, or the name of one',
    found: candidates.length === 0 ? 'none' : candidates.slice(0, 10).join(', '),
  })
}

/** Which part of how many a file says that it is. */
interface Split {
  readonly index: number
  readonly count: number
}

function splitOf({ source, header }: Part): Split {
  const index = ggufNumber(header.metadata, 'split.no') ?? 0
  const count = ggufNumber(header.metadata, 'split.count') ?? 1
  const possible = Number.isInteger(index) && Number.isInteger(count) && index >= 0
  if (possible && (index < count || (index === 0 && count === 0))) return { index, count: Math.max(1, count) }
  throw new PocketPhiError('invalid-file', `"${source.name}" is no possible part of a split GGUF file.`, {
    expected: 'split.no below split.count',
    found: `${index} and ${count}`,
  })
}

async function openParts(
  opened: Part,
  name: string,
  tree: FileTree | undefined,
  open: (name: string) => Promise<Part>,
): Promise<Part[]> {
  const { count } = splitOf(opened)
  const parts: Part[] = []
  if (count === 1) parts.push(opened)
  else if (tree === undefined) {
    throw new PocketPhiError('invalid-argument', `"${name}" is one of ${count} parts of a split GGUF file.`, {
      remedy: 'Open the folder that holds all parts.',
    })
  } else {
    const names = ggufParts(name)
    if (names.length !== count) {
      throw new PocketPhiError(
        'invalid-file',
        `"${name}" is one of ${count} parts of a split GGUF file, but not named so.`,
        {
          expected: `a name that ends in -00001-of-${String(count).padStart(5, '0')}.gguf`,
          remedy: 'Give the parts the names again that they were published with.',
        },
      )
    }
    for (const part of names) parts.push(part === name ? opened : await open(part))
  }
  checkParts(parts)
  return parts
}

function checkParts(parts: readonly Part[]): void {
  const seen = new Map<string, string>()
  for (const [index, part] of parts.entries()) {
    const split = splitOf(part)
    const { name } = part.source
    if (split.index !== index || split.count !== parts.length) {
      throw new PocketPhiError('invalid-file', `"${name}" is another part of a split GGUF file than its name says.`, {
        expected: `part ${index + 1} of ${parts.length}`,
        found: `part ${split.index + 1} of ${split.count}`,
      })
    }
    for (const tensor of part.header.tensors.keys()) {
      const other = seen.get(tensor)
      if (other !== undefined) {
        const problem = `The tensor ${quoted(tensor)} is in two parts of a split GGUF file, "${other}" and "${name}".`
        throw new PocketPhiError('invalid-file', problem)
      }
      seen.set(tensor, name)
    }
  }
  const [first] = parts
  const announced = first === undefined ? undefined : ggufNumber(first.header.metadata, 'split.tensors.count')
  if (announced !== undefined && announced !== seen.size && parts.length > 1) {
    throw new PocketPhiError('invalid-file', 'The parts of a split GGUF file do not belong together.', {
      expected: `${announced} tensors, as split.tensors.count of "${first?.source.name}" says`,
      found: `${seen.size}`,
      remedy: 'Fetch all parts again.',
    })
  }
}

function checkpointOf(parts: readonly Part[]): GgufCheckpoint {
  const places = new Map<string, { source: ByteSource; tensor: PlacedGgufTensor }>()
  for (const { source, header } of parts) {
    for (const [name, tensor] of header.tensors) places.set(name, { source, tensor })
  }
  const find = (name: string): { source: ByteSource; tensor: PlacedGgufTensor } => {
    const place = places.get(name)
    if (place !== undefined) return place
    throw new PocketPhiError('not-found', `The GGUF file has no tensor ${quoted(name)}.`)
  }
  const read = async (name: string, options: ReadOptions = {}): Promise<Uint8Array> => {
    const { source, tensor } = find(name)
    const { offset, length } = options.range ?? { offset: 0, length: tensor.bytes }
    const inside = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0
    if (!inside || offset + length > tensor.bytes) {
      throw new PocketPhiError('invalid-argument', `A read leaves the tensor ${quoted(name)}.`, {
        expected: `a range within ${tensor.bytes} bytes`,
        found: `${length} bytes from ${offset}`,
      })
    }
    return await source.read(tensor.offset + offset, length, options.into)
  }
  const [first] = parts
  return {
    file: first?.source.name ?? '',
    names: () => [...places.keys()].sort(),
    has: (name) => places.has(name),
    info(name) {
      const { dtype, shape, bytes } = find(name).tensor
      return { dtype, shape, bytes }
    },
    read,
    readFloat32: (name, options = {}) => readFloat32(find(name).tensor, name, options, read),
    metadata: first?.header.metadata ?? new Map(),
    close: () => closeAll(parts.map(({ source }) => source)),
  }
}

/** Elements that are converted at a time, so that a large tensor is never in memory twice; whole blocks of every type. */
const conversionChunk = 1 << 20

async function readFloat32(
  { dtype, shape }: GgufTensor,
  name: string,
  options: ReadFloatOptions,
  read: (name: string, options: ReadOptions) => Promise<Uint8Array>,
): Promise<Float32Array> {
  const { start, count } = rowElements(name, shape, options.rows)
  const target = options.into ?? new Float32Array(count)
  if (target.length !== count) {
    throw new PocketPhiError('invalid-argument', `The view to read ${quoted(name)} into has the wrong length.`, {
      expected: `${count} elements`,
      found: `${target.length}`,
    })
  }
  for (let done = 0; done < count; done += conversionChunk) {
    const part = Math.min(conversionChunk, count - done)
    const range = { offset: ggmlBytes(dtype, start + done), length: ggmlBytes(dtype, part) }
    const bytes = await read(name, { range })
    dequantizeGgml(dtype, bytes, target.subarray(done, done + part))
  }
  return target
}
