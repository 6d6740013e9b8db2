import { PocketPhiError } from '../base/errors.ts'
import { bytePiece } from './characters.ts'
import { learnMerges, type Word } from './merge-learner.ts'
import { WordCounter } from './word-counter.ts'

/** A `tokenizer.json` of the kind that Phi-3-mini has. */
export interface TokenizerJson {
  readonly version: '1.0'
  readonly truncation: null
  readonly padding: null
  readonly added_tokens: readonly AddedTokenJson[]
  readonly normalizer: object
  readonly pre_tokenizer: null
  readonly post_processor: object
  readonly decoder: object
  readonly model: {
    readonly type: 'BPE'
    readonly dropout: null
    readonly unk_token: string
    readonly continuing_subword_prefix: null
    readonly end_of_word_suffix: null
    readonly fuse_unk: boolean
    readonly byte_fallback: boolean
    readonly vocab: Readonly<Record<string, number>>
    readonly merges: readonly string[]
  }
}

/** A token of `added_tokens` in a `tokenizer.json`. */
export interface AddedTokenJson {
  readonly id: number
  readonly content: string
  readonly single_word: boolean
  readonly lstrip: boolean
  readonly rstrip: boolean
  readonly normalized: boolean
  readonly special: boolean
}

/** How a vocabulary is learned. */
export interface TrainTokenizerOptions {
  /** The number of ids in all, added tokens included; met exactly. */
  readonly vocabularySize: number
  /** The share of all characters that get a piece of their own; the rest falls back to bytes. Default 0.9995. */
  readonly characterCoverage?: number
  /** The longest piece, in characters. Default 16, as in SentencePiece. */
  readonly longestPiece?: number
  /** Control tokens at the end of the vocabulary. Default: Phi-3's eleven in their order. */
  readonly controlTokens?: readonly string[]
}

/** Phi-3's added tokens in the order of their ids. */
export const phi3ControlTokens: readonly string[] = [
  '<|endoftext|>',
  '<|assistant|>',
  '<|placeholder1|>',
  '<|placeholder2|>',
  '<|placeholder3|>',
  '<|placeholder4|>',
  '<|system|>',
  '<|end|>',
  '<|placeholder5|>',
  '<|placeholder6|>',
  '<|user|>',
]

/** `<unk>`, `<s>`, `</s>` and the 256 bytes come before every character. */
const fixedPieces = ['<unk>', '<s>', '</s>', ...Array.from({ length: 256 }, (_, byte) => bytePiece(byte))]

/**
 * Trains a byte-pair tokenizer in the manner of Phi-3-mini's: `▁` for spaces, byte fallback, ids 0 `<unk>`, 1 `<s>`,
 * 2 `</s>`, 3..258 bytes, then characters by falling frequency, then merges in the order learnt, then control tokens.
 *
 * No merge crosses a word boundary: `▁` stands only at the start of a piece, digits and control characters stay alone,
 * and letters do not mix with other characters. Of the pairs that are counted most often the one with the smaller left
 * id is merged first, then the one with the smaller right id; so the result depends on the word counts only, not on
 * the order of the texts.
 * @throws PocketPhiError 'invalid-argument' when the texts hold too few different words for the size asked for.
 */
export function trainTokenizer(texts: Iterable<string>, options: TrainTokenizerOptions): TokenizerJson {
  const controlTokens = options.controlTokens ?? phi3ControlTokens
  checkControlTokens(controlTokens)
  const counter = new WordCounter()
  for (const text of texts) counter.add(text)
  const { words, characters } = counter.finish()
  const pieces = [...fixedPieces, ...chooseCharacters(characters, options.characterCoverage ?? 0.9995)]
  const pieceCount = options.vocabularySize - controlTokens.length
  if (!Number.isInteger(pieceCount) || pieceCount < pieces.length) {
    throw new PocketPhiError('invalid-argument', `A vocabulary of ${options.vocabularySize} is too small.`, {
      expected: `at least ${pieces.length + controlTokens.length} for bytes, ${pieces.length - fixedPieces.length} characters and control tokens`,
      remedy: 'Ask for a larger vocabulary or a lower character coverage.',
    })
  }
  const merges = learnMerges(wordsOf(words, pieces), pieces, {
    pieceCount,
    longestPiece: options.longestPiece ?? 16,
    reserved: new Set([...fixedPieces, ...controlTokens]),
  })
  if (pieces.length < pieceCount) {
    throw new PocketPhiError(
      'invalid-argument',
      `The texts are too few for a vocabulary of ${options.vocabularySize}.`,
      {
        found: `enough for ${pieces.length + controlTokens.length}`,
        remedy: 'Ask for a smaller vocabulary or give more text.',
      },
    )
  }
  return tokenizerJson(pieces, merges, controlTokens)
}

function checkControlTokens(tokens: readonly string[]): void {
  const all = [...fixedPieces, ...tokens]
  if (new Set(all).size === all.length && !tokens.includes('')) return
  throw new PocketPhiError('invalid-argument', 'The control tokens must be different from each other and not empty.')
}

/** The most frequent characters that together make up the share, most frequent first; `▁` is always one of them. */
function chooseCharacters(counts: ReadonlyMap<string, number>, coverage: number): string[] {
  const ordered = [...counts].sort(
    ([left, leftCount], [right, rightCount]) => rightCount - leftCount || codePoint(left) - codePoint(right),
  )
  const total = ordered.reduce((sum, [, count]) => sum + count, 0)
  const chosen: string[] = counts.has('▁') ? [] : ['▁']
  let covered = 0
  for (const [character, count] of ordered) {
    if (covered >= total * coverage && character !== '▁') continue
    chosen.push(character)
    covered += count
  }
  return chosen
}

function codePoint(character: string): number {
  return character.codePointAt(0) as number
}

/** Words as ids; a character without a piece cuts its word in two, because bytes never merge. */
function wordsOf(counts: ReadonlyMap<string, number>, pieces: readonly string[]): Word[] {
  const ids = new Map(pieces.slice(fixedPieces.length).map((piece, index) => [piece, index + fixedPieces.length]))
  const words: Word[] = []
  for (const [text, count] of counts) {
    let run: number[] = []
    for (const character of text) {
      const id = ids.get(character)
      if (id !== undefined) {
        run.push(id)
        continue
      }
      if (run.length > 1) words.push({ ids: run, count })
      run = []
    }
    if (run.length > 1) words.push({ ids: run, count })
  }
  return words
}

function addedToken(id: number, content: string, special: boolean, rstrip: boolean): AddedTokenJson {
  return { id, content, single_word: false, lstrip: false, rstrip, normalized: false, special }
}

function tokenizerJson(
  pieces: readonly string[],
  merges: readonly (readonly [number, number])[],
  controlTokens: readonly string[],
): TokenizerJson {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [
      addedToken(0, '<unk>', true, false),
      addedToken(1, '<s>', true, false),
      addedToken(2, '</s>', false, true),
      // As in Phi-3-mini, every control token but the end of a document swallows the white space after it.
      ...controlTokens.map((content, index) =>
        addedToken(pieces.length + index, content, true, content !== '<|endoftext|>'),
      ),
    ],
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Prepend', prepend: '▁' },
        { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
      ],
    },
    pre_tokenizer: null,
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ Sequence: { id: 'A', type_id: 0 } }],
      pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
      special_tokens: {},
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: '<unk>',
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
      merges: merges.map(([left, right]) => `${pieces[left]} ${pieces[right]}`),
    },
  }
}
