/** A model that is loaded here against the same numbers computed from whole texts, one after the other. */
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadModel } from '../../engine/load-model.ts'
import type { PhiModel } from '../../engine/phi-model.ts'
import { tinyEyes, tinyTree } from '../../engine/tiny-model-harness.ts'
import type { FewShot, Option } from '../tasks/types.ts'
import { LocalSubject } from './local-subject.ts'
import { leadOf } from './subject.ts'

const fewShot: FewShot = {
  preamble: 'about the sea',
  shots: ['the old ship sails', 'the wind helps the ship', 'a reader asks about the wind'],
}
const noExamples: FewShot = { preamble: '', shots: [] }
const context = 128

let model: PhiModel
let redPng = new Uint8Array()
let subject: LocalSubject

async function open(parallel = 4): Promise<PhiModel> {
  return await loadModel(await tinyTree({ tidy: true }), {
    backend: 'ref',
    context,
    maxSequences: parallel,
  })
}

beforeAll(async () => {
  model = await open()
  subject = new LocalSubject(model)
  const red = { width: 40, height: 30, channels: 3 as const, background: 'red' }
  redPng = new Uint8Array(await sharp({ create: red }).png().toBuffer())
})

afterAll(async () => {
  await subject.close()
})

/** ln p of the tokens from `border` on, from the logits of all rows of the whole text, by the definition of softmax. */
async function plainLogLikelihood(ids: readonly number[], border: number): Promise<number> {
  const logits = await model.logits(ids)
  const width = model.engine.vocabulary
  let sum = 0
  for (let place = border; place < ids.length; place++) {
    const row = [...logits.subarray((place - 1) * width, place * width)]
    const total = row.reduce((all, logit) => all + Math.exp(logit), 0)
    sum += Math.log(Math.exp(row[ids[place] ?? -1] ?? Number.NaN) / total)
  }
  return sum
}

async function plainScores(lead: string, options: readonly Option[]): Promise<number[]> {
  const scores: number[] = []
  for (const { context: before, text } of options) {
    const border = model.tokenizer.encode(lead + before).length
    scores.push(await plainLogLikelihood(model.tokenizer.encode(`${lead}${before} ${text}`), border))
  }
  return scores
}

const sameContext: readonly Option[] = ['the ship sails', 'no', 'a story about the old ship'].map((text) => ({
  context: 'a reader asks how',
  text,
}))
const otherContexts: readonly Option[] = ['ship', 'reader'].map((name) => ({
  context: `the model says that the ${name}`,
  text: 'is old',
}))

function expectClose(found: readonly number[], expected: readonly number[]): void {
  expect(found.length).toBe(expected.length)
  expected.forEach((value, index) => expect(found[index]).toBeCloseTo(value, 4))
}

describe('likelihood of options', () => {
  test.each([
    ['behind the same context', sameContext],
    ['behind contexts of their own', otherContexts],
  ])('%s is that of the tokens of the whole text', async (_, options) => {
    const lead = leadOf(fewShot, 3)
    const found = await subject.logLikelihoods(fewShot, options)
    expect([found.shots, found.cutTokens]).toEqual([3, 0])
    expectClose(found.logLikelihoods, await plainScores(lead, options))
    expect(found.prompts).toEqual([...new Set(options.map((option) => lead + option.context))])
  })

  test('is the same when several are asked at a time', async () => {
    const alone = await subject.logLikelihoods(fewShot, sameContext)
    const many = await Promise.all(
      [sameContext, otherContexts, sameContext, otherContexts, sameContext].map((options) =>
        subject.logLikelihoods(fewShot, options),
      ),
    )
    for (const place of [0, 2, 4]) expectClose(many[place]?.logLikelihoods ?? [], alone.logLikelihoods)
  })

  test('space at the end of a context belongs to what follows', async () => {
    const option = await subject.logLikelihoods(noExamples, [{ context: 'the old ', text: 'ship' }])
    const ids = model.tokenizer.encode('the old  ship')
    const border = model.tokenizer.encode('the old').length
    expectClose(option.logLikelihoods, [await plainLogLikelihood(ids, border)])
  })
})

