/** Mutants of JSON: values of the wrong kind, texts that JSON allows and JavaScript does not keep, and JSON that is none. */
import type { Random } from '../../src/base/random.ts'

/** Text that stands for a value as it is. */
class Raw {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** JSON of a value, with `Raw` texts in their places. */
export function writeJson(value: unknown): string {
  if (value instanceof Raw) return value.text
  if (Array.isArray(value)) return `[${value.map(writeJson).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value)
      .map(([key, held]) => `${JSON.stringify(key)}:${writeJson(held)}`)
      .join(',')}}`
  }
  return JSON.stringify(value) ?? 'null'
}

export const oddNumbers: readonly number[] = [
  ...[0, 1, -1, 2, 3, 7, 8, 16, 31, 32, 33, 64, 255, 256, 0.5, 1e-300, 1e300, -0],
  ...[2 ** 16, 2 ** 22, 2 ** 22 + 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 40, 2 ** 53 - 1, 2 ** 53, -(2 ** 31)],
]

export const oddTexts: readonly string[] = [
  ...['', ' ', 'a', '▁', '<0x41>', '<|end|>', '\u0000', '\ufeff', '\ud800', '🙂', 'é', 'e\u0301', 'ﷺ', '\u202e'],
  ...['__proto__', 'constructor', 'toString', 'length', 'NaN', 'null', '../x', 'a b', '\\', '"', '\n'],
]

/** Deeper than the stack of a recursive reader. */
function nested(random: Random): Raw {
  const depth = random.pick([2, 10, 100, 1000, 20_000])
  const [open, close] = random.pick([['[', ']'] as const, ['{"a":', '}'] as const])
  return new Raw(open.repeat(depth) + '1' + close.repeat(depth))
}

/** Numbers that JavaScript reads as another one. */
const rawNumbers = ['1e999', '-1e999', '1e-999', '-0', '-0.0', '12345678901234567890', '1E2', '0.1e1', '4.0']

export function oddValue(random: Random): unknown {
  switch (random.integer(0, 9)) {
    case 0:
      return null
    case 1:
      return random.integer(0, 2) === 0
    case 2:
      return random.pick([[], {}, [0], [1, 2], [0, 0], [null], ['a'], [[1]], { type: 'x' }, { id: 0 }])
    case 3:
      return new Raw(random.pick(rawNumbers))
    case 4:
      return random.integer(0, 10) === 0 ? nested(random) : random.pick(oddTexts).repeat(random.pick([1, 1, 2, 300]))
    case 5:
    case 6:
      return random.pick(oddTexts)
    default:
      return random.pick(oddNumbers)
  }
}

/** Replaces, removes, adds, doubles or moves something somewhere below a value. */
export function mutateJson(random: Random, value: unknown, keys: readonly string[]): unknown {
  if (value instanceof Raw || typeof value !== 'object' || value === null || random.integer(0, 8) === 0) {
    if (typeof value === 'number' && random.integer(0, 2) === 0) return value + random.pick([-8, -4, -1, 1, 4, 8])
    if (typeof value === 'boolean' && random.integer(0, 2) === 0) return !value
    return oddValue(random)
  }
  return Array.isArray(value) ? mutateList(random, value, keys) : mutateObject(random, value, keys)
}

function mutateList(random: Random, value: readonly unknown[], keys: readonly string[]): unknown[] {
  const list = [...value]
  const at = random.integer(0, Math.max(1, list.length))
  switch (random.integer(0, 8)) {
    case 0:
      list.splice(at, 1)
      break
    case 1:
      list.splice(at, 0, oddValue(random))
      break
    case 2:
      list.reverse()
      break
    case 3:
      list.splice(at, 0, list[at])
      break
    default:
      list[at] = mutateJson(random, list[at], keys)
  }
  return list
}

function mutateObject(random: Random, value: object, keys: readonly string[]): unknown {
  const entries = Object.entries(value)
  const at = random.integer(0, Math.max(1, entries.length))
  const [key, held] = entries[at] ?? ['x', 1]
  switch (random.integer(0, 12)) {
    case 0:
      entries.splice(at, 1)
      break
    case 1:
      entries.push([random.pick(keys), oddValue(random)])
      break
    case 2:
      entries[at] = [random.pick(keys), held]
      break
    case 3: {
      const body = writeJson(value).slice(1, -1)
      return random.integer(0, 4) === 0 && body !== '' ? new Raw(`{${body},${JSON.stringify(key)}:1}`) : value
    }
    case 4:
      return Object.fromEntries(entries.reverse())
    default:
      entries[at] = [key, mutateJson(random, held, keys)]
  }
  return Object.fromEntries(entries)
}

/** One character more, fewer or another one: mostly no JSON any more. */
export function mutateText(random: Random, text: string): string {
  const at = random.integer(0, text.length)
  const character = random.pick([...'"{}[],:09-\\ e.', '\u0000', 'é', '\ud800'])
  return text.slice(0, at) + character + text.slice(at + random.integer(0, 3))
}

/** The bytes of a JSON text, now and then torn, with a byte order mark, or with a byte that is no UTF-8. */
export function textBytes(random: Random, text: string): Uint8Array {
  const kind = random.integer(0, 60)
  if (kind === 0) return textBytesOf(`\ufeff${text}`)
  if (kind === 1) return textBytesOf(mutateText(random, text))
  const bytes = textBytesOf(text)
  if (kind === 2) return bytes.subarray(0, random.integer(0, bytes.length + 1))
  if (kind === 3 && bytes.length > 0) bytes[random.integer(0, bytes.length)] = random.integer(0, 256)
  return bytes
}

export function textBytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** `rounds` changes anywhere below a value. */
export function mutateTimes(random: Random, value: unknown, keys: readonly string[], rounds: number): unknown {
  let changed = value
  for (let round = 0; round < rounds; round++) changed = mutateJson(random, changed, keys)
  return changed
}
