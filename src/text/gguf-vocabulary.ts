import type { GgufMetadata, GgufValue } from '../formats/gguf-values.ts'
import { asList, asObject, asString, isAbsent, unsupported } from './json-reader.ts'
import { loadTokenizerJson } from './tokenizer-json.ts'

export interface GgufVocabularyOptions {
  /** Rows of the embeddings: ids that the tokenizer does not use become padding. */
  readonly rows: number
  /** Jinja source. */
  readonly chatTemplate?: string | undefined
  readonly bosId?: number | undefined
  /** Ids that end an answer; the file can name two. */
  readonly endIds?: readonly number[]
  readonly paddingId?: number | undefined
}

/** `tokenizer.ggml.token_type`: the types of SentencePiece. */
const tokenType = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const

/** What converters give to padding. */
const paddingScore = -10_000

/**
 * The vocabulary of a tokenizer.json as the metadata of a GGUF file: the model `llama`, whose merges follow the scores of the
 * pieces. A piece's score is the place of the first merge that makes it, which is exact for vocabularies that come
 * from SentencePiece (Phi-3); the scores of others allow merges that their list does not have.
 *
 * @throws PocketPhiError `invalid-file` for a file that is no tokenizer; `not-supported` for a byte-level one (Phi-4)
 */
export function ggufVocabulary(json: unknown, options: GgufVocabularyOptions): GgufMetadata {
  const tokenizer = loadTokenizerJson(json)
  const file = asObject(json, 'the top level')
  const model = asObject(file['model'], 'model')
  if (model['byte_fallback'] !== true) throw unsupported('model, for a GGUF file,', 'byte-level BPE')
  if (!isAbsent(file['pre_tokenizer'])) throw unsupported('pre_tokenizer, for a GGUF file,', file['pre_tokenizer'])

  const order = firstMerges(asList(model['merges'], 'model.merges'))
  const control = new Map(tokenizer.addedTokens.map(({ id, special }) => [id, special]))
  const unknown = isAbsent(model['unk_token'])
    ? undefined
    : tokenizer.idOf(asString(model['unk_token'], 'model.unk_token'))
  const typeOf = (id: number, piece: string | undefined): number => {
    if (piece === undefined) return tokenType.unused
    if (id === unknown) return tokenType.unknown
    if (control.has(id)) return control.get(id) === true ? tokenType.control : tokenType.userDefined
    return /^<0x[0-9A-F]{2}>$/.test(piece) ? tokenType.byte : tokenType.normal
  }
  const ids = Array.from({ length: options.rows }, (_, id) => id)
  const pieces = ids.map((id) => tokenizer.pieceOf(id))
  const scores = pieces.map((piece) => (piece === undefined ? paddingScore : -(order.get(piece) ?? 0)))
  // What the tokenizer puts around an empty text is what it puts around any.
  const [first] = tokenizer.encode('')

  const id = (name: string, value: number | undefined): [string, GgufValue][] =>
    value === undefined ? [] : [[`tokenizer.ggml.${name}_token_id`, { type: 'uint32', value }]]
  const [eos, eot] = options.endIds ?? []
  return new Map<string, GgufValue>([
    ['tokenizer.ggml.model', { type: 'string', value: 'llama' }],
    ['tokenizer.ggml.pre', { type: 'string', value: 'default' }],
    [
      'tokenizer.ggml.tokens',
      { type: 'array', of: 'string', value: pieces.map((piece, index) => piece ?? `[PAD${index}]`) },
    ],
    ['tokenizer.ggml.scores', { type: 'array', of: 'float32', value: Float32Array.from(scores) }],
    [
      'tokenizer.ggml.token_type',
      { type: 'array', of: 'int32', value: Int32Array.from(pieces, (piece, index) => typeOf(index, piece)) },
    ],
    ...id('bos', options.bosId),
    ...id('eos', eos),
    ...id('eot', eot),
    ...id('unknown', unknown),
    ...id('padding', options.paddingId),
    ['tokenizer.ggml.add_bos_token', { type: 'bool', value: first !== undefined && first === options.bosId }],
    ['tokenizer.ggml.add_eos_token', { type: 'bool', value: false }],
    [
      'tokenizer.ggml.add_space_prefix',
      { type: 'bool', value: JSON.stringify(file['normalizer']).includes('Prepend') },
    ],
    ...(options.chatTemplate === undefined
      ? []
      : [['tokenizer.chat_template', { type: 'string', value: options.chatTemplate }] as const]),
  ])
}

/** By piece: the place of the first merge that makes it. */
function firstMerges(merges: readonly unknown[]): Map<string, number> {
  const order = new Map<string, number>()
  for (const [index, merge] of merges.entries()) {
    const piece = typeof merge === 'string' ? merge.replace(' ', '') : (merge as readonly string[]).join('')
    if (!order.has(piece)) order.set(piece, index)
  }
  return order
}
