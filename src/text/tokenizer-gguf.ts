import {
  ggufBoolean,
  ggufNumber,
  ggufNumbers,
  ggufString,
  ggufStrings,
  type GgufMetadata,
} from '../formats/gguf-values.ts'
import { findCuts, type BpeModel } from './bpe.ts'
import { bytePiece } from './characters.ts'
import { readDecoder, readNormalizer } from './components.ts'
import { invalid, maximumId, unsupported } from './json-reader.ts'
import { makeTokenizer, type Tokenizer } from './make-tokenizer.ts'
import type { MergeRules } from './merge.ts'
import { tiktokenPatterns } from './tiktoken.ts'
import type { TokenizerConfig } from './tokenizer-config.ts'
import { loadTokenizerJson, readAddedTokens } from './tokenizer-json.ts'

/** What a GGUF file says of text. */
export interface GgufText {
  readonly tokenizer: Tokenizer
  readonly config: Omit<TokenizerConfig, 'addedTokens'>
}

/** `tokenizer.ggml.token_type`: the types of SentencePiece. */
const tokenType = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const

/** Longer pieces than this are refused. */
const longestPiece = 4096

interface Vocabulary {
  /** By id; undefined for padding, which text never becomes and which decodes to nothing. */
  readonly pieces: readonly (string | undefined)[]
  readonly ids: ReadonlyMap<string, number>
  readonly typeOf: (id: number) => number
  /** Added tokens in the form of a tokenizer.json. */
  readonly addedTokens: readonly object[]
  /** Ids put before and after every text. */
  readonly before: readonly number[]
  readonly after: readonly number[]
  readonly unknownId: number | undefined
}

/**
 * Reads the vocabulary in the metadata of a GGUF file (keys `tokenizer.*` of the GGUF specification): of the model `llama`,
 * SentencePiece-style BPE whose merges follow the scores, or `gpt2`, byte-level with a list of merges. What files do not say
 * is taken as llama.cpp takes it (`llama-vocab.cpp`).
 * @throws PocketPhiError 'invalid-file' on anything torn or hostile, 'not-supported' naming a model or a pre-tokenizer that is
 * not built here.
 */
export function loadGgufTokenizer(metadata: GgufMetadata): GgufText {
  const model = ggufString(metadata, 'tokenizer.ggml.model')
  if (model !== 'llama' && model !== 'gpt2') throw unsupported('tokenizer.ggml.model', model)
  const vocabulary = readVocabulary(metadata, model)
  const piece = (name: string, fallback?: number): string | undefined => {
    const id = specialId(metadata, name, vocabulary.pieces.length, fallback)
    return id === undefined ? undefined : vocabulary.pieces[id]
  }
  return {
    tokenizer: model === 'llama' ? llamaTokenizer(metadata, vocabulary) : byteLevelTokenizer(metadata, vocabulary),
    config: {
      chatTemplate: ggufString(metadata, 'tokenizer.chat_template'),
      bosToken: piece('bos', model === 'llama' ? 1 : undefined),
      eosToken: piece('eos', model === 'llama' ? 2 : undefined),
    },
  }
}

/** The id of a token with a part of its own; `fallback` where the file does not say and the vocabulary reaches so far. */
function specialId(metadata: GgufMetadata, name: string, size: number, fallback?: number): number | undefined {
  const key = `tokenizer.ggml.${name}_token_id`
  const id = ggufNumber(metadata, key)
  if (id === undefined) return fallback !== undefined && fallback < size ? fallback : undefined
  if (Number.isInteger(id) && id >= 0 && id < size) return id
  throw invalid(key, `an id below ${size}`, id)
}

