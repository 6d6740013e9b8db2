/** Which tensor of a GGUF file gets which type: the mixtures that llama.cpp's quantiser makes (llama-quant.cpp). */
import { ggmlTypeOf } from '../blocks/ggml.ts'
import type { GgmlQuantizedType } from '../blocks/ggml-quantize.ts'

/** `general.file_type` of the mixtures that are written here. */
export const ggufFileTypes = { f16: 1, q4_0: 2, q8_0: 7, q4_k_m: 15 } as const

export type GgufFileType = keyof typeof ggufFileTypes

const matrixTypes: Readonly<Record<GgufFileType, GgmlQuantizedType>> = {
  f16: 'F16',
  q4_0: 'Q4_0',
  q8_0: 'Q8_0',
  q4_k_m: 'Q4_K',
}

/** What takes the place of a type whose blocks do not divide the columns. */
const fallbacks: Partial<Record<GgmlQuantizedType, GgmlQuantizedType>> = {
  Q4_K: 'Q5_0',
  Q5_K: 'Q5_1',
  Q6_K: 'Q8_0',
}

/** Layers whose feed-forward output is worth more bits: the first and the last eighth, and every third between. */
function usesMoreBits(layer: number, layers: number): boolean {
  const eighth = Math.trunc(layers / 8)
  return layer < eighth || layer >= Math.trunc((7 * layers) / 8) || (layer - eighth) % 3 === 2
}

function wishedType(fileType: GgufFileType, name: string, layers: number, tied: boolean): GgmlQuantizedType {
  const isHead = name === (tied ? 'token_embd.weight' : 'output.weight')
  if (isHead && (fileType === 'q4_0' || fileType === 'q4_k_m')) return 'Q6_K'
  if (fileType === 'q4_k_m') {
    if (name.endsWith('.attn_qkv.weight')) return 'Q5_K'
    const down = /^blk\.(\d+)\.ffn_down\.weight$/.exec(name)
    if (down !== null && usesMoreBits(Number(down[1]), layers)) return 'Q6_K'
  }
  return matrixTypes[fileType]
}

/**
 * The type of a tensor.
 *
 * @param name as in the GGUF file
 * @param tied whether the embeddings are the head too
 */
export function ggufTensorType(
  fileType: GgufFileType,
  name: string,
  shape: readonly number[],
  layers: number,
  tied: boolean,
): GgmlQuantizedType {
  const columns = shape.at(-1) ?? 1
  if (shape.length < 2) return 'F32'
  const fits = (type: GgmlQuantizedType): boolean => columns % ggmlTypeOf(type).blockLength === 0
  const wished = wishedType(fileType, name, layers, tied)
  return [wished, fallbacks[wished], 'F16' as const].find((type) => type !== undefined && fits(type)) ?? 'F16'
}
