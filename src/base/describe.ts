/** Values of unknown origin for error messages: short, whatever their size and depth. */

/** A name from a file: quoted, and not longer than a line. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text)
}

const longestList = 8

/** What a value is, as an error names it: numbers and texts themselves, of short lists their members, of others the kind. */
export function describe(value: unknown): string {
  if (value === null) return 'null'
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) {
    const members = value as readonly unknown[]
    const plain = members.length <= longestList && members.every((member) => typeof member === 'number')
    return plain ? `[${members.join(', ')}]` : `a list of ${members.length}`
  }
  if (typeof value === 'string') return quoted(value)
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return `a value of type ${typeof value}`
}
