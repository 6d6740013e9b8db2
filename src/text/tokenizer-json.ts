import { quoted } from '../base/describe.ts'
import type { JsonObject } from '../formats/json.ts'
import type { AddedToken } from './added-tokens.ts'
import { findCuts, type BpeModel } from './bpe.ts'
import { bytePiece } from './characters.ts'
import { asFlag, asId, asList, asObject, asString, invalid, isAbsent, unsupported } from './json-reader.ts'
import { maximumMerges, pairRules } from './merge.ts'
import { makeTokenizer, type Tokenizer } from './make-tokenizer.ts'
import { readDecoder, readNormalizer, readPostProcessor, readPreTokenizer } from './components.ts'

/** Longer added tokens are refused: the search for them would be slow. */
const longestAddedToken = 1024

/**
 * Reads a parsed `tokenizer.json` of Hugging Face's `tokenizers`: BPE models with SentencePiece-style byte fallback
 * (Phi-3 mini, medium, vision, Llama 2) or byte-level (Phi-2, Phi-4). `truncation` and `padding` are not applied.
 * @throws PocketPhiError 'invalid-file' on anything torn or hostile, 'not-supported' naming a component type that is
 * not built here.
 */
export function loadTokenizerJson(json: unknown): Tokenizer {
  const file = asObject(json, 'the top level')
  const { model, pieces } = readModel(asObject(file['model'], 'model'))
  const addedTokens = readAddedTokens(file['added_tokens'], model.ids, pieces)
  const idOfToken = new Map([...model.ids, ...addedTokens.map((token) => [token.content, token.id] as const)])
  const preTokenize = readPreTokenizer(file['pre_tokenizer'])
  const cutModel = isAbsent(file['pre_tokenizer']) ? { ...model, ...cutsOf(model) } : model
  return makeTokenizer({
    model: cutModel,
    pieces,
    addedTokens,
    normalize: readNormalizer(file['normalizer']),
    preTokenize,
    decoder: readDecoder(file['decoder']),
    ...readPostProcessor(file['post_processor'], idOfToken),
  })
}

interface ReadModel extends BpeModel {
  /** For finding cuts: what merges make, and the parts they are made of. */
  readonly mergedPieces: readonly string[]
  readonly mergeParts: readonly number[]
}

function cutsOf(model: ReadModel): Pick<BpeModel, 'cuts'> {
  const unspelled = new Set(model.byteIds ?? [])
  if (model.unknownId !== undefined) unspelled.add(model.unknownId)
  const cuts = findCuts('▁', model.ids, model.mergedPieces, model.mergeParts, unspelled)
  return cuts === undefined || model.wholeSpans ? {} : { cuts }
}

function readModel(json: JsonObject): { model: ReadModel; pieces: (string | undefined)[] } {
  if (!isAbsent(json['type']) && json['type'] !== 'BPE') throw unsupported('model', json['type'])
  if (!isAbsent(json['dropout']) && json['dropout'] !== 0) throw unsupported('model.dropout', json['dropout'])
  for (const key of ['continuing_subword_prefix', 'end_of_word_suffix']) {
    if (!isAbsent(json[key]) && json[key] !== '') throw unsupported(`model.${key}`, json[key])
  }
  const { ids, pieces } = readVocabulary(asObject(json['vocab'], 'model.vocab'))
  const merges = readMerges(asList(json['merges'], 'model.merges'), ids)
  const unknown = json['unk_token']
  const unknownId = isAbsent(unknown) ? undefined : ids.get(asString(unknown, 'model.unk_token'))
  if (!isAbsent(unknown) && unknownId === undefined) throw invalid('model.unk_token', 'a piece of model.vocab', unknown)
  const byteFallback = asFlag(json['byte_fallback'], 'model.byte_fallback', false)
  const model = {
    ids,
    rules: pairRules(merges.left, merges.right, Int32Array.from(merges.results)),
    ...(byteFallback && { byteIds: Int32Array.from({ length: 256 }, (_, byte) => ids.get(bytePiece(byte)) ?? -1) }),
    ...(unknownId !== undefined && { unknownId }),
    fuseUnknown: asFlag(json['fuse_unk'], 'model.fuse_unk', false),
    wholeSpans: asFlag(json['ignore_merges'], 'model.ignore_merges', false),
    mergedPieces: merges.results.map((id) => pieces[id] as string),
    mergeParts: [...merges.left, ...merges.right],
  }
  return { model, pieces }
}

