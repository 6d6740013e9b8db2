/**
 * Work that threads take chunk by chunk, where equal shares would take them unequal times: a core may be slower than the other, or busy
 * with something else for a while. Who computes a chunk does not change its bits.
 */

/**
 * The next chunk of a step that nobody has taken, or -1 where there is none.
 *
 * @param taken address of an i32 that all threads share: 0 before the step, and again once every thread has been told -1
 */
export function takeChunk(taken: usize, chunks: i32, threads: i32): i32 {
  const chunk = addOne(taken)
  if (chunk < chunks) return chunk
  // Each thread gets one number beyond the last chunk, and who gets the greatest of them is the last to ask.
  if (chunk == chunks + threads - 1) store<i32>(taken, 0)
  return -1
}

/** What was there before, without a moment between reading and writing for another thread. */
// @ts-ignore: decorator
@inline
function addOne(at: usize): i32 {
  if (ASC_FEATURE_THREADS) return atomic.add<i32>(at, 1)
  const before = load<i32>(at)
  store<i32>(at, before + 1)
  return before
}
