/** Mutants of tiktoken files, and of tokenizer_config.json, which lists the tokens beside them. */
import type { Random } from '../../src/base/random.ts'
import { decodeText } from '../../src/formats/json.ts'
import { memoryFolder } from '../../src/formats/tree.ts'
import { loadTiktoken } from '../../src/text/tiktoken.ts'
import { readTokenizerConfig } from '../../src/text/tokenizer-config.ts'
import { mustHold, type FuzzFormat } from './format.ts'
import { mutateTimes, oddNumbers, oddTexts, oddValue, textBytes, writeJson } from './json.ts'
import { checkTokenizer, losslessFor } from './probe.ts'
import { mutateAddedTokens } from './tokenizer-json.ts'

function base64(text: string): string {
  return btoa(text)
}

/** All bytes, and a few words. */
const seedLines = [
  ...Array.from({ length: 256 }, (_, byte) => base64(String.fromCharCode(byte))),
  ...['th', 'the', ' the', 'aa', 'aaaa', ' m', 'wor', '\n\n', '20'].map(base64),
].map((piece, rank) => `${piece} ${rank}`)

function mutateLines(random: Random, lines: string[]): void {
  const at = random.integer(0, lines.length)
  const [piece = '', rank = ''] = (lines[at] ?? '').split(' ')
  switch (random.integer(0, 12)) {
    case 0:
      lines[at] = `${piece} ${random.pick(oddNumbers)}`
      break
    case 1:
      lines[at] = `${piece} ${lines.length + random.integer(0, 1000)}`
      break
    case 2:
      lines.push(
        `${base64(String.fromCharCode(...Array.from({ length: random.integer(0, 9) }, () => random.integer(0, 256))))} ${lines.length + 1}`,
      )
      break
    case 3:
      lines.push(`${base64('ab'.repeat(random.pick([1, 20, 1500, 4000])))} ${lines.length + 2}`)
      break
    case 4:
      lines.splice(at, 1)
      break
    case 5:
      lines.splice(at, 0, '', '  ', '\t')
      break
    case 6:
      lines[at] = random.pick([
        `${piece}  ${rank}`,
        piece,
        `${piece} ${rank} 1`,
        ` ${piece} ${rank}`,
        `${piece}\t${rank}`,
      ])
      break
    case 7:
      lines[at] = `${random.pick(['=', 'YQ', 'YQ=', 'YQ===', '_-8=', 'é', '%%%%'])} ${rank}`
      break
    case 8:
      lines[at] = lines[random.integer(0, lines.length)] as string
      break
    case 9:
      for (let line = 0; line < lines.length; line++) lines[line] = `${lines[line]}\r`
      break
    case 10:
      random.shuffle(lines)
      break
    default:
      lines.push(`${base64(random.pick(['the model', 'reads', 'é', '\u00ff\u00fe', '<|end|>']))} ${lines.length}`)
  }
}

/** Past the header: every line that is not empty is base64 and a number, as the format says. */
export const tiktokenFormat: FuzzFormat = {
  name: 'tiktoken',
  share: 80,
  mutate(random) {
    const lines = [...seedLines]
    for (let round = random.integer(0, 4); round > 0; round--) mutateLines(random, lines)
    return textBytes(random, lines.join('\n') + random.pick(['', '\n', '\r\n']))
  },
  async load(bytes, passed) {
    const text = decodeText(bytes, 'mutant')
    if (text.split('\n').every((line) => /^\s*$|^[A-Za-z0-9+/]+={0,3} \d+\r?$/.test(line))) passed()
    const tokenizer = loadTiktoken(text, { pattern: 'cl100k' })
    checkTokenizer(tokenizer, true)
    for (const line of text.split('\n').filter((entry) => entry.trim() !== '')) {
      const [piece = '', rank] = line.split(' ')
      const spelled = Uint8Array.from(atob(piece), (character) => character.charCodeAt(0))
      const held = tokenizer.tokenBytes(Number(rank))
      mustHold(
        spelled.length === held.length && spelled.every((byte, index) => byte === held[index]),
        'the bytes of a rank',
      )
    }
  },
}

function seedConfig(): Record<string, unknown> {
  const token = (content: string): object => ({
    ...{ content, lstrip: false, normalized: false, rstrip: true, single_word: false, special: true },
  })
  return {
    add_bos_token: false,
    added_tokens_decoder: { '300': token('<|endoftext|>'), '301': token('<|end|>'), '302': token('<|user|>') },
    bos_token: '<s>',
    eos_token: { content: '<|end|>', lstrip: false },
    chat_template: '{% for m in messages %}{{ m.content }}{% endfor %}',
    model_max_length: 4096,
    tokenizer_class: 'LlamaTokenizer',
  }
}

const keys = [
  'added_tokens_decoder',
  'chat_template',
  'bos_token',
  'eos_token',
  'content',
  '0',
  '300',
  '4194304',
  ...oddTexts,
]

function mutateConfig(random: Random, config: Record<string, unknown>): void {
  const decoder = config['added_tokens_decoder'] as Record<string, Record<string, unknown>>
  switch (random.integer(0, 6)) {
    case 0:
      config['chat_template'] = random.pick([
        ...[
          [
            { name: 'default', template: 'a' },
            { name: 'tool', template: 'b' },
          ],
          [{ name: 'default' }],
          [1],
          [],
          {},
          null,
        ],
      ])
      break
    case 1:
      config[random.pick(['bos_token', 'eos_token'])] = random.pick([
        { content: '<s>' },
        {},
        '',
        null,
        oddValue(random),
      ])
      break
    case 2:
      decoder[random.pick(['0', '-1', '1e9', '4194304', '99999999999', '303', ...oddTexts])] = {
        content: random.pick(oddTexts),
      }
      break
    default: {
      const tokens = Object.entries(decoder).map(([id, token]) => ({ ...token, id }))
      if (tokens.length === 0) break
      mutateAddedTokens(random, tokens)
      config['added_tokens_decoder'] = Object.fromEntries(tokens.map(({ id, ...token }) => [id, token]))
    }
  }
}

/** Past the header: a JSON object. */
export const tokenizerConfigFormat: FuzzFormat = {
  name: 'tokenizer_config.json',
  share: 60,
  mutate(random) {
    const config = seedConfig()
    for (let round = random.integer(0, 4); round > 0; round--) mutateConfig(random, config)
    const changed = mutateTimes(random, config, keys, random.integer(0, 3) === 0 ? random.integer(1, 3) : 0)
    return textBytes(random, writeJson(changed))
  },
  async load(bytes, passed) {
    const json = await memoryFolder(new Map([['tokenizer_config.json', bytes]])).readJson('tokenizer_config.json')
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) passed()
    const { addedTokens, chatTemplate, bosToken, eosToken } = readTokenizerConfig(json)
    for (const text of [chatTemplate, bosToken, eosToken])
      mustHold(['string', 'undefined'].includes(typeof text), 'texts')
    const tokenizer = loadTiktoken(seedLines.join('\n'), { pattern: 'cl100k', addedTokens })
    const decoder = (json as { added_tokens_decoder?: object | null }).added_tokens_decoder ?? {}
    mustHold(tokenizer.addedTokens.length === Object.keys(decoder).length, 'all tokens that are listed')
    const contents = tokenizer.addedTokens.map(({ content }) => content)
    checkTokenizer(tokenizer, losslessFor(contents))
  },
}
