import { isJsonObject, type JsonObject } from '../formats/json.ts'
import type { PieceDecoder, SentencePieceDecoding } from './decoder.ts'
import { byteLevelDecoder, joiningDecoder, sentencePieceDecoder } from './decoder.ts'
import { boundGrowth } from './growth.ts'
import { asFlag, asId, asList, asObject, asString, invalid, isAbsent, unsupported } from './json-reader.ts'
import { compilePattern, escapePattern } from './pattern.ts'
import {
  byteLevelSplitter,
  patternSplitter,
  splitBehaviors,
  type SplitBehavior,
  type Splitter,
} from './pre-tokenizer.ts'

/** Sequences may be nested this deep; a file that goes on is hostile or cyclic. */
const deepest = 8

/** Steps of a component: itself, or what a `Sequence` lists, flattened. */
function flatten(json: unknown, list: string, place: string, depth = 0): JsonObject[] {
  if (isAbsent(json)) return []
  if (depth > deepest) throw invalid(place, `at most ${deepest} nested sequences`, json)
  const object = asObject(json, place)
  if (object['type'] !== 'Sequence') return [object]
  const steps = asList(object[list], `${place}.${list}`)
  if (steps.length > 256) throw invalid(`${place}.${list}`, 'at most 256 steps', steps)
  return steps.flatMap((step, index) => flatten(step, list, `${place}.${list}[${index}]`, depth + 1))
}

/** A pattern object, `{ String }` or `{ Regex }`, as a global regular expression. */
function readPattern(json: unknown, place: string): RegExp {
  const pattern = asObject(json, place)
  if (typeof pattern['String'] === 'string' && pattern['String'] !== '') {
    return new RegExp(escapePattern(pattern['String']), 'gu')
  }
  if (typeof pattern['Regex'] === 'string') return compilePattern(pattern['Regex'], place)
  throw invalid(place, '{ "String": text } or { "Regex": pattern }', json)
}

type Normalizer = (text: string) => string

/** What happens to the text between added tokens before it is cut into spans. */
export function readNormalizer(json: unknown): Normalizer {
  const steps = flatten(json, 'normalizers', 'normalizer').map(readNormalizerStep)
  return (text) =>
    steps.reduce((current, step) => {
      const changed = step(current)
      boundGrowth(changed.length, text.length, 'normalizer')
      return changed
    }, text)
}

function readNormalizerStep(json: JsonObject): Normalizer {
  const type = json['type']
  switch (type) {
    case 'Prepend': {
      const prefix = asString(json['prepend'], 'normalizer.prepend')
      return (text) => (text === '' ? text : prefix + text)
    }
    case 'Replace': {
      const content = asString(json['content'], 'normalizer.content')
      const pattern = json['pattern']
      if (isJsonObject(pattern) && typeof pattern['String'] === 'string' && pattern['String'] !== '') {
        const search = pattern['String']
        return (text) => text.replaceAll(search, () => content)
      }
      const regex = readPattern(pattern, 'normalizer.pattern')
      return (text) => text.replace(regex, () => content)
    }
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
      return (text) => text.normalize(type)
    default:
      throw unsupported('normalizer', type)
  }
}

/** How a normalised text is cut into spans. */
export function readPreTokenizer(json: unknown): Splitter {
  const steps = flatten(json, 'pretokenizers', 'pre_tokenizer').map(readPreTokenizerStep)
  if (steps.length === 0) return (text) => [text]
  return (text) =>
    steps.reduce<readonly string[]>(
      (spans, step) => {
        const cut = spans.flatMap((span) => step(span))
        const length = cut.reduce((sum, span) => sum + span.length, 0)
        boundGrowth(length, text.length, 'pre_tokenizer')
        return cut
      },
      [text],
    )
}

function readPreTokenizerStep(json: JsonObject): Splitter {
  const type = json['type']
  switch (type) {
    case 'Split': {
      const pattern = readPattern(json['pattern'], 'pre_tokenizer.pattern')
      const behavior = json['behavior']
      if (typeof behavior !== 'string' || !(splitBehaviors as readonly string[]).includes(behavior)) {
        throw invalid('pre_tokenizer.behavior', `one of ${splitBehaviors.join(', ')}`, behavior)
      }
      const invert = asFlag(json['invert'], 'pre_tokenizer.invert', false)
      return patternSplitter(pattern, behavior as SplitBehavior, invert)
    }
    case 'ByteLevel':
      return byteLevelSplitter(
        asFlag(json['add_prefix_space'], 'pre_tokenizer.add_prefix_space', true),
        asFlag(json['use_regex'], 'pre_tokenizer.use_regex', true),
      )
    default:
      throw unsupported('pre_tokenizer', type)
  }
}

