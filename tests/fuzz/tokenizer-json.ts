/** Mutants of tokenizer.json. */
import type { Random } from '../../src/base/random.ts'
import { memoryFolder } from '../../src/formats/tree.ts'
import { byteAlphabet, bytePiece } from '../../src/text/characters.ts'
import { tiktokenPatterns } from '../../src/text/tiktoken.ts'
import { loadTokenizerJson } from '../../src/text/tokenizer-json.ts'
import type { FuzzFormat } from './format.ts'
import { mutateTimes, oddNumbers, oddTexts, oddValue, textBytes, writeJson } from './json.ts'
import { checkTokenizer } from './probe.ts'

export interface TokenizerDraft {
  added_tokens: Record<string, unknown>[]
  normalizer: unknown
  pre_tokenizer: unknown
  post_processor: unknown
  decoder: unknown
  model: Record<string, unknown> & { vocab: Record<string, number>; merges: unknown[] }
}

function numbered(pieces: readonly string[]): Record<string, number> {
  return Object.fromEntries(pieces.map((piece, id) => [piece, id]))
}

function addedTokens(first: number): Record<string, unknown>[] {
  return ['<|endoftext|>', '<|end|>', '<|user|>', 'word'].map((content, index) => ({
    ...{ id: first + index, content, special: content !== 'word', normalized: false },
    ...{ single_word: false, lstrip: false, rstrip: false },
  }))
}

const letters = [...'abdehlmnorstw▁']
const joins = [
  ['t', 'h'],
  ['th', 'e'],
  ['▁', 'the'],
  ['a', 'a'],
  ['aa', 'aa'],
  ['l', 'l'],
  ['▁', 'a'],
  ['o', 'r'],
] as const

const sentencePieceSteps = [
  { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
  { type: 'ByteFallback' },
  { type: 'Fuse' },
  { type: 'Strip', content: ' ', start: 1, stop: 0 },
]

/** In the manner of Phi-3-mini: byte fallback, spaces as `▁`. */
export function sentencePieceDraft(): TokenizerDraft {
  const bytes = Array.from({ length: 256 }, (_, byte) => bytePiece(byte))
  const pieces = ['<unk>', '<s>', '</s>', ...bytes, ...letters, ...joins.map(([left, right]) => left + right)]
  return {
    added_tokens: addedTokens(pieces.length),
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
      single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
    },
    decoder: { type: 'Sequence', decoders: sentencePieceSteps },
    model: {
      ...{ type: 'BPE', dropout: null, unk_token: '<unk>', fuse_unk: true, byte_fallback: true, ignore_merges: false },
      vocab: numbered(pieces),
      merges: joins.map(([left, right]) => `${left} ${right}`),
    },
  }
}

/** In the manner of Phi-4: byte-level. */
export function byteLevelDraft(): TokenizerDraft {
  const merged = joins.map(([left, right]) => [left.replace('▁', 'Ġ'), right.replace('▁', 'Ġ')] as const)
  const pieces = [...byteAlphabet, ...merged.map(([left, right]) => left + right)]
  const split = { type: 'Split', pattern: { Regex: tiktokenPatterns.cl100k }, behavior: 'Isolated', invert: false }
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false }
  return {
    added_tokens: addedTokens(pieces.length),
    normalizer: null,
    pre_tokenizer: { type: 'Sequence', pretokenizers: [split, byteLevel] },
    post_processor: byteLevel,
    decoder: byteLevel,
    model: {
      ...{ type: 'BPE', dropout: null, unk_token: null, fuse_unk: false, byte_fallback: false, ignore_merges: true },
      vocab: numbered(pieces),
      merges: merged.map(([left, right]) => [left, right]),
    },
  }
}

function sequence(list: string, steps: readonly unknown[]): unknown {
  return { type: 'Sequence', [list]: steps }
}

const patterns = [
  ...[
    ' ',
    '.',
    '',
    '(a*)*b',
    '(?:a|a)+$',
    '\\s+',
    '\\p{L}+',
    '(?<!a)b',
    '[^\\s\\p{L}]',
    '\\d{1,3}',
    'a{1,9999}',
    '(?i:x)',
  ],
  ...['[a-', '(', '\\u{110000}', '(?>a+)b', 'a++', '\\p{Nope}', '^|$', 'a{0}', '[\\w-z]', '\\Z', 'x*', '()', '(?=a)'],
]

