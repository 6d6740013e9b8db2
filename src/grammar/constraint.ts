/** Holds an answer to a grammar while it is written. */
import { PocketPhiError } from '../base/errors.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { Automaton, type State } from './automaton.ts'
import { callsGrammar, type CallRules } from './calls.ts'
import type { Grammar } from './expression.ts'
import { jsonGrammar } from './json.ts'
import { jsonSchemaGrammar } from './json-schema.ts'
import { regexGrammar } from './regex.ts'
import { TokenMasks } from './token-masks.ts'

/** An object in JSON, JSON that is valid by a schema (draft 2020-12; the guide lists the keywords), or a text that matches a regular expression. */
export type TextFormat =
  | { readonly type: 'json' }
  | { readonly type: 'json-schema'; readonly schema: unknown }
  | { readonly type: 'regex'; readonly pattern: string }

/**
 * What an answer has to be, from its beginning to its end: a text of some format, or calls of functions. With `words` it may also be
 * something else: `free`, any text, calls behind it or not, or a text of that format instead.
 */
export type AnswerFormat =
  | TextFormat
  | ({ readonly type: 'calls'; readonly words?: 'free' | TextFormat | undefined } & CallRules)

function grammarOf(format: AnswerFormat, isControl: (spelling: string) => boolean): Grammar {
  switch (format.type) {
    case 'calls': {
      const { words } = format
      return callsGrammar(format, typeof words === 'object' ? grammarOf(words, isControl) : words, isControl)
    }
    case 'json':
      return jsonGrammar
    case 'json-schema':
      return jsonSchemaGrammar(format.schema)
    case 'regex':
      return regexGrammar(format.pattern)
  }
}

/** What was made of the formats that were asked for last, so that the next answer finds it. */
const kept = new WeakMap<Tokenizer, Map<string, { readonly automaton: Automaton; readonly masks: TokenMasks }>>()
const mostKept = 8

function compiled(format: AnswerFormat, tokenizer: Tokenizer): { automaton: Automaton; masks: TokenMasks } {
  const ofTokenizer = kept.get(tokenizer) ?? new Map()
  kept.set(tokenizer, ofTokenizer)
  const key = JSON.stringify(format)
  const known = ofTokenizer.get(key)
  if (known !== undefined) return known
  const added = new Map(tokenizer.addedTokens.map(({ content, id }) => [content, id]))
  const grammar = grammarOf(format, (spelling) => added.has(spelling))
  const automaton = new Automaton(grammar)
  const controls = (grammar.controls ?? []).flatMap((spelling) => added.get(spelling) ?? [])
  const entry = { automaton, masks: new TokenMasks(automaton, tokenizer, controls) }
  ofTokenizer.set(key, entry)
  for (const oldest of ofTokenizer.keys()) if (ofTokenizer.size > mostKept) ofTokenizer.delete(oldest)
  return entry
}

/** One answer that is being written. */
export class Constraint {
  readonly #automaton: Automaton
  readonly #masks: TokenMasks
  readonly #tokenizer: Tokenizer
  readonly #stopIds: Int32Array
  /** Lists of ids with those that may end the answer. */
  readonly #stopped = new WeakMap<Int32Array, Int32Array>()
  #state: State
  /** Whether the decoder will leave out a space at the beginning. */
  #dropsSpace: boolean

  /**
   * @param stopIds those that may end the answer, once it is whole
   * @param continuesText whether the answer goes on with a text, so that a space at its beginning counts
   * @throws PocketPhiError `invalid-argument`, `not-supported` for a format that cannot be held to
   */
  constructor(format: AnswerFormat, tokenizer: Tokenizer, stopIds: ReadonlySet<number>, continuesText: boolean) {
    const { automaton, masks } = compiled(format, tokenizer)
    this.#automaton = automaton
    this.#masks = masks
    this.#tokenizer = tokenizer
    this.#stopIds = Int32Array.from(stopIds).sort()
    this.#state = automaton.start
    this.#dropsSpace = !continuesText && dropsLeadingSpace(tokenizer)
    if (this.#state.waiting.length === 0 && !this.#state.isComplete) throw noText()
  }

  /** Ids that may come next, in ascending order. @throws PocketPhiError `not-supported` when the vocabulary has none that fits */
  allowed(): Int32Array {
    const ids = this.#dropsSpace ? this.#masks.allowedAfterSpace(this.#state) : this.#masks.allowed(this.#state)
    if (!this.#state.isComplete) {
      if (ids.length === 0) throw noText()
      return ids
    }
    return this.#withStops(ids)
  }

  /** In free text nearly all of a vocabulary is allowed, again and again. */
  #withStops(ids: Int32Array): Int32Array {
    const known = this.#stopped.get(ids)
    if (known !== undefined) return known
    const all = new Int32Array(ids.length + this.#stopIds.length)
    all.set(ids)
    all.set(this.#stopIds, ids.length)
    all.sort()
    this.#stopped.set(ids, all)
    return all
  }

  /** Goes on past a token that was allowed and ends nothing. */
  accept(id: number): void {
    const symbols = [...this.#masks.symbolsOf(id, this.#tokenizer)]
    if (this.#dropsSpace && symbols[0] === 0x20) symbols.shift()
    this.#dropsSpace = false
    for (const symbol of symbols) {
      const next = this.#automaton.step(this.#state, symbol)
      if (next === undefined) throw new Error('defect: a token that was not allowed')
      this.#state = next
    }
  }

  /** Whether the answer is whole, and nothing can be added to it. */
  get isOver(): boolean {
    return this.#state.isComplete && this.#state.waiting.length === 0
  }
}

function noText(): PocketPhiError {
  return new PocketPhiError('not-supported', 'No text fits the format.', {
    remedy: 'Loosen it: a schema may exclude all values, or a pattern ask for characters that the vocabulary lacks.',
  })
}

/** Whether the decoder leaves out a space at the beginning of a text, as those of SentencePiece do. */
function dropsLeadingSpace(tokenizer: Tokenizer): boolean {
  for (let id = 0; id < tokenizer.vocabularySize; id++) {
    if (tokenizer.pieceOf(id) === undefined || tokenizer.tokenBytes(id)[0] !== 0x20) continue
    return tokenizer.decode([id]) !== tokenizer.decode([id], { keepLeadingSpace: true })
  }
  return false
}
