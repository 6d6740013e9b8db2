/**
 * Kernels broken on purpose, a line or two each: what broken-kernels.test.ts compiles, and what the cases of the operations
 * (src/backends/op-cases-harness.ts) must notice. Whoever writes a kernel adds the mistakes that it invites.
 */
import { brokenAttention } from './broken-kernels/attention.ts'
import type { BrokenKernel } from './broken-kernels/broken.ts'
import { brokenGgml } from './broken-kernels/ggml.ts'
import { brokenKPanels } from './broken-kernels/k-panels.ts'
import { brokenProducts } from './broken-kernels/products.ts'
import { brokenRepacking } from './broken-kernels/repack.ts'
import { brokenRows } from './broken-kernels/rows.ts'
import { brokenSparse } from './broken-kernels/sparse.ts'

export type { BrokenKernel } from './broken-kernels/broken.ts'

export const brokenKernels: readonly BrokenKernel[] = [
  ...brokenProducts,
  ...brokenGgml,
  ...brokenKPanels,
  ...brokenRepacking,
  ...brokenAttention,
  ...brokenRows,
  ...brokenSparse,
]