function pattern(random: Random): unknown {
  return random.integer(0, 2) === 0
    ? { String: random.pick([' ', 'a', 'aa', '▁', ...oddTexts]) }
    : { Regex: random.pick(patterns) }
}

/** Steps that may lengthen the text, many times over. */
function normalizer(random: Random): unknown {
  const step = (): unknown => {
    const content = random.pick(['', 'a', 'aa', '▁', ' $& ', ...oddTexts])
    return random.pick([
      { type: 'Prepend', prepend: content },
      { type: 'Replace', pattern: pattern(random), content },
      { type: random.pick(['NFC', 'NFD', 'NFKC', 'NFKD', 'Lowercase']) },
    ])
  }
  const repeated = step()
  const steps = Array.from({ length: random.pick([1, 2, 3, 60]) }, () =>
    random.integer(0, 3) === 0 ? step() : repeated,
  )
  let component = sequence('normalizers', steps)
  for (let depth = random.pick([0, 0, 1, 9, 400]); depth > 0; depth--) component = sequence('normalizers', [component])
  return component
}

function preTokenizer(random: Random): unknown {
  const step = (): unknown => {
    const behavior = random.pick(['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous', 'Other'])
    return random.pick([
      { type: 'Split', pattern: pattern(random), behavior, invert: random.integer(0, 2) === 0 },
      { type: 'ByteLevel', add_prefix_space: random.integer(0, 2) === 0, use_regex: random.integer(0, 2) === 0 },
    ])
  }
  const repeated = step()
  const steps = Array.from({ length: random.pick([1, 2, 3, 40]) }, () =>
    random.integer(0, 3) === 0 ? step() : repeated,
  )
  return sequence('pretokenizers', steps)
}

function decoder(random: Random): unknown {
  const replace = {
    type: 'Replace',
    pattern: { String: random.pick(['▁', 'a', ...oddTexts]) },
    content: random.pick(['', 'aa', ' ', ...oddTexts]),
  }
  const steps = [
    ...Array.from({ length: random.pick([0, 1, 2, 60]) }, () => replace),
    ...sentencePieceSteps.filter(() => random.integer(0, 3) > 0),
  ]
  return sequence('decoders', random.integer(0, 5) === 0 ? random.shuffle(steps) : steps)
}

function mutateVocabulary(random: Random, { vocab, merges }: TokenizerDraft['model']): void {
  const pieces = Object.keys(vocab)
  const piece = random.pick(pieces)
  switch (random.integer(0, 7)) {
    case 0:
      vocab[piece] = random.pick([...oddNumbers, pieces.length + 50])
      break
    case 1:
      vocab[random.pick(oddTexts)] = pieces.length + random.integer(0, 9)
      break
    case 2:
      delete vocab[piece]
      break
    case 3:
      merges.push(random.pick([`${piece} ${random.pick(pieces)}`, [piece, piece], ['a'], 'a b c', 7, ['', ''], piece]))
      break
    case 4: {
      const other = random.pick(pieces)
      vocab[piece + other] ??= pieces.length + 10
      merges.push([piece, other])
      break
    }
    case 5:
      merges.splice(random.integer(0, merges.length + 1), random.integer(0, 3))
      break
    default:
      random.shuffle(merges)
  }
}

const flags = ['special', 'normalized', 'single_word', 'lstrip', 'rstrip']

/** A token that is there twice, elsewhere, longer, empty, or that takes what is beside it. */
export function mutateAddedTokens(random: Random, tokens: Record<string, unknown>[]): void {
  const token = random.pick(tokens)
  switch (random.integer(0, 6)) {
    case 0:
      token['id'] = random.pick([0, 1, 300, ...oddNumbers])
      break
    case 1:
      token['content'] = random.pick(['a', 'the', ' the', ...oddTexts]).repeat(random.pick([1, 1, 2, 2000]))
      break
    case 2:
      tokens.push({ ...token, id: 290 + random.integer(0, 9) })
      break
    case 3:
      token[random.pick(['id', 'content', ...flags])] = oddValue(random)
      break
    default:
      token[random.pick(flags)] = random.integer(0, 2) === 0
  }
}

