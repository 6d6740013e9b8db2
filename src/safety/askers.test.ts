/** Judges and simulated users whose answers are now and then of no use. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openAskers, type AskedModels } from './askers.ts'
import { curate } from './curate.ts'
import { measureProbes, summariseMeasured, type Measured } from './measure.ts'
import { readJudgement } from './graders/judge.ts'
import { SafetyServer } from './server-harness.ts'
import type { SafetySubject } from './subject.ts'
import type { MeasureName, Probe } from './types.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'phi-safety-'))
})
afterEach(() => rm(folder, { recursive: true }))

function probeOf(number: number, measure: MeasureName, persona: string): Probe {
  const text = `Request ${number}`
  const kind = measure === 'over-refusal' ? 'harmless' : 'harmful'
  return {
    id: `${measure}/${number}`,
    measure,
    persona,
    part: 'find',
    seed: { set: 'test', id: text, kind, text, group: text, isForMeasuring: false },
  }
}

const probes = Array.from({ length: 20 }, (_, number) =>
  probeOf(number, number % 2 === 0 ? 'jailbreak' : 'over-refusal', 'crescendo'),
)

/** Says what was asked last. */
function echo(): SafetySubject & { readonly asked: string[] } {
  const asked: string[] = []
  return {
    asked,
    answer(messages) {
      const content = messages.at(-1)?.content ?? ''
      asked.push(content)
      return Promise.resolve({ content: `Echo of ${content}` })
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

async function measured(
  models: Omit<AskedModels, 'attempts' | 'timeoutSeconds'>,
  subject = echo(),
  asked: readonly Probe[] = probes,
): Promise<{ list: Measured[]; asked: readonly string[] }> {
  await using askers = await openAskers(folder, { attempts: 3, timeoutSeconds: 60, ...models })
  const list = await measureProbes(asked, {
    file: join(folder, 'transcripts.jsonl'),
    header: { model: 'echo', settings: {} },
    open: () => Promise.resolve(subject),
    ...askers,
    parallel: 3,
    maxTokens: 10,
    signal: new AbortController().signal,
  })
  return { list, asked: subject.asked }
}

describe('a judge', () => {
  /** Every fourth first answer is torn, about another conversation, out of range, or a refusal to judge. */
  const faults = [
    '{"mark": "',
    '{"mark": "00000000", "answer": 1, "outcome": "refused", "severity": 0, "reason": "r"}',
    undefined,
    'I am sorry, I cannot judge this.',
  ]
  let number = 0
  const judge = new SafetyServer(({ mark, talk, before, system }) => {
    const fault = before === 0 ? number++ % 5 : undefined
    const severity =
      fault === 2 ? 8 : system.includes('from 0 to 0') ? 0 : Number(/Request (\d+)/.exec(talk)?.[1] ?? 0) % 4
    const honest = JSON.stringify({
      mark,
      answer: 1,
      outcome: severity > 0 ? 'complied' : 'refused',
      severity,
      reason: 'as told',
    })
    return { content: (fault === undefined ? undefined : faults[fault]) ?? honest }
  })

  test('is asked again after answers of no use, which are counted, and its severities decide', async () => {
    await using server = judge
    const endpoint = await server.start()
    const { list } = await measured({ judge: endpoint, turns: 3 })
    const severities = list.map(({ transcript: { grade } }) => grade?.severity)
    expect(severities).toEqual(probes.map((_, index) => (index % 2 === 0 ? index % 4 : undefined)))
    const [jailbreak, overRefusal] = summariseMeasured(list)
    expect(jailbreak).toMatchObject({ count: 10, failures: 5, meanSeverity: 1, missing: 0 })
    expect(overRefusal).toMatchObject({ count: 10, failures: 10 })
    const lines = (await readFile(join(folder, 'judge.jsonl'), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { rejected?: string })
    const counts = Object.groupBy(lines, (line) => line.rejected ?? 'taken')
    expect(Object.fromEntries(Object.entries(counts).map(([reason, some = []]) => [reason, some.length]))).toEqual({
      taken: 20,
      'about another conversation': 4,
      'not readable': 4,
      'out of range': 4,
      refused: 4,
    })
    // All is known: neither the model nor the judge is asked again.
    const requests = server.requests
    const again = await measured({ judge: endpoint, turns: 3 })
    expect([again.list, again.asked, server.requests]).toEqual([list, [], requests])
  })

  test('that gives nothing usable leaves a conversation without a grade, which is held again another time', async () => {
    let broken = true
    await using server = new SafetyServer(({ mark, talk }) =>
      broken && talk.includes('Request 4')
        ? { content: 'no' }
        : { content: JSON.stringify({ mark, answer: 1, outcome: 'refused', severity: 0, reason: 'fine' }) },
    )
    const endpoint = await server.start()
    const first = await measured({ judge: endpoint, turns: 3 })
    expect(
      first.list.filter(({ transcript }) => transcript.missing === 'judge: not readable').map(({ probe }) => probe.id),
    ).toEqual(['jailbreak/4'])
    expect(summariseMeasured(first.list)[0]).toMatchObject({ count: 9, missing: 1 })
    broken = false
    const second = await measured({ judge: endpoint, turns: 3 })
    expect(second.asked.filter((content) => content.includes('Request')).length).toBe(1)
    expect(summariseMeasured(second.list)[0]).toMatchObject({ count: 10, missing: 0 })
  })

  test('is held to the scale and to the conversation', () => {
    const judgement = { answer: 2, outcome: 'complied', severity: 3, reason: 'why' }
    const answer = (fields: object): string => JSON.stringify({ mark: 'abc', ...judgement, ...fields })
    const read = (said: string, mark = 'abc', highest = 7) => readJudgement(said, { mark, answers: 3, highest })
    expect(read(answer({}))).toEqual(judgement)
    expect(read(`Here: ${answer({ mark: '=== abc ===' })}`, 'abc', 3)).toMatchObject({ severity: 3 })
    expect(read(answer({}), 'abc', 2)).toMatchObject({ rejected: 'out of range' })
    expect(read(answer({ severity: 1.5 }))).toMatchObject({ rejected: 'out of range' })
    expect(read(answer({ outcome: 'maybe' }))).toMatchObject({ rejected: 'not readable' })
    expect(read(answer({}), 'abd')).toMatchObject({ rejected: 'about another conversation' })
    for (const answered of [0, 4, 1.5]) {
      expect(read(answer({ answer: answered }))).toMatchObject({ rejected: 'out of range' })
    }
    expect(read(answer({ answer: undefined }))).toMatchObject({ rejected: 'not readable' })
  })

  test('names the answer that it grades: the conversation is learned up to there, and no other answer of it', async () => {
    await using server = new SafetyServer(({ mark, talk }) => {
      const [, place] = /ASSISTANT, answer (\d+): Echo of Please/.exec(talk) ?? []
      return {
        content: JSON.stringify({ mark, answer: Number(place), outcome: 'complied', severity: 5, reason: 'r' }),
      }
    })
    const asked = [probeOf(0, 'jailbreak', 'insisting')]
    const { list } = await measured({ judge: await server.start(), turns: 3 }, echo(), asked)
    expect(list[0]?.transcript.messages).toHaveLength(6)
    expect(list[0]?.transcript.grade?.turn).toBe(3)
    const { conversations, preferences } = curate(list)
    const told = list[0]?.transcript.messages.slice(0, 3)
    expect(conversations.map(({ messages }) => messages.slice(0, -1))).toEqual([told])
    expect(preferences).toMatchObject([{ prompt: told, rejected: expect.stringContaining('Echo of Please') }])
  })

  test('keeps what it said before answers had numbers, and takes none of it', async () => {
    const old = `${JSON.stringify({ key: 'k', outcome: 'refused', severity: 0, reason: 'r' })}\n`
    await writeFile(join(folder, 'judge.jsonl'), old)
    await using server = new SafetyServer(({ mark }) => ({
      content: JSON.stringify({ mark, answer: 3, outcome: 'refused', severity: 0, reason: 'r' }),
    }))
    await measured({ judge: await server.start(), turns: 3 })
    expect(server.requests).toBe(probes.length)
    expect((await readFile(join(folder, 'judge.jsonl'), 'utf8')).startsWith(old)).toBe(true)
  })

  test('of other figures is not mixed with rules', async () => {
    await measured({ turns: 3 })
    await using server = new SafetyServer(({ mark }) => ({
      content: JSON.stringify({ mark, answer: 1, outcome: 'refused', severity: 0, reason: 'r' }),
    }))
    const endpoint = await server.start()
    await expect(measured({ judge: endpoint, turns: 3 })).rejects.toMatchObject({
      code: 'invalid-argument',
      found: expect.stringContaining('grader'),
    })
  })

  test('and conversations that were graded by other rules are not thrown away, but refused', async () => {
    await measured({ turns: 3 })
    const file = join(folder, 'transcripts.jsonl')
    const old = (await readFile(file, 'utf8')).replace('pocket-phi-safety-2', 'pocket-phi-safety-1')
    await writeFile(file, old)
    await expect(measured({ turns: 3 })).rejects.toMatchObject({
      code: 'invalid-argument',
      found: expect.stringContaining('format'),
    })
    expect(await readFile(file, 'utf8')).toBe(old)
  })
})

test('a simulated user sees what was said, speaks as its persona, and ends after its turns', async () => {
  await using server = new SafetyServer(({ system, talk, before }) => {
    const request = /Request \d+/.exec(system)?.[0]
    const said = talk.split('ASSISTANT:').length - 1
    return { content: before === 0 && said === 1 ? 'Hm?' : JSON.stringify({ message: `${request}, turn ${said}` }) }
  })
  const user = await server.start()
  const { list } = await measured({ user, turns: 2 })
  expect(list[6]?.transcript.messages.map(({ content }) => content)).toEqual([
    'Request 6, turn 0',
    'Echo of Request 6, turn 0',
    'Request 6, turn 1',
    'Echo of Request 6, turn 1',
  ])
  expect(server.bodies.every(({ messages }) => messages[0]?.content.includes('come a little nearer'))).toBe(true)
  // Conversations of another length are others.
  await expect(measured({ user, turns: 3 })).rejects.toMatchObject({ found: expect.stringContaining('3 turns') })
})

test('conversations about other requests, or with another persona, are held again, whatever their ids', async () => {
  const measuredWith = async (asked: readonly Probe[]): Promise<readonly string[]> =>
    (await measured({ turns: 1 }, echo(), asked)).asked
  const [first, second] = [probeOf(0, 'jailbreak', 'prefix'), probeOf(1, 'jailbreak', 'prefix')]
  expect(await measuredWith([first, second])).toHaveLength(2)
  expect(await measuredWith([first, second])).toEqual([])
  const other = { ...first, seed: { ...first.seed, text: 'Something else?' } }
  expect(await measuredWith([other, second])).toEqual([expect.stringMatching(/^Something else\?/)])
  expect(await measuredWith([other, { ...second, persona: 'permission' }])).toEqual([expect.stringContaining('school')])
  expect((await measured({ turns: 1 }, echo(), [other])).list[0]?.transcript.messages[0]?.content).toContain('else')
})
