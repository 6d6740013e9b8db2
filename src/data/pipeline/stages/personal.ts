/** What names or reaches single people is replaced by what it was. Documents stay. */
import type { DocumentStage } from './step.ts'

interface Kind {
  readonly name: string
  readonly pattern: RegExp
  /** Whether what the pattern found is one. */
  readonly isOne: (text: string) => boolean
}

const digitsOf = (text: string): string => text.replaceAll(/\D/g, '')

/** The check digit of payment cards (ISO/IEC 7812, annex B). */
function hasLuhnDigit(digits: string): boolean {
  const sum = [...digits].reverse().reduce((total, digit, index) => {
    const value = Number(digit) * (index % 2 === 1 ? 2 : 1)
    return total + (value > 9 ? value - 9 : value)
  }, 0)
  return sum % 10 === 0
}

/** The check digits of bank accounts (ISO 13616). */
function hasIbanDigits(text: string): boolean {
  const plain = text.replaceAll(' ', '')
  const moved = plain.slice(4) + plain.slice(0, 4)
  let rest = 0
  for (const digit of moved.replaceAll(/[A-Z]/g, (letter) => String(letter.charCodeAt(0) - 55))) {
    rest = (rest * 10 + Number(digit)) % 97
  }
  return rest === 1
}

/** Whether an IPv4 address is somebody's: not of a private network, this host, documentation or a group (RFC 6890). */
function isPublicAddress(text: string): boolean {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number)
  if ([a, b, c, d].some((part) => part > 255)) return false
  if (a === 0 || a === 10 || a === 127 || a >= 224) return false
  if ((a === 192 && b === 168) || (a === 172 && b >= 16 && b < 32) || (a === 169 && b === 254)) return false
  // Versions of programs look alike; their numbers are small.
  return a >= 20 || b >= 20
}

/** In this order: a card contains what could be a telephone. */
const kinds: readonly Kind[] = [
  {
    name: 'email',
    pattern: /[\p{L}\p{N}._%+-]{1,64}@(?:[\p{L}\p{N}-]{1,63}\.){1,8}\p{L}{2,24}/gu,
    isOne: (text) => !/@(?:.*\.)?example\.(?:com|org|net)$/i.test(text),
  },
  {
    name: 'iban',
    pattern: /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b/g,
    isOne: hasIbanDigits,
  },
  {
    name: 'card',
    pattern: /(?<![\d.-])\d(?:[ -]?\d){12,18}(?![\d.-])/g,
    isOne: (text) => /^[2-6]/.test(text) && hasLuhnDigit(digitsOf(text)),
  },
  { name: 'address', pattern: /(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])/g, isOne: isPublicAddress },
  {
    name: 'phone',
    pattern:
      /(?<![\w.+-])(?:\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){1,4}|\(\d{3}\) ?\d{3}-\d{4}|\d{3}-\d{3}-\d{4})(?![\w-])/g,
    isOne: (text) => {
      const { length } = digitsOf(text)
      return length >= 8 && length <= 15
    },
  },
]

/** A text without them, and how many of each there were. */
export function scrub(text: string): { text: string; counts: Record<string, number> } {
  const counts: Record<string, number> = {}
  let scrubbed = text
  for (const { name, pattern, isOne } of kinds) {
    scrubbed = scrubbed.replaceAll(pattern, (found: string) => {
      if (!isOne(found)) return found
      counts[name] = (counts[name] ?? 0) + 1
      return `<${name}>`
    })
  }
  return { text: scrubbed, counts }
}

export const personalStage: DocumentStage<object> = {
  version: 1,
  prepare: () => (document) => {
    const { text, counts } = scrub(document.text)
    const names = Object.keys(counts)
    if (names.length === 0) return { kept: document }
    return {
      kept: { ...document, text },
      notes: { counts, detail: names.map((name) => `${name}: ${counts[name]}`).join(', ') },
    }
  },
}
