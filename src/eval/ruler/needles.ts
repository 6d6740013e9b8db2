/** Needles in a haystack: numbers or codes of things, told once in a long text and asked for at its end. */
import type { Random } from '../../base/random.ts'
import { mostOwnedThings, ownedThings, type Haystack } from './haystacks.ts'
import { insertBetween, type RulerKind } from './kinds.ts'

/** What is told of a thing: a number of seven digits, or a UUID. */
type Secret = 'number' | 'code'

interface NeedleOptions {
  readonly name: string
  /** `others` hides a needle among many of other things. */
  readonly haystack: Haystack | 'others'
  readonly secret: Secret
  /** Whether things have codes for names. */
  readonly codedThings?: boolean
  /** Things of which something is told, what is told of each, and those that are asked for. */
  readonly things: number
  readonly each: number
  readonly asked: number
}

interface Needle {
  readonly thing: string
  readonly secret: string
}

function drawSecret(kind: Secret, random: Random): string {
  return kind === 'number' ? String(random.integer(1_000_000, 10_000_000)) : drawCode(random)
}

/** A UUID in its usual form. */
function drawCode(random: Random): string {
  const hex = Array.from({ length: 32 }, () => random.integer(0, 16).toString(16)).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

function drawThings(count: number, isCoded: boolean, random: Random): string[] {
  return isCoded ? Array.from({ length: count }, () => drawCode(random)) : ownedThings(count, random)
}

const tell = ({ thing, secret }: Needle, kind: Secret): string => `The secret ${kind} of ${thing} is ${secret}.`

/** "a, b and c" */
function listed(items: readonly string[]): string {
  return items.length < 2 ? items.join() : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`
}

function needlePrompt(text: string, asked: readonly string[], secret: Secret, isOne: boolean): string {
  const [noun, verb] = isOne ? [`secret ${secret}`, 'is'] : [`secret ${secret}s`, 'are']
  const question = isOne ? `What is the ${noun}` : `What are all the ${noun}`
  return (
    `Some secret ${secret}s are hidden in the text that follows. Keep them in mind: you will be asked for them at its end.\n\n${text}\n\n` +
    `${question} of ${listed(asked)} that the text tells?\nAnswer: The ${noun} of ${listed(asked)} that the text tells ${verb}`
  )
}

/** A kind of needles; the units are sentences around them. */
export function needleKind(options: NeedleOptions): RulerKind {
  const { name, haystack, secret, codedThings = false, things, each, asked } = options
  return {
    name,
    maxTokens: 128,
    fewest: 4,
    ...(haystack === 'others' && !codedThings ? { most: mostOwnedThings - things } : {}),
    build(units, random) {
      const drawn = drawThings(things + (haystack === 'others' ? units : 0), codedThings, random)
      const needles = drawn
        .slice(0, things)
        .flatMap((thing) => Array.from({ length: each }, () => ({ thing, secret: drawSecret(secret, random) })))
      const others = drawn.slice(things).map((thing) => tell({ thing, secret: drawSecret(secret, random) }, secret))
      const around = haystack === 'others' ? others : haystack(units)
      const told = random.shuffle(needles.map((needle) => tell(needle, secret)))
      const wanted = random.shuffle(drawn.slice(0, things)).slice(0, asked)
      const text = insertBetween(around, told, random).join(haystack === 'others' ? '\n' : ' ')
      return {
        prompt: needlePrompt(text, wanted, secret, each * asked === 1),
        answers: needles.flatMap((needle) => (wanted.includes(needle.thing) ? [needle.secret] : [])),
      }
    },
  }
}
