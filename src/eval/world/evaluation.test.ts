import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { plural } from '../../data/world/grammar.ts'
import { isHeldOutPair, type Operation } from '../../data/world/held-out.ts'
import { conversation, document } from '../../data/world/index.ts'
import { comparisonWordings, equationWordings, families } from '../../data/world/kinds/arithmetic-families.ts'
import { personWordings } from '../../data/world/kinds/people.ts'
import { placeWordings } from '../../data/world/kinds/places.ts'
import { thingWordings } from '../../data/world/kinds/thing-wordings.ts'
import { frames, type Wording } from '../../data/world/kinds/wording.ts'
import { heldOutFemaleNames, heldOutMaleNames, heldOutUnknownWords } from '../../data/world/tables/names.ts'
import { heldOutNouns } from '../../data/world/tables/nouns.ts'
import { harms } from '../../data/world/tables/outside.ts'
import { smallTalk } from '../../data/world/tables/small-talk.ts'
import { buildEvaluation } from './build.ts'
import { parseRows } from './rows.ts'
import { messagesOf, scoreAnswer } from './score.ts'
import type { EvaluationRow } from './types.ts'

const folder = join(import.meta.dirname, '..', '..', '..', 'models', 'phi-nano', 'evaluation')
const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as {
  files: Record<string, { rows: number; sha256: string }>
}
const names = readdirSync(folder).filter((name) => name.endsWith('.jsonl'))
const rowsByFile = new Map(names.map((name) => [name, parseRows(readFileSync(join(folder, name), 'utf8'), name)]))
const rows: readonly EvaluationRow[] = [...rowsByFile.values()].flat()
const drawn = rows.filter((row) => row.kind !== 'independent')

/** The text of 22,000 items of training: 10,000 documents and 10,000 conversations, and 1,000 of each for reading. */
const reading = { kind: 'reading' }
const documents = [
  ...Array.from({ length: 10_000 }, (_, index) => document(1, index).text),
  ...Array.from({ length: 1000 }, (_, index) => document(1, index, reading).text),
]
const messages = [
  ...Array.from({ length: 10_000 }, (_, index) => conversation(1, index).messages),
  ...Array.from({ length: 1000 }, (_, index) => conversation(1, index, reading).messages),
].flat()
const training = [...documents, ...messages.map((message) => message.content)]

/** Lower case without marks, but with the signs of arithmetic. */
const plain = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}'+×÷*/=-]+/gu, ' ')
    .trim()

describe('the frozen evaluation', () => {
  it('is what its manifest says', () => {
    for (const [name, { rows: count, sha256 }] of Object.entries(manifest.files)) {
      const text = readFileSync(join(folder, name), 'utf8')
      expect(createHash('sha256').update(text).digest('hex'), name).toBe(sha256)
      expect(rowsByFile.get(name)?.length).toBe(count)
    }
    expect(names.filter((name) => name !== 'independent.jsonl').toSorted()).toEqual(
      Object.keys(manifest.files).toSorted(),
    )
  })

  it('has different ids and questions, and enough of them', () => {
    expect(new Set(rows.map((row) => row.id)).size).toBe(rows.length)
    for (const list of rowsByFile.values()) {
      expect(new Set(list.map((row) => JSON.stringify(messagesOf(row)))).size).toBe(list.length)
    }
    expect(drawn.length).toBeGreaterThan(1500)
  })

  it('is drawn the same from the same seed', () => {
    expect(buildEvaluation(5)).toEqual(buildEvaluation(5))
    expect(buildEvaluation(5)).not.toEqual(buildEvaluation(6))
  })

  it('has no rule that an empty, an abstaining and a chattering answer pass together', () => {
    for (const row of rows) {
      const verdicts = ['', 'I do not know.', 'Hello! How are you today?', 'I cannot help with that.'].map(
        (answer) => scoreAnswer(row, answer).right,
      )
      expect(verdicts.filter(Boolean).length, row.id).toBeLessThanOrEqual(1)
    }
  })
})

describe('no leak', () => {
  it('of a question', () => {
    const seen = new Set<string>()
    for (const text of training) {
      for (const line of text.split('\n')) seen.add(plain(line).replace(/^(question|problem|q) /, ''))
    }
    const leaks = drawn.filter((row) => row.question !== undefined && seen.has(plain(row.question)))
    expect(leaks.map((row) => `${row.id}: ${row.question ?? ''}`)).toEqual([])
  })

  it('of a name, noun or made-up word', () => {
    const reserved = new Set(
      [
        ...[...heldOutFemaleNames, ...heldOutMaleNames, ...heldOutUnknownWords],
        ...heldOutNouns.flatMap((noun) => [noun, plural(noun)]),
      ].map((word) => word.toLowerCase()),
    )
    const leaks = new Set<string>()
    for (const text of training) {
      for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) if (reserved.has(word)) leaks.add(word)
    }
    expect([...leaks]).toEqual([])
  })

  it('of a pair of numbers', () => {
    const leaks = new Set<string>()
    for (const text of training) {
      for (const [all, first, sign, second] of text.matchAll(/(\d+) ([-+×÷]) (\d+)/g)) {
        if (Number(first) > 100 || Number(second) > 100) continue
        if (isHeldOutPair(Number(first), Number(second), sign as Operation)) leaks.add(all)
      }
    }
    expect([...leaks]).toEqual([])
  })

  it('of a wording', () => {
    const wordings = [
      ...frames('heldOut').map((frame) => frame.split('{i}')[0] ?? ''),
      ...smallTalk.flatMap((talk) => talk.heldOut),
      ...harms.flatMap((harm) => harm.heldOut),
    ].map(plain)
    const leaks = new Set<string>()
    for (const text of training) {
      const own = plain(text)
      for (const wording of wordings) if (own.includes(wording)) leaks.add(wording)
    }
    expect([...leaks]).toEqual([])
  })

  it('of a template, whatever verb its slots stand for', () => {
    const agreed = (template: string): string =>
      plain(template.replace(/\{(is|has|does)\}/g, '$1').split('||')[0] ?? '')
    const tables: readonly { readonly training: readonly string[]; readonly heldOut: readonly string[] }[] = [
      ...[thingWordings, personWordings, placeWordings].flatMap((table) =>
        Object.values(table).map((wording: Wording) => ({ training: wording.direct, heldOut: wording.heldOut })),
      ),
      ...families,
      ...Object.values(equationWordings),
      comparisonWordings,
      { training: frames('training'), heldOut: frames('heldOut') },
    ]
    const leaks = tables.flatMap(({ training: own, heldOut }) => {
      const known = new Set(own.map(agreed))
      return heldOut.filter((template) => known.has(agreed(template)))
    })
    // Found after the training: docs/world.md names the two rows that it makes easier.
    expect(leaks).toEqual(['Which skill {does} {a} have?'])
  })
})
