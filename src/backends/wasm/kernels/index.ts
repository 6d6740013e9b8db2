/**
 * Every kernel is exported as `name(args: usize, thread: i32, threads: i32): void`. `args` points to 4-byte words that the
 * kernel's docstring lists. A kernel computes its own share of the work; its results have the same bits for any number of threads.
 */
export { matmul } from './matmul'
export { matmulPacked, quantizeRows } from './packed'
export { dequantizePacked, embeddingPacked, matmulPackedExact } from './packed-exact'
export { dequantizeGgml, embeddingGgml, matmulGgml } from './ggml'
export {
  accumulate,
  add,
  addBias,
  columns,
  columnSums,
  copy,
  embedding,
  embeddingGradient,
  fill,
  gatherRows,
  placeColumns,
  replaceRows,
  replaceRowsGradient,
  scale,
  scaleByScalar,
  scatterRows,
  siluMultiply,
  siluMultiplyGradient,
} from './elementwise'
export {
  expertClear,
  expertMatmul,
  expertOuter,
  expertPacked,
  expertPackedExact,
  expertPlaces,
  expertProducts,
  expertQuantizeRows,
  expertRows,
  expertSum,
  sparseMixer,
  sparseMixerGradient,
} from './experts'
export { fillColumns } from './columns'
export { gegelu, gegeluGradient } from './gegelu'
export { gelu, geluGradient } from './gelu'
export { layerNorm, layerNormGradientInput } from './layer-norm'
export { crossEntropy, crossEntropyGradient, weightedSum } from './loss'
export { rmsNorm, rmsNormGradientInput, rmsNormGradientWeight } from './norm'
export { adamW, clipFactor, squaredNorm, sum } from './optimizer'
export { repackPanel } from './repack'
export { rope, ropeTable } from './rope'
export { topK } from './selection'
export { attention } from './attention'
export { attentionDelta, attentionGradient } from './attention-gradient'
export { cacheWrite, copyPages, pagedAttention } from './paged'
