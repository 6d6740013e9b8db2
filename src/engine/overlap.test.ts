import { afterEach, describe, expect, it } from 'vitest'
import { nextTurn } from '../base/turn.ts'
import { aside, modelsToCompare } from './ahead-harness.ts'
import type { PhiModel } from './phi-model.ts'
import { someIds, type TinyOptions } from './tiny-model-harness.ts'

const opened: PhiModel[] = []

afterEach(async () => {
  for (const model of opened.splice(0)) await model.dispose()
})

/** A model whose device computes beside the reader's thread, and the same on one that does not. */
async function pairOf(tiny?: TinyOptions, maxSequences?: number) {
  const { logged: beside, plain, log } = await modelsToCompare(aside, tiny, maxSequences)
  opened.push(beside, plain)
  return { beside, plain, log }
}

const asked = { maxTokens: 6, stopIds: [], speculate: false } as const
const prompt = someIds(9, 1)

describe('a device that computes beside the reader', () => {
  it('is at the next token when the reader gets the last, and at none where there is no next', async () => {
    const { beside, log } = await pairOf()
    const passes: number[] = []
    const ids: number[] = []
    for await (const chunk of beside.generate(prompt, asked)) {
      ids.push(...chunk.ids)
      passes.push(log.names.length - ids.length)
    }
    expect(passes.slice(0, -1).every((ahead) => ahead === 1)).toBe(true)
    expect([passes.at(-1), ids.length, beside.counters.runs]).toEqual([0, 6, 6])
  })

  it('computes nothing before it is asked for where the thread of the reader computes', async () => {
    const { plain } = await pairOf()
    const chunks = plain.generate(prompt, asked)[Symbol.asyncIterator]()
    const { value } = await chunks.next()
    expect(plain.counters.runs).toBe(value?.ids.length)
    await chunks.return?.()
  })

  it('changes no answer, whatever ends it', async () => {
    const { beside, plain } = await pairOf()
    const cases = [{}, { temperature: 1, seed: 7 }, { stop: ['e'] }, { stopIds: someIds(120, 7) }, { logprobs: 2 }]
    for (const options of cases) {
      const answer = async (model: PhiModel) => {
        const { usage, ...others } = await model
          .generate(prompt, { ...asked, maxTokens: 30, seed: 1, ...options })
          .result()
        return { ...others, drawn: usage.generatedTokens }
      }
      expect(await answer(beside)).toEqual(await answer(plain))
    }
  })

  it('lets a reader leave while it computes, and gives the room to the next', async () => {
    const { beside, plain } = await pairOf()
    for await (const { ids } of beside.generate(prompt, asked)) if (ids.length > 0) break
    const expected = await plain.generate(prompt, asked).result()
    expect((await beside.generate(prompt, asked).result()).ids).toEqual(expected.ids)
  })

  it('ends what it reads again for a reader who leaves, however much that is', async () => {
    const { beside, log } = await pairOf({ border: 40 })
    let begun = 0
    // The first new token crosses the border, so that all is read again, in three passes.
    for await (const { ids } of beside.generate(someIds(40, 2), asked)) {
      begun = log.names.length
      if (ids.length > 0) break
    }
    expect(log.names.length).toBe(begun)
    expect(beside.counters.recomputedRows).toBe(40)
  })

  it('gives no token that is ready when the reader has ended the answer', async () => {
    const { beside } = await pairOf()
    const abort = new AbortController()
    const generation = beside.generate(prompt, { ...asked, signal: abort.signal })
    const chunks = generation[Symbol.asyncIterator]()
    const { value } = await chunks.next()
    // The next pass ends meanwhile.
    for (let turn = 0; turn < 20; turn++) await nextTurn()
    expect(beside.counters.runs).toBe((value?.ids.length ?? 0) + 1)
    abort.abort()
    expect((await chunks.next()).done).toBe(true)
    expect(await generation.result()).toMatchObject({ ids: value?.ids, finish: 'aborted' })
  })

  it('gives what is known without waiting for what comes first of others', async () => {
    const { beside, log } = await pairOf({}, 2)
    const other = beside.generate(someIds(150, 3), { ...asked, maxTokens: 1 }).result()
    const ids: number[] = []
    for await (const chunk of beside.generate(prompt, asked)) ids.push(...chunk.ids)
    await other
    const plain = await beside.generate(prompt, asked).result()
    expect(ids).toEqual(plain.ids)
    expect(log.names.length).toBeGreaterThan(10)
  })

  it('gives the reader what is known before what went wrong behind it', async () => {
    const { beside, log } = await pairOf()
    log.failing = 3
    const ids: number[] = []
    const reading = async (): Promise<void> => {
      for await (const chunk of beside.generate(prompt, asked)) ids.push(...chunk.ids)
    }
    await expect(reading()).rejects.toThrow('the run failed')
    expect(ids.length).toBe(2)
  })
})
