/** Mutants of the vocabulary and the chat template in the metadata of GGUF files. */
import type { Random } from '../../src/base/random.ts'
import {
  f32,
  joined,
  numberKey,
  rawBytes,
  text,
  textKey,
  u32,
  u64,
  type RawKey,
} from '../../src/formats/gguf-harness.ts'
import { openGguf } from '../../src/formats/gguf.ts'
import { loadGgufTokenizer } from '../../src/text/tokenizer-gguf.ts'
import { guardedSource, mustHold, type FuzzFormat } from './format.ts'
import { oddTexts } from './json.ts'
import { checkTokenizer } from './probe.ts'
import { byteLevelDraft, sentencePieceDraft } from './tokenizer-json.ts'

interface Draft {
  texts: Record<string, string>
  numbers: Record<string, number>
  flags: Record<string, number>
  tokens: string[]
  scores: number[]
  types: number[]
  merges: string[]
}

function seedDraft(random: Random): Draft {
  const isLlama = random.integer(0, 2) === 0
  const { model, added_tokens: added } = isLlama ? sentencePieceDraft() : byteLevelDraft()
  const tokens = [...Object.keys(model.vocab), ...added.map(({ content }) => content as string), '[PAD1]', '[PAD2]']
  const special = /^<(?:s|\/s|\|.*\|)>$/
  return {
    texts: {
      'tokenizer.ggml.model': isLlama ? 'llama' : 'gpt2',
      'tokenizer.ggml.pre': isLlama ? 'default' : random.pick(['gpt-2', 'dbrx', 'llama-bpe', 'gpt-4o']),
      'general.architecture': 'phi3',
      'tokenizer.chat_template': '{% for m in messages %}{{ m.content }}{% endfor %}',
    },
    numbers: isLlama ? { bos: 1, eos: 2, unknown: 0 } : { bos: tokens.length - 6, eos: tokens.length - 5 },
    flags: { add_bos_token: random.integer(0, 2), add_eos_token: 0, add_space_prefix: 1 },
    tokens,
    scores: tokens.map((_, id) => -id),
    types: tokens.map((token) => {
      if (token.startsWith('[PAD')) return 5
      if (/^<0x..>$/.test(token)) return 6
      return token === '<unk>' ? 2 : special.test(token) ? 3 : 1
    }),
    merges: model.merges.map((merge) => (typeof merge === 'string' ? merge : (merge as string[]).join(' '))),
  }
}

function mutate(random: Random, draft: Draft): void {
  const at = random.integer(0, draft.tokens.length)
  switch (random.integer(0, 10)) {
    case 0:
    case 1:
      draft.tokens[at] = random.pick([...oddTexts, 'a', 'e'.repeat(2000), 'e'.repeat(5000)]).toWellFormed()
      break
    case 2:
    case 3:
      draft.types[at] = random.pick([0, 1, 2, 3, 4, 5, 6, 7, -1])
      break
    case 4:
      draft.scores[at] = random.pick([0, 1, -1, 1e38, -1e38, Number.NaN, Infinity])
      break
    case 5:
      draft.numbers[random.pick(['bos', 'eos', 'unknown', 'padding', 'eot'])] = random.pick([
        at,
        at,
        2 ** 31,
        draft.tokens.length,
      ])
      break
    case 6:
      draft.flags[random.pick(Object.keys(draft.flags))] = random.integer(0, 2)
      break
    case 7:
      draft.texts[random.pick(Object.keys(draft.texts))] = random.pick([
        'gpt2',
        'llama',
        'default',
        'dbrx',
        'phi-2',
        '',
        'bert',
      ])
      break
    case 8:
      draft.merges.splice(at % draft.merges.length, 1, random.pick(['a b', 'a', '', 'a a a', 'aa aa', '🙂 a']))
      break
    default:
      random.pick<unknown[]>([draft.tokens, draft.scores, draft.types, draft.merges]).splice(at, random.integer(0, 3))
  }
}

function list(key: string, of: number, items: readonly Uint8Array[]): RawKey {
  return { key: `tokenizer.ggml.${key}`, type: 9, payload: joined(u32(of), u64(items.length), ...items) }
}

function keysOf(draft: Draft): RawKey[] {
  return [
    ...Object.entries(draft.texts).map(([key, value]) => textKey(key, value)),
    ...Object.entries(draft.numbers).map(([name, id]) => numberKey(`tokenizer.ggml.${name}_token_id`, id)),
    ...Object.entries(draft.flags).map(([name, flag]) => ({
      key: `tokenizer.ggml.${name}`,
      type: 7,
      payload: Uint8Array.of(flag),
    })),
    list('tokens', 8, draft.tokens.map(text)),
    list('scores', 6, draft.scores.map(f32)),
    list(
      'token_type',
      5,
      draft.types.map((type) => new Uint8Array(Int32Array.of(type).buffer)),
    ),
    list('merges', 8, draft.merges.map(text)),
  ]
}

/** A key that is not there, is there twice, or is of another type. */
function mutateKeys(random: Random, keys: RawKey[]): void {
  const at = random.integer(0, keys.length)
  const { key } = keys[at] as RawKey
  const other = random.pick([textKey(key, 'x'), numberKey(key, 7), { key, type: 7, payload: Uint8Array.of(1) }])
  if (random.integer(0, 2) === 0) keys.splice(at, 1)
  else keys[at] = other
}

/** Past the header: that of the file was accepted, so that only the vocabulary can be wrong. */
export const ggufVocabularyFormat: FuzzFormat = {
  name: 'gguf vocabulary',
  share: 60,
  mutate(random) {
    const draft = seedDraft(random)
    for (let round = random.integer(0, 4); round > 0; round--) mutate(random, draft)
    const keys = keysOf(draft)
    if (random.integer(0, 5) === 0) mutateKeys(random, keys)
    const bytes = rawBytes({ keys, tensors: [], data: new Uint8Array(0) })
    if (random.integer(0, 30) === 0) bytes[random.integer(0, bytes.length)] = random.integer(0, 256)
    return bytes
  },
  async load(bytes, passed) {
    const gguf = await openGguf(guardedSource(bytes, 1))
    passed()
    const { tokenizer, config } = loadGgufTokenizer(gguf.metadata)
    for (const held of Object.values(config)) mustHold(['string', 'undefined'].includes(typeof held), 'texts')
    checkTokenizer(tokenizer, false)
  },
}