function readVocabulary(metadata: GgufMetadata, model: 'llama' | 'gpt2'): Vocabulary {
  const tokens = ggufStrings(metadata, 'tokenizer.ggml.tokens') ?? []
  const size = tokens.length
  if (size === 0 || size > maximumId) throw invalid('tokenizer.ggml.tokens', `1 to ${maximumId} tokens`, size)
  const types = ggufNumbers(metadata, 'tokenizer.ggml.token_type')
  if (types !== undefined && types.length !== size) {
    throw invalid('tokenizer.ggml.token_type', `${size} types, one for each token`, types.length)
  }
  const typeOf = (id: number): number => types?.[id] ?? tokenType.normal
  const unknownId = specialId(metadata, 'unknown', size, model === 'llama' ? 0 : undefined)
  const ids = new Map<string, number>()
  const pieces = tokens.map((text, id) => {
    // Older converters call padding unknown.
    const padding = typeOf(id) === tokenType.unused || (typeOf(id) === tokenType.unknown && id !== unknownId)
    if (padding || text === '') return undefined
    const place = `tokenizer.ggml.tokens[${id}]`
    if (text.length > longestPiece) throw invalid(place, `at most ${longestPiece} characters`, text)
    if (ids.has(text)) throw invalid(place, 'a token of its own', text)
    ids.set(text, id)
    return text
  })
  const around = (name: string, byDefault: boolean, fallback: number): number[] => {
    if (!(ggufBoolean(metadata, `tokenizer.ggml.add_${name}_token`) ?? byDefault)) return []
    const id = specialId(metadata, name, size, model === 'llama' ? fallback : undefined)
    if (id === undefined || pieces[id] === undefined) throw invalid(`tokenizer.ggml.${name}_token_id`, 'a token', id)
    return [id]
  }
  return {
    pieces,
    ids,
    typeOf,
    addedTokens: addedTokens(metadata, model, pieces, typeOf),
    before: around('bos', model === 'llama', 1),
    after: around('eos', false, 2),
    unknownId,
  }
}

/**
 * Control and user-defined tokens. Whether they take the white space behind them is not in the file: it is a property of the
 * vocabulary that the phi3 architecture shares, which llama.cpp tells by the name of the model.
 */
function addedTokens(
  metadata: GgufMetadata,
  model: 'llama' | 'gpt2',
  pieces: readonly (string | undefined)[],
  typeOf: (id: number) => number,
): object[] {
  const name = ggufString(metadata, 'general.name') ?? ''
  const isPhi3 = /phi-?3/i.test(name) || ggufString(metadata, 'general.architecture') === 'phi3'
  const stripping = model === 'llama' && isPhi3
  const tokens: object[] = []
  for (const [id, content] of pieces.entries()) {
    const type = typeOf(id)
    const special = type === tokenType.control || type === tokenType.unknown
    if (content === undefined || !(special || type === tokenType.userDefined)) continue
    const rstrip = stripping && !['<unk>', '<s>', '<|endoftext|>'].includes(content)
    tokens.push({ id, content, special, rstrip, lstrip: false, single_word: false, normalized: false })
  }
  return tokens
}

function llamaTokenizer(metadata: GgufMetadata, vocabulary: Vocabulary): Tokenizer {
  const { pieces, ids, typeOf, unknownId, before, after } = vocabulary
  const normal = pieces.map((piece, id) => (typeOf(id) === tokenType.normal ? piece : undefined))
  const scores = ggufNumbers(metadata, 'tokenizer.ggml.scores')
  if (scores?.length !== pieces.length) {
    throw invalid('tokenizer.ggml.scores', `${pieces.length} scores, one for each token`, scores?.length)
  }
  const model: BpeModel = {
    ids,
    rules: scoreRules(normal, scores),
    byteIds: Int32Array.from({ length: 256 }, (_, byte) => ids.get(bytePiece(byte)) ?? -1),
    ...(unknownId !== undefined && pieces[unknownId] !== undefined && { unknownId }),
    fuseUnknown: true,
    wholeSpans: false,
  }
  // Only normal pieces are merged, and only into normal pieces: their spelling says how far they reach.
  const cuts = findCuts(
    '▁',
    ids,
    normal.filter((piece) => piece !== undefined),
    [],
    new Set(),
  )
  const prefixed = ggufBoolean(metadata, 'tokenizer.ggml.add_space_prefix') ?? true
  const prefix = { type: 'Prepend', prepend: '▁' }
  const strip = { type: 'Strip', content: ' ', start: 1, stop: 0 }
  return makeTokenizer({
    model: cuts === undefined ? model : { ...model, cuts },
    pieces: trimmed(pieces),
    addedTokens: readAddedTokens(vocabulary.addedTokens, ids, pieces),
    normalize: readNormalizer({
      type: 'Sequence',
      normalizers: [...(prefixed ? [prefix] : []), { type: 'Replace', pattern: { String: ' ' }, content: '▁' }],
    }),
    preTokenize: (text) => [text],
    decoder: readDecoder({
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(prefixed ? [strip] : []),
      ],
    }),
    before,
    after,
  })
}

