/** GGUF: blocks of every type, and files with the logits of their models. */
import { isGgmlDType, type QuantizedDType } from '../../src/base/dtype.ts'
import { dequantizeGgml } from '../../src/blocks/ggml-dequantize.ts'
import { quantizeGgml } from '../../src/blocks/ggml-quantize.ts'
import { repackedDTypes, repackGgml } from '../../src/blocks/ggml-repack.ts'
import { ggmlTypeOf, ggmlTypes, type GgmlType } from '../../src/blocks/ggml.ts'
import { isRepacked } from '../../src/engine/weights.ts'
import { isGgufName, openGguf } from '../../src/formats/gguf.ts'
import type { Checkpoint } from '../../src/formats/safetensors.ts'
import type { FileTree } from '../../src/formats/tree.ts'
import { dequantize, Trace } from '../../src/program/index.ts'
import { largestDifference, withTensors, type Measured, type Row, type Settings } from './compare.ts'
import { modelRows } from './model-folder.ts'

const blocksFile = 'blocks.safetensors'

export async function ggufFolder(tree: FileTree, folder: string, settings: Settings): Promise<Row[]> {
  const rows = await withTensors(tree, blocksFile, async (tensors) => {
    const types = ggmlTypes.filter((type) => tensors.has(`${type}.bytes`))
    const found: Row[] = []
    for (const type of types) {
      found.push({
        folder,
        name: `blocks ${type}`,
        measured: await measureBlocks(tensors, type, settings),
        usesWeights: false,
      })
    }
    return found
  })
  for (const file of (await tree.list()).filter(isGgufName)) {
    const name = file.replace(/\.gguf$/, '')
    rows.push(await typesRow(tree, folder, file, name))
    const golden = { tree, goldenFile: `${name}.golden.safetensors`, weightsFile: file }
    // The reference does not round activations.
    const found = await modelRows(golden, folder, { ...settings, exact: true })
    rows.push(...found.map((row) => ({ ...row, name: `${name} ${row.name}` })))
  }
  return rows
}

/** Formats that programs have, of a type of ggml. */
function storeDType(type: GgmlType): QuantizedDType | undefined {
  if (isRepacked(type)) return repackedDTypes[type]
  return type === 'F32' || type === 'F16' || type === 'BF16' ? undefined : type
}

/** Types whose bytes follow from the values; there are several good ways to quantise to the others. */
const definiteTypes = ['F16', 'BF16', 'Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q8_0'] as const

/** Values must be the reference's to the last bit, read here and by the backend; so must bytes that follow from values. */
async function measureBlocks(tensors: Checkpoint, type: GgmlType, settings: Settings): Promise<Measured[]> {
  const measured: Measured[] = []
  const measure = (what: string, found: ArrayLike<number>, expected: ArrayLike<number>): void => {
    measured.push({ what, difference: largestDifference(found, expected), tolerance: 0 })
  }
  for (const kind of ['', 'random_']) {
    const key = `${type}.${kind}bytes`
    if (!tensors.has(key)) continue
    const bytes = await tensors.read(key)
    const [rows = 0] = tensors.info(key).shape
    const here = dequantizeGgml(type, bytes)
    const there = await onBackend(type, bytes, rows, settings)
    const expected = await tensors.readFloat32(`${type}.${kind}dequantised`)
    measure(`${kind}values`, here, expected)
    if (there !== undefined) measure(`${kind}${settings.backend.name}`, there, expected)
  }
  const definite = definiteTypes.find((one) => one === type)
  if (definite !== undefined) {
    const found = quantizeGgml(definite, await tensors.readFloat32('input'))
    measure('bytes', found, await tensors.read(`${type}.bytes`))
  }
  return measured
}

/** The values that the backend reads; undefined for types that no program has. */
async function onBackend(
  type: GgmlType,
  bytes: Uint8Array,
  rows: number,
  { backend }: Settings,
): Promise<Float32Array | undefined> {
  const dtype = storeDType(type)
  if (dtype === undefined) return undefined
  const { blockLength, blockBytes } = ggmlTypeOf(type)
  const columns = (bytes.length / rows / blockBytes) * blockLength
  const trace = new Trace('blocks')
  trace.output('values', dequantize(trace.bind('parameter', 'matrix', { dtype, shape: [rows, columns] })))
  const device = await backend.open([trace.finish()])
  try {
    const stored = !isGgmlDType(dtype) && isRepacked(type) ? repackGgml(type, bytes, rows, columns) : bytes
    await device.fill('matrix', (into, offset) => into.set(stored.subarray(offset, offset + into.length)))
    return (await device.run('blocks', {}))['values']
  } finally {
    await device.dispose()
  }
}

interface FilesJson {
  readonly files: readonly { readonly file: string; readonly tensor_types: Readonly<Record<string, string>> }[]
}

/** The tensors that a file announces, with their types. */
async function typesRow(tree: FileTree, folder: string, file: string, name: string): Promise<Row> {
  const gguf = await openGguf(tree, file)
  const found = new Map(gguf.names().map((tensor): [string, string] => [tensor, gguf.info(tensor).dtype]))
  await gguf.close()
  const { files } = (await tree.readJson('files.json')) as FilesJson
  const expected = Object.entries(files.find((one) => one.file === file)?.tensor_types ?? {})
  const wrong = expected.filter(([tensor, type]) => found.get(tensor) !== type).length
  const measured = [{ what: `${expected.length} types`, difference: expected.length === 0 ? 1 : wrong, tolerance: 0 }]
  return { folder, name: `${name} tensors`, measured, usesWeights: false }
}