function readVocabulary(json: JsonObject): { ids: Map<string, number>; pieces: (string | undefined)[] } {
  const ids = new Map<string, number>()
  let size = 0
  for (const [piece, value] of Object.entries(json)) {
    const id = asId(value, `model.vocab[${quoted(piece)}]`)
    if (piece === '') throw invalid('model.vocab', 'pieces that are not empty', piece)
    ids.set(piece, id)
    size = Math.max(size, id + 1)
  }
  // A table as long as the largest id would let a file of one line ask for megabytes.
  const isDense = size <= 4 * ids.size + 1024
  const pieces = isDense ? Array.from<string | undefined>({ length: size }) : []
  for (const [piece, id] of ids) {
    if (pieces[id] !== undefined) throw invalid(`model.vocab[${quoted(piece)}]`, 'an id of its own', id)
    pieces[id] = piece
  }
  return { ids, pieces }
}

function readMerges(
  json: readonly unknown[],
  ids: ReadonlyMap<string, number>,
): { left: number[]; right: number[]; results: number[] } {
  if (json.length > maximumMerges) throw invalid('model.merges', `at most ${maximumMerges} merges`, json.length)
  const left: number[] = []
  const right: number[] = []
  const results: number[] = []
  json.forEach((entry, index) => {
    const place = `model.merges[${index}]`
    const parts = typeof entry === 'string' ? entry.split(' ') : asList(entry, place)
    if (parts.length !== 2) throw invalid(place, 'two pieces', entry)
    const first = asString(parts[0], place)
    const second = asString(parts[1], place)
    const idOf = (piece: string): number => {
      const id = ids.get(piece)
      if (id === undefined) throw invalid(place, 'pieces of model.vocab', piece)
      return id
    }
    left.push(idOf(first))
    right.push(idOf(second))
    results.push(idOf(first + second))
  })
  return { left, right, results }
}

/** Reads a list of added tokens, which must agree with the vocabulary and with each other. */
export function readAddedTokens(
  json: unknown,
  ids: ReadonlyMap<string, number>,
  pieces: readonly (string | undefined)[],
): AddedToken[] {
  if (isAbsent(json)) return []
  const seenIds = new Set<number>()
  const seenContents = new Set<string>()
  return asList(json, 'added_tokens').map((entry, index) => {
    const place = `added_tokens[${index}]`
    const object = asObject(entry, place)
    const id = asId(object['id'], `${place}.id`)
    const content = asString(object['content'], `${place}.content`)
    if (content === '' || content.length > longestAddedToken || !content.isWellFormed()) {
      throw invalid(`${place}.content`, `1 to ${longestAddedToken} characters`, content)
    }
    const holder = pieces[id]
    if (seenIds.has(id) || (holder !== undefined && holder !== content)) {
      throw invalid(`${place}.id`, `an id that only "${content}" has`, id)
    }
    const pieceId = ids.get(content)
    if (seenContents.has(content) || (pieceId !== undefined && pieceId !== id)) {
      throw invalid(`${place}.content`, 'a token that has one id', content)
    }
    seenIds.add(id)
    seenContents.add(content)
    const special = asFlag(object['special'], `${place}.special`, false)
    return {
      id,
      content,
      special,
      lstrip: asFlag(object['lstrip'], `${place}.lstrip`, false),
      rstrip: asFlag(object['rstrip'], `${place}.rstrip`, false),
      singleWord: asFlag(object['single_word'], `${place}.single_word`, false),
      normalized: asFlag(object['normalized'], `${place}.normalized`, !special),
    }
  })
}