function mutatePostProcessor(random: Random, draft: TokenizerDraft): void {
  const item = (): unknown =>
    random.pick([
      { SpecialToken: { id: random.pick(['<s>', '<|end|>', ...oddTexts]), type_id: 0 } },
      { Sequence: { id: random.pick(['A', 'A', 'B']), type_id: 0 } },
    ])
  draft.post_processor = {
    type: random.pick(['TemplateProcessing', 'TemplateProcessing', 'ByteLevel', 'BertProcessing']),
    single: Array.from({ length: random.integer(0, 4) }, item),
    special_tokens: { '<s>': { ids: random.pick([[1], [1, 2], [], oddNumbers]) }, '<|end|>': { ids: [2] } },
  }
}

function mutateMeaning(random: Random, draft: TokenizerDraft): void {
  switch (random.integer(0, 10)) {
    case 0:
      draft.normalizer = normalizer(random)
      break
    case 1:
      draft.pre_tokenizer = preTokenizer(random)
      break
    case 2:
      draft.decoder = decoder(random)
      break
    case 3:
      mutatePostProcessor(random, draft)
      break
    case 4:
    case 5:
      mutateAddedTokens(random, draft.added_tokens)
      break
    case 6: {
      const field = random.pick(['type', 'dropout', 'unk_token', 'fuse_unk', 'byte_fallback', 'ignore_merges'])
      draft.model[field] = random.integer(0, 2) === 0 ? random.integer(0, 2) === 0 : oddValue(random)
      break
    }
    default:
      mutateVocabulary(random, draft.model)
  }
}

const keys = [
  ...flags,
  'type',
  'vocab',
  'merges',
  'model',
  'id',
  'ids',
  'content',
  'pattern',
  'Regex',
  'String',
  ...oddTexts,
]

/** Parts of a file that decide whether a text comes back: as they were in the seed. */
function partsOf(draft: TokenizerDraft): string {
  const { vocab: _, merges: __, ...model } = draft.model
  return JSON.stringify([draft.added_tokens, draft.normalizer, draft.pre_tokenizer, draft.decoder, model])
}

const unchanged = new Map(
  [sentencePieceDraft, byteLevelDraft].map((make) => [partsOf(make()), Object.keys(make().model.vocab)]),
)
const knownPieces = new Set([...unchanged.values()].flat())

/** Whether nothing of a text is lost: the seed's parts, every byte in the vocabulary, and merges of pieces that are its own. */
function isLossless(draft: TokenizerDraft): boolean {
  const pieces = unchanged.get(partsOf(draft))
  const vocab = new Set(Object.keys(draft.model.vocab))
  const letterlike = (piece: string): boolean => /^(?:<0x..>|.)$/u.test(piece)
  return (
    pieces !== undefined &&
    pieces.filter(letterlike).every((piece) => vocab.has(piece)) &&
    [...vocab].every((piece) => knownPieces.has(piece))
  )
}

/** Past the header: a JSON object with a model that has a vocabulary and a list of merges. */
export const tokenizerJsonFormat: FuzzFormat = {
  name: 'tokenizer.json',
  share: 100,
  mutate(random) {
    const draft = random.integer(0, 2) === 0 ? sentencePieceDraft() : byteLevelDraft()
    for (let round = random.integer(0, 4); round > 0; round--) mutateMeaning(random, draft)
    const changed = mutateTimes(random, draft, keys, random.integer(0, 6) === 0 ? random.integer(1, 3) : 0)
    return textBytes(random, writeJson(changed))
  },
  async load(bytes, passed) {
    const json = await memoryFolder(new Map([['tokenizer.json', bytes]])).readJson('tokenizer.json')
    const model = (json as Partial<TokenizerDraft> | null)?.model
    const isWhole = typeof model?.vocab === 'object' && model.vocab !== null && Array.isArray(model.merges)
    if (isWhole) passed()
    const tokenizer = loadTokenizerJson(json)
    checkTokenizer(tokenizer, isLossless(json as TokenizerDraft))
  },
}
