/** What must hold of every tokenizer that loads, whatever its file says. */
import type { Tokenizer } from '../../src/text/tokenizer.ts'
import { mustHold } from './format.ts'

/** Ordinary text, spellings of control tokens, several scripts, white space and what is no text. */
const probes = [
  'the small model reads 2024 words.',
  '<|end|> <|user|>the<s></s> <0x41> é🙂 e\u0301 \u0000 ﷺ\n\n\t  x',
  'a'.repeat(300) + ' ' + '▁ab'.repeat(50),
]

/** Texts of which a tokenizer without loss must give back every character. */
const losslessProbe = 'the small model\n  reads é🙂, "2024"; and then aaaaaaaaaaaaaaa.'

/**
 * Encodes and decodes: ids have pieces, decoding piece by piece gives the text of all ids, and a control token that is spelled
 * in plain text stays plain text.
 * @param lossless whether the file says that nothing of a text is lost
 */
export function checkTokenizer(tokenizer: Tokenizer, lossless: boolean): void {
  for (const text of probes) {
    for (const special of ['plain', 'recognise'] as const) checkIds(tokenizer, tokenizer.encode(text, { special }))
    const plain = new Set(tokenizer.encode(text, { special: 'plain', addBos: false }))
    for (const [content, id] of tokenizer.specialTokens) {
      if (/^<\|(?:end|user)\|>$/.test(content)) mustHold(!plain.has(id), `plain text spells ${content}`)
    }
    mustHold(
      tokenizer.tokenize(text).every((piece) => typeof piece === 'string'),
      'pieces are texts',
    )
  }
  if (!lossless) return
  const back = tokenizer.decode(tokenizer.encode(losslessProbe, { addBos: false }))
  mustHold(back === losslessProbe, `a text comes back as ${JSON.stringify(back)}`)
}

function checkIds(tokenizer: Tokenizer, ids: readonly number[]): void {
  const stream = tokenizer.startDecoding()
  let text = ''
  for (const id of ids) {
    mustHold(Number.isInteger(id) && id >= 0 && id < tokenizer.vocabularySize, `the id ${id} is within the vocabulary`)
    mustHold(tokenizer.pieceOf(id) !== undefined, `the id ${id} has a piece`)
    mustHold(tokenizer.tokenBytes(id) instanceof Uint8Array, 'pieces are bytes')
    text += stream.push(id)
  }
  mustHold(text + stream.flush() === tokenizer.decode(ids), 'decoding id by id gives the same text')
}

/** Whether a text holds one of these tokens, which are then not decoded as they were written. */
export function losslessFor(contents: readonly string[]): boolean {
  return !contents.some((content) => content === '' || losslessProbe.includes(content))
}