describe('a prompt that exceeds the context', () => {
  const long = (words: number): string => 'the old ship '.repeat(words).trim()

  test.each([13, 15, 18])('loses examples from the end, and no more than it must: %i', async (words) => {
    const options = [{ context: long(words), text: 'sails' }]
    const found = await subject.logLikelihoods(fewShot, options)
    const lengthWith = (shots: number): number =>
      model.tokenizer.encode(`${leadOf(fewShot, shots)}${long(words)} sails`).length
    expect(lengthWith(3)).toBeGreaterThan(context + 1)
    expect(lengthWith(0)).toBeLessThanOrEqual(context + 1)
    expect(lengthWith(found.shots)).toBeLessThanOrEqual(context + 1)
    expect(lengthWith(found.shots + 1)).toBeGreaterThan(context + 1)
    expect(found.cutTokens).toBe(0)
    expect(found.prompts).toEqual([leadOf(fewShot, found.shots) + long(words)])
  })

  test('is cut from the left when none is left, and what is predicted stays', async () => {
    const text = long(200)
    const found = await subject.logLikelihoods(fewShot, [
      { context: text, text: 'sails' },
      { context: text, text: 'the ship sails' },
    ])
    const ids = model.tokenizer.encode(`${leadOf(fewShot, 0)}${text} the ship sails`)
    expect([found.shots, found.cutTokens]).toEqual([0, ids.length - context - 1])
    const kept = ids.slice(-(context + 1))
    const predicted = ids.length - model.tokenizer.encode(leadOf(fewShot, 0) + text).length
    expectClose(found.logLikelihoods.slice(1), [await plainTail(kept, predicted)])
  })

  /** Of a text that is one token longer than the context: the last is predicted only. */
  async function plainTail(ids: readonly number[], predicted: number): Promise<number> {
    const logits = await model.logits(ids.slice(0, -1))
    const width = model.engine.vocabulary
    let sum = 0
    for (let place = ids.length - predicted; place < ids.length; place++) {
      const row = [...logits.subarray((place - 1) * width, place * width)]
      sum += (row[ids[place] ?? -1] ?? Number.NaN) - Math.log(row.reduce((all, logit) => all + Math.exp(logit), 0))
    }
    return sum
  }
})

test('what questions begin with is computed once, whatever number is asked at a time', async () => {
  await using other = await open()
  const measured = new LocalSubject(other)
  const lead = leadOf(fewShot, 3)
  const leadTokens = other.tokenizer.encode(lead).length
  const ends = ['how the ship sails', 'how the wind helps', 'what the model says', 'a story about the sea']
  await Promise.all(
    ends.map((end) =>
      measured.logLikelihoods(
        fewShot,
        ['no', 'yes'].map((text) => ({ context: end, text })),
      ),
    ),
  )
  const whole = ends.reduce((sum, end) => sum + other.tokenizer.encode(lead + end).length, 0)
  // Each question computes its own tokens, the first of an option beyond its only one, and the seam of the lead at most.
  const own = whole - ends.length * leadTokens
  const beyond = 2 * ends.length * (Math.max(...['no', 'yes'].map((text) => other.tokenizer.encode(text).length)) + 1)
  expect(other.counters.rows).toBeLessThan(leadTokens + own + beyond + ends.length)
  expect(other.counters.reusedRows).toBeGreaterThanOrEqual(ends.length * (leadTokens - 1))
})

describe('written answers', () => {
  test('are the likeliest tokens up to a stop text', async () => {
    const prompt = `${leadOf(fewShot, 3)}a reader asks`
    const { text } = await model.generate(prompt, { temperature: 0, maxTokens: 12 }).result()
    const found = await subject.complete(fewShot, 'a reader asks', { maxTokens: 12, stop: [] })
    expect(found).toEqual({ shots: 3, cutTokens: 0, prompts: [prompt], answer: text })
    const word = /[a-z]{2,}/.exec(text.slice(4))?.[0] ?? ''
    const stopped = await subject.complete(fewShot, 'a reader asks', { maxTokens: 12, stop: [word] })
    expect(stopped.answer).toBe(text.slice(0, text.indexOf(word)))
  })

  test('have room: at most half of the context is theirs', async () => {
    const question = 'the old ship '.repeat(100).trim()
    const found = await subject.complete(noExamples, question, { maxTokens: 500, stop: [] })
    const ids = model.tokenizer.encode(question)
    expect(found.cutTokens).toBe(ids.length - context / 2)
    const reply = model.generate(ids.slice(-context / 2), { temperature: 0, maxTokens: context / 2 })
    expect(found.answer).toBe((await reply.result()).text)
  })

  test('end when the signal says so', async () => {
    const controller = new AbortController()
    const answer = subject.complete(noExamples, 'the ship', { maxTokens: 50, stop: [], signal: controller.signal })
    controller.abort()
    await expect(answer).rejects.toMatchObject({ code: 'aborted' })
  })
})

