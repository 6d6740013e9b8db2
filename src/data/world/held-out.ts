/**
 * What training text may never contain. Everything here follows from a fixed hash, so that the reserved part does not
 * change when tables grow, and a reader can recompute it.
 */

/** FNV-1a over UTF-16 code units with a final mix, as an unsigned 32-bit number. */
export function worldHash(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  hash ^= hash >>> 16
  hash = Math.imul(hash, 0x21f0aaad)
  hash ^= hash >>> 15
  hash = Math.imul(hash, 0x735a2d97)
  return (hash ^ (hash >>> 15)) >>> 0
}

export type Operation = '+' | '-' | '×' | '÷' | '<>'

/**
 * Whether a pair of numbers is reserved for evaluation under an operation: one in ten. Addition, multiplication and
 * comparison ignore the order. Pairs that occur inside worked steps (single digits, multiples of ten, teens minus a
 * digit, and the rows for 1 and 10 of the times table) are the alphabet of the method and are never reserved.
 */
export function isHeldOutPair(first: number, second: number, operation: Operation): boolean {
  const low = Math.min(first, second)
  const high = Math.max(first, second)
  if (operation === '+' || operation === '<>') {
    if (high <= 10 || low === 0 || first % 10 === 0 || second % 10 === 0) return false
    return worldHash(`${low}${operation}${high}`) % 10 === 0
  }
  if (operation === '-') {
    if (first < 20 || second === 0 || first % 10 === 0 || second % 10 === 0) return false
    return worldHash(`${first}-${second}`) % 10 === 0
  }
  if (operation === '×') {
    if (low < 2 || high > 9) return false
    return worldHash(`${low}×${high}`) % 10 === 0
  }
  if (second < 2 || second > 9 || first % second !== 0) return false
  const quotient = first / second
  if (quotient < 2 || quotient > 9) return false
  return worldHash(`${first}÷${second}`) % 10 === 0
}

/** Whether the questions (never the prose statements) about one property of one thing are reserved: one in ten. */
export function isHeldOutFact(entity: string, property: string): boolean {
  return worldHash(`${entity}/${property}`) % 10 === 3
}