/** Without the padding at the end, which is no part of the vocabulary. */
function trimmed(pieces: readonly (string | undefined)[]): readonly (string | undefined)[] {
  return pieces.slice(0, pieces.findLastIndex((piece) => piece !== undefined) + 1)
}

/**
 * Rules of a vocabulary with scores, as SentencePiece and llama.cpp merge: two neighbours join when their concatenation is a
 * normal piece, the highest score first, leftmost among joins to the same piece. Of pieces with equal scores the one with the
 * lower id goes first, where llama.cpp takes the leftmost: in the published vocabularies only runs of spaces have equal
 * scores, and for these both give the same pieces.
 */
function scoreRules(pieces: readonly (string | undefined)[], scores: ArrayLike<number>): MergeRules {
  const order: number[] = []
  let longest = 0
  for (const [id, piece] of pieces.entries()) {
    if (piece === undefined) continue
    if (!Number.isFinite(scores[id])) throw invalid(`tokenizer.ggml.scores[${id}]`, 'a finite score', scores[id])
    order.push(id)
    longest = Math.max(longest, piece.length)
  }
  order.sort((left, right) => (scores[right] as number) - (scores[left] as number) || left - right)
  const ranks = new Map(order.map((id, rank) => [pieces[id] as string, rank]))
  return {
    rank(left, right) {
      const first = pieces[left]
      const second = pieces[right]
      if (first === undefined || second === undefined || first.length + second.length > longest) return -1
      return ranks.get(first + second) ?? -1
    },
    result: (rank) => order[rank] as number,
  }
}

const cl100k = { type: 'Split', pattern: { Regex: tiktokenPatterns.cl100k }, behavior: 'Isolated', invert: false }
const o200k = { type: 'Split', pattern: { Regex: tiktokenPatterns.o200k }, behavior: 'Isolated', invert: false }
const bytes = { type: 'ByteLevel', add_prefix_space: false, use_regex: false }

/** By `tokenizer.ggml.pre`; Phi-4 is "dbrx", Phi-4-mini "gpt-4o". */
const preTokenizers: ReadonlyMap<string, object> = new Map<string, object>([
  ['gpt-2', { ...bytes, use_regex: true }],
  ['phi-2', { ...bytes, use_regex: true }],
  ['dbrx', { type: 'Sequence', pretokenizers: [cl100k, bytes] }],
  ['llama-bpe', { type: 'Sequence', pretokenizers: [cl100k, bytes] }],
  ['gpt-4o', { type: 'Sequence', pretokenizers: [o200k, bytes] }],
])

function byteLevelTokenizer(metadata: GgufMetadata, vocabulary: Vocabulary): Tokenizer {
  const { pieces, ids, before, after } = vocabulary
  const pre = ggufString(metadata, 'tokenizer.ggml.pre') ?? 'default'
  const preTokenizer = preTokenizers.get(pre)
  if (preTokenizer === undefined) throw unsupported('tokenizer.ggml.pre', pre)
  const merges = ggufStrings(metadata, 'tokenizer.ggml.merges')
  if (merges === undefined) throw invalid('tokenizer.ggml.merges', 'a list of merges', undefined)
  const token = (id: number): object => ({ SpecialToken: { id: pieces[id], type_id: 0 } })
  return loadTokenizerJson({
    model: {
      type: 'BPE',
      vocab: Object.fromEntries(ids),
      merges,
      ignore_merges: pre === 'llama-bpe',
    },
    added_tokens: vocabulary.addedTokens,
    pre_tokenizer: preTokenizer,
    post_processor: {
      type: 'TemplateProcessing',
      single: [...before.map(token), { Sequence: { id: 'A', type_id: 0 } }, ...after.map(token)],
      special_tokens: Object.fromEntries([...before, ...after].map((id) => [pieces[id], { ids: [id] }])),
    },
    decoder: { type: 'ByteLevel' },
  })
}