describe('replies', () => {
  const asked = { role: 'user' as const, content: 'how does the ship sail?' }
  const greedy = { maxTokens: 8, temperature: 0, seed: 1 }

  test('are those of the chat template', async () => {
    const { text } = await model.chat().send(asked.content, { temperature: 0, maxTokens: 8 }).result()
    expect(await subject.reply([asked], greedy)).toEqual({ answer: text, cutTokens: 0 })
    const talk = [asked, { role: 'assistant' as const, content: text }, { ...asked, content: 'and the wind?' }]
    const second = await model.chat().answer(talk, { temperature: 0, maxTokens: 8 }).result()
    expect((await subject.reply(talk, greedy)).answer).toBe(second.text)
    expect(second.text).not.toBe(text)
  })

  test('are drawn at a temperature, the same for the same seed', async () => {
    const drawn = async (seed: number): Promise<string> =>
      (await subject.reply([asked], { maxTokens: 8, temperature: 2, seed })).answer
    expect(await drawn(7)).toBe(await drawn(7))
    expect(await drawn(7)).not.toBe(await drawn(8))
  })

  test('to a conversation that does not fit are those to its end, and say what was left out', async () => {
    const long = 'the old ship sails and the wind helps the ship '.repeat(5)
    const talk = [
      { role: 'user' as const, content: long },
      { role: 'assistant' as const, content: 'the wind' },
      { role: 'user' as const, content: long },
    ]
    const lengths = [long, 'the wind'].map((text) => model.tokenizer.encode(text).length)
    const { answer, cutTokens } = await subject.reply(talk, greedy)
    expect(cutTokens).toBe(lengths.reduce((sum, length) => sum + length, 0))
    expect(answer).toBe((await subject.reply([{ role: 'user', content: long }], greedy)).answer)
  })

  test('to a message that does not fit are those to its end', async () => {
    const content = Array.from({ length: 60 }, (_, index) => `the ship ${index} sails`).join(' ')
    const { answer, cutTokens } = await subject.reply([{ role: 'user', content }], greedy)
    const ids = model.tokenizer.encode(content, { addBos: false })
    expect(ids.length).toBeGreaterThan(context)
    expect(ids.length - cutTokens).toBeLessThan(context)
    expect(ids.length - cutTokens).toBeGreaterThan(context / 2)
    const rest = model.tokenizer.decode(ids.slice(cutTokens))
    expect(content.endsWith(rest.trimStart())).toBe(true)
    expect(answer).toBe((await model.chat().send(rest, { temperature: 0, maxTokens: 8 }).result()).text)
  })

  test('to pictures are refused by a model that cannot see', async () => {
    const pictures = [{ name: 'red.png', read: () => Promise.resolve(redPng) }]
    await expect(subject.reply([{ ...asked, pictures }], greedy)).rejects.toMatchObject({ code: 'not-supported' })
  })

  test('to pictures are those of a model that sees', async () => {
    const tree = await tinyTree({ tidy: true, config: tinyEyes })
    await using seeing = await loadModel(tree, { backend: 'ref', context: 1024 })
    const content = asked.content
    const pictures = [{ name: 'red.png', read: () => Promise.resolve(redPng) }]
    const shown = [await seeing.picture(redPng)]
    const { text } = await seeing.chat().send(content, { pictures: shown, temperature: 0, maxTokens: 2 }).result()
    const found = await new LocalSubject(seeing).reply([{ role: 'user', content, pictures }], {
      ...greedy,
      maxTokens: 2,
    })
    expect(found.answer).toBe(text)
    expect(seeing.counters.rows).toBeGreaterThan(144)
  })
})
