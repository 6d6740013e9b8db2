/** Where an answer ends: token ids of the model, and strings that the caller names. */
import { PocketPhiError } from '../base/errors.ts'
import { ConfigReader } from '../models/config.ts'
import type { Tokenizer } from '../text/tokenizer.ts'

/** Control tokens that end a turn in some model of the family, whatever its configuration forgot to say. */
const endingTokens = ['<|endoftext|>', '<|end|>', '<|im_end|>']

/**
 * The ids that end an answer: `eos_token_id` of generation_config.json, or else that of config.json together with the end
 * tokens that the tokenizer has, since published configurations name only one of the two or three.
 */
export function stopIdsOf(config: unknown, generationConfig: unknown, tokenizer: Tokenizer | undefined): number[] {
  const given = generationConfig === undefined ? [] : new ConfigReader(generationConfig).tokenIds('eos_token_id')
  if (given.length > 0) return given
  const named = new ConfigReader(config).tokenIds('eos_token_id')
  const added = new Map(tokenizer?.addedTokens.map(({ content, id }) => [content, id]))
  return [...new Set([...named, ...endingTokens.flatMap((token) => added.get(token) ?? [])])]
}

/** @throws PocketPhiError `invalid-argument` for an empty stop string */
export function stopStrings(stop: string | readonly string[] | undefined): readonly string[] {
  const strings = stop === undefined ? [] : typeof stop === 'string' ? [stop] : stop
  if (strings.every((text) => typeof text === 'string' && text !== '')) return strings
  throw new PocketPhiError('invalid-argument', 'A stop string is empty.', { expected: 'strings with characters' })
}

/**
 * Lets text through until a stop string appears. Text that could be the beginning of one is held back, so that nothing of
 * it, or past it, is ever let through.
 */
export class StopGate {
  readonly #stops: readonly string[]
  #held = ''
  /** The stop string that was found. */
  found: string | undefined
  /** What came behind it, with the same piece of text. */
  rest = ''

  constructor(stops: readonly string[]) {
    this.#stops = stops
  }

  push(text: string): string {
    if (this.found !== undefined) return ''
    const all = this.#held + text
    let first = all.length
    let firstEnd = Infinity
    // The one that is complete first, so that the result does not depend on how the text comes in pieces.
    for (const stop of this.#stops) {
      const at = all.indexOf(stop)
      const end = at + stop.length
      if (at < 0 || end > firstEnd || (end === firstEnd && at >= first)) continue
      first = at
      firstEnd = end
      this.found = stop
    }
    const end = this.found === undefined ? all.length - this.#doubtful(all) : first
    this.#held = this.found === undefined ? all.slice(end) : ''
    if (this.found !== undefined) this.rest = all.slice(firstEnd)
    return all.slice(0, end)
  }

  /** What was held back, once it is known that nothing follows. */
  flush(): string {
    const rest = this.#held
    this.#held = ''
    return rest
  }

  /** The length of the longest end of the text that is the beginning of a stop string. */
  #doubtful(text: string): number {
    const longest = this.#stops.reduce((most, stop) => Math.max(most, stop.length - 1), 0)
    for (let length = Math.min(longest, text.length); length > 0; length--) {
      const end = text.slice(text.length - length)
      if (this.#stops.some((stop) => stop.startsWith(end))) return length
    }
    return 0
  }
}
