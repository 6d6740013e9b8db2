/** So many of a list at most, spread evenly over it, in its order. */
export function spread<Item>(list: readonly Item[], count: number): Item[] {
  if (count >= list.length) return [...list]
  return Array.from({ length: count }, (_, index) => list[Math.floor((index * list.length) / count)] as Item)
}
