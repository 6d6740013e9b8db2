/**
 * What a thread notes that is profiled: it walks kernels that read its clock before and after, and knows nothing else of it, so
 * that nothing is paid without.
 */
import type { Kernel } from './control.ts'

/** What one thread notes in one segment: when its first step began and its last ended, then calls and time by kernel. */
export type ThreadTimes = Float64Array

/** Where in them the two times are, and the first of two numbers for each kernel. */
export const [beginning, ending, firstKernel] = [0, 1, 2]

/** Notes the time of every call of the kernel of this number. */
export function timed(call: Kernel, kernel: number, times: ThreadTimes): Kernel {
  const at = firstKernel + 2 * kernel
  return (block, thread, threads) => {
    const begin = performance.now()
    call(block, thread, threads)
    const end = performance.now()
    if (times[beginning] === 0) times[beginning] = begin
    times[ending] = end
    times[at] = (times[at] as number) + 1
    times[at + 1] = (times[at + 1] as number) + end - begin
  }
}
