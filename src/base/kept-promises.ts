/** Promises that are kept by name, so that what many ask for is done once. */

/**
 * The promise under a key, or that of what is begun now where there is none. One that fails is forgotten, so that who asks next begins anew.
 */
export function keptPromise<Key, Value>(
  kept: Map<Key, Promise<Value>>,
  key: Key,
  begin: () => Promise<Value>,
): Promise<Value> {
  const known = kept.get(key)
  if (known !== undefined) return known
  const begun = begin()
  kept.set(key, begun)
  begun.catch(() => {
    if (kept.get(key) === begun) kept.delete(key)
  })
  return begun
}
