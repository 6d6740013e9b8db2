/** Much of the same work, several pieces at a time. */

/**
 * Does work on all items, so many at a time, in their order. After a failure no item is begun, and the signal that the others got fires; when
 * they have ended, the failure is thrown. Where the caller's signal fires, no item is begun either, and nothing is thrown for it alone.
 */
export async function inLanes<Item>(
  items: Iterable<Item>,
  lanes: number,
  work: (item: Item, signal: AbortSignal) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const stop = new AbortController()
  const ended = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal])
  const queue = items[Symbol.iterator]()
  let failure: { readonly error: unknown } | undefined
  const lane = async (): Promise<void> => {
    for (let next = queue.next(); next.done !== true && !ended.aborted; next = queue.next()) {
      try {
        await work(next.value, ended)
      } catch (error) {
        failure ??= { error }
        stop.abort()
      }
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  if (failure !== undefined) throw failure.error
}
