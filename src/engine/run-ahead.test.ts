import { afterEach, describe, expect, it } from 'vitest'
import { enqueueing, modelsToCompare } from './ahead-harness.ts'
import type { GenerateOptions, GenerationResult } from './generate.ts'
import type { PhiModel } from './phi-model.ts'
import { someIds, type TinyOptions } from './tiny-model-harness.ts'

const opened: PhiModel[] = []

afterEach(async () => {
  for (const model of opened.splice(0)) await model.dispose()
})

/** A model whose device runs ahead, and the same on one that does not. */
async function pairOf(tiny?: TinyOptions, maxSequences?: number) {
  const { logged: ahead, plain, log } = await modelsToCompare(enqueueing, tiny, maxSequences)
  opened.push(ahead, plain)
  return { ahead, plain, log }
}

/** An answer, without how long it took. */
async function answer(model: PhiModel, prompt: readonly number[], options: GenerateOptions) {
  const { text, ids, finish, stoppedBy, usage }: GenerationResult = await model.generate(prompt, options).result()
  return { text, ids, finish, stoppedBy, reused: usage.reusedTokens, drawn: usage.generatedTokens }
}

describe('a pass that begins before the last is read', () => {
  it('changes no answer: at its end by length, stop ids and stop texts, nor in the next, which finds it in the cache', async () => {
    const { ahead, plain, log } = await pairOf({ tidy: true })
    const cases: GenerateOptions[] = [
      { maxTokens: 1, stopIds: [] },
      { maxTokens: 2, stopIds: [] },
      { maxTokens: 80, stopIds: [] },
      { maxTokens: 40, stopIds: someIds(120, 7) },
      { maxTokens: 40, stopIds: [], stop: ['e '] },
      { maxTokens: 40, stopIds: [], speculate: true },
    ]
    for (let seed = 0; seed < 4; seed++) {
      let text: readonly number[] = someIds(5 + 20 * seed, seed)
      for (const options of cases) {
        const expected = await answer(plain, text, options)
        expect(await answer(ahead, text, options)).toEqual(expected)
        text = [...text, ...expected.ids, ...someIds(2, seed)].slice(0, 170)
      }
    }
    const { runs, runsAhead, rows, paddingRows } = ahead.counters
    expect({ runs, rows, paddingRows }).toMatchObject({ runs: plain.counters.runs, rows: plain.counters.rows })
    expect(runsAhead).toBeGreaterThan(300)
    expect(log.names.filter((name) => name.endsWith('ahead')).length).toBe(runsAhead)
    expect([log.mostOpen, plain.counters.runsAhead]).toEqual([2, 0])
  })

  it('runs each pass but the first ahead, and none that nobody wants where the length is known', async () => {
    const { ahead, log } = await pairOf()
    await answer(ahead, someIds(9, 1), { maxTokens: 12, stopIds: [] })
    expect(log.names).toEqual(['forward.16', ...Array.from({ length: 11 }, () => 'forward.1 ahead')])
    expect(ahead.counters).toMatchObject({ runs: 12, runsAhead: 11 })
  })

  it('crosses the border of LongRoPE and ends at a full context as without', async () => {
    const { ahead, plain } = await pairOf({ border: 40, config: { max_position_embeddings: 100 } })
    const options = { stopIds: [] }
    const expected = await answer(plain, someIds(30, 2), options)
    expect(expected.finish).toBe('context-full')
    expect(await answer(ahead, someIds(30, 2), options)).toEqual(expected)
    expect(ahead.counters.recomputedRows).toBe(plain.counters.recomputedRows)
    expect(ahead.counters.runsAhead).toBeGreaterThan(50)
  })

  it('is left where another answer begins, of which neither is another then', async () => {
    const { ahead, plain, log } = await pairOf({}, 2)
    const options = { maxTokens: 30, stopIds: [] }
    const prompts = [someIds(6, 3), someIds(40, 4)] as const
    const expected = [await answer(plain, prompts[0], options), await answer(plain, prompts[1], options)]
    const first = ahead.generate(prompts[0], options)
    const chunks = first[Symbol.asyncIterator]()
    for (let chunk = 0; chunk < 5; chunk++) await chunks.next()
    expect(ahead.counters.runsAhead).toBeGreaterThan(4)
    const second = answer(ahead, prompts[1], options)
    expect((await first.result()).ids).toEqual(expected[0]?.ids)
    expect((await second).ids).toEqual(expected[1]?.ids)
    expect(log.mostOpen).toBe(2)
  })

  it('an answer that is aborted, or left, leaves nothing behind', async () => {
    const { ahead, plain } = await pairOf()
    const options = { maxTokens: 60, stopIds: [] }
    for (const ending of ['abort', 'leave'] as const) {
      const controller = new AbortController()
      const reply = ahead.generate(someIds(8, 5), { ...options, signal: controller.signal })
      let chunks = 0
      for await (const _ of reply) {
        if (++chunks < 6) continue
        if (ending === 'leave') break
        controller.abort()
      }
      expect(chunks).toBeLessThan(9)
      const { ids, finish } = await answer(ahead, someIds(50, 6), options)
      const expected = await answer(plain, someIds(50, 6), options)
      expect({ ids, finish }).toEqual({ ids: expected.ids, finish: expected.finish })
    }
  })

  it('its failure is that of the answer whose token it computes', async () => {
    const { ahead, log } = await pairOf({ tidy: true })
    log.failing = 4
    const reply = ahead.generate(someIds(8, 5), { maxTokens: 30, stopIds: [] })
    let tokens = 0
    const reading = async (): Promise<void> => {
      for await (const { ids } of reply) tokens += ids.length
    }
    await expect(reading()).rejects.toThrow('the run ahead failed')
    expect(tokens).toBe(4)
  })

  it('ends with the model', async () => {
    const { ahead } = await pairOf()
    const reply = ahead.generate(someIds(8, 5), { maxTokens: 200, stopIds: [] })
    let chunks = 0
    const reading = async (): Promise<void> => {
      for await (const _ of reply) if (++chunks === 5) void ahead.dispose()
    }
    await expect(reading()).rejects.toThrow('The model is closed')
    expect(chunks).toBe(5)
  })

  it('is not begun where the next token is not the likeliest for certain', async () => {
    const { ahead } = await pairOf()
    const options: GenerateOptions = { maxTokens: 10, stopIds: [], seed: 1 }
    await answer(ahead, someIds(8, 5), { ...options, temperature: 1, topK: 5 })
    await answer(ahead, someIds(8, 5), { ...options, repetitionPenalty: 1.2 })
    await answer(ahead, someIds(8, 5), { ...options, logprobs: 1 })
    expect(ahead.counters.runsAhead).toBe(0)
  })
})
