/**
 * Every kernel is exported as `name(args: usize, thread: i32, threads: i32): void`. `args` points to 4-byte words that the
 * kernel's docstring lists. A kernel computes its own share of the work; its results have the same bits for any number of threads.
 */
export { matmul } from './matmul'