/** The ids around every text. Only the template for single texts is used. */
export function readPostProcessor(
  json: unknown,
  ids: ReadonlyMap<string, number>,
): { before: readonly number[]; after: readonly number[] } {
  const before: number[] = []
  const after: number[] = []
  let templates = 0
  for (const step of flatten(json, 'processors', 'post_processor')) {
    // ByteLevel changes offsets only, which nobody asks for here.
    if (step['type'] === 'ByteLevel') continue
    if (step['type'] !== 'TemplateProcessing') throw unsupported('post_processor', step['type'])
    if (++templates > 1) throw unsupported('post_processor', 'two templates')
    readTemplate(step, ids, before, after)
  }
  return { before, after }
}

function readTemplate(json: JsonObject, ids: ReadonlyMap<string, number>, before: number[], after: number[]): void {
  let sequences = 0
  const tokens = isAbsent(json['special_tokens'])
    ? {}
    : asObject(json['special_tokens'], 'post_processor.special_tokens')
  asList(json['single'], 'post_processor.single').forEach((entry, index) => {
    const place = `post_processor.single[${index}]`
    const item = asObject(entry, place)
    if (isJsonObject(item['Sequence'])) {
      if (item['Sequence']['id'] !== 'A') throw invalid(`${place}.Sequence.id`, 'A', item['Sequence']['id'])
      sequences++
      return
    }
    const name = asString(asObject(item['SpecialToken'], `${place}.SpecialToken`)['id'], `${place}.SpecialToken.id`)
    const token = Object.hasOwn(tokens, name) ? tokens[name] : undefined
    const listed = asList(asObject(token, `post_processor.special_tokens.${name}`)['ids'], `${place}.ids`)
    for (const id of listed) (sequences === 0 ? before : after).push(asId(id, `${place}.ids`))
    if (!ids.has(name)) throw invalid(`${place}.SpecialToken.id`, 'a token of this tokenizer', name)
  })
  if (sequences !== 1) throw invalid('post_processor.single', 'one Sequence', sequences)
}

/** How pieces become text again. */
export function readDecoder(json: unknown): PieceDecoder {
  const steps = flatten(json, 'decoders', 'decoder')
  const first = steps[0]
  if (first === undefined) return joiningDecoder()
  if (first['type'] === 'ByteLevel') {
    if (steps.length > 1) throw unsupported('decoder', 'ByteLevel followed by other steps')
    return byteLevelDecoder(false)
  }
  return sentencePieceDecoder(readSentencePieceDecoding(steps))
}

/** The order that the reference's decoders can be followed in piece by piece; other orders are refused. */
const decoderOrder = ['Replace', 'ByteFallback', 'Fuse', 'Strip']

function readSentencePieceDecoding(steps: readonly JsonObject[]): SentencePieceDecoding {
  const replacements: [string, string][] = []
  let strip = { content: ' ', count: 0 }
  let byteFallback = false
  let reached = 0
  let fused = false
  for (const step of steps) {
    const type = step['type']
    const order = typeof type === 'string' ? decoderOrder.indexOf(type) : -1
    if (typeof type !== 'string' || order === -1) throw unsupported('decoder', type)
    if (order < reached || (type === 'Strip' && !fused)) throw unsupported('decoder', `${type} out of its order`)
    reached = type === 'Replace' ? order : order + 1
    if (type === 'Replace') {
      const pattern = asObject(step['pattern'], 'decoder.pattern')['String']
      if (typeof pattern !== 'string' || pattern === '') throw unsupported('decoder.pattern', pattern)
      replacements.push([pattern, asString(step['content'], 'decoder.content')])
    } else if (type === 'ByteFallback') byteFallback = true
    else if (type === 'Fuse') fused = true
    else strip = readStrip(step)
  }
  return { replacements, byteFallback, strip }
}

function readStrip(step: JsonObject): { content: string; count: number } {
  const content = asString(step['content'], 'decoder.content')
  if ([...content].length !== 1) throw invalid('decoder.content', 'one character', content)
  if (step['stop'] !== 0) throw unsupported('decoder.stop', step['stop'])
  return { content, count: asId(step['start'], 'decoder.start') }
}
