import { afterEach, describe, expect, it } from 'vitest'
import { guessingPays, type Drafter } from './drafts.ts'
import type { GenerateOptions } from './generate.ts'
import { loadModel, type LoadModelOptions } from './load-model.ts'
import type { PhiModel } from './phi-model.ts'
import { Speculation } from './speculation.ts'
import { someIds, tinyTree, type TinyOptions } from './tiny-model-harness.ts'

const opened: PhiModel[] = []

async function modelOf(options: TinyOptions = {}, load: LoadModelOptions = {}): Promise<PhiModel> {
  const model = await loadModel(await tinyTree(options), { threads: 1, maxRows: 32, ...load })
  opened.push(model)
  return model
}

afterEach(async () => {
  for (const model of opened.splice(0)) await model.dispose()
})

const endless: GenerateOptions = { stopIds: [], maxTokens: 40, logprobs: 1, seed: 5, speculate: true }

/** A text that says the same again and again, and one that does not. */
function promptOf(seed: number): number[] {
  const part = someIds(4 + (seed % 9), seed)
  return seed % 2 === 0 ? [...part, ...part, ...part] : someIds(10 + seed, seed)
}

describe('speculation', () => {
  it('changes neither tokens nor the bits of their probabilities, on 100 prompts', async () => {
    const [plain, guessing] = [await modelOf(), await modelOf()]
    let accepted = 0
    let guessed = 0
    for (let seed = 0; seed < 100; seed++) {
      const sampled = seed % 3 === 0 ? { temperature: 0.7, topK: 4 } : {}
      const options = { ...endless, ...sampled, repetitionPenalty: seed % 5 === 0 ? 1.1 : 1 }
      const without = await plain.generate(promptOf(seed), { ...options, speculate: false }).result()
      const result = await guessing.generate(promptOf(seed), options).result()
      expect(result.ids).toEqual(without.ids)
      expect(result.logprobs).toEqual(without.logprobs)
      expect(without.usage.guessedTokens).toBe(0)
      accepted += result.usage.acceptedTokens
      guessed += result.usage.guessedTokens
    }
    expect(accepted).toBeGreaterThan(20)
    expect(guessed).toBeGreaterThan(accepted)
    expect(plain.counters.runs - guessing.counters.runs).toBe(accepted)
  })

  it('ends where the answer ends without it: at stop ids, at stop texts, at a full context', async () => {
    const [plain, guessing] = [await modelOf({ tidy: true }), await modelOf({ tidy: true })]
    const cases: GenerateOptions[] = [
      { maxTokens: 1 },
      { maxTokens: 2 },
      { maxTokens: 60, stop: ['th', 'e '] },
      { maxTokens: 300 },
      { maxTokens: 90, temperature: 1, seed: 3, stopIds: someIds(20, 7) },
    ]
    for (const options of cases) {
      const prompt = promptOf(6)
      const wanted = await plain.generate(prompt, { stopIds: [], ...options, speculate: false }).result()
      const { text, ids, finish, stoppedBy } = await guessing
        .generate(prompt, { stopIds: [], ...options, speculate: true })
        .result()
      expect({ text, ids, finish, stoppedBy }).toEqual({
        text: wanted.text,
        ids: wanted.ids,
        finish: wanted.finish,
        stoppedBy: wanted.stoppedBy,
      })
    }
  })

  it('is off when left out for models so small that it does not pay', async () => {
    const model = await modelOf()
    const draft = await modelOf()
    const { speculate: _, ...options } = endless
    expect((await model.generate(promptOf(2), options).result()).usage.guessedTokens).toBe(0)
    expect((await model.generate(promptOf(2), { ...options, draft }).result()).usage.guessedTokens).toBeGreaterThan(0)
    const large = { memory: { ...model.memory, parameters: 2e9 } }
    expect([guessingPays(model.engine.device), guessingPays(large)]).toEqual([false, true])
  })

  it('takes the guesses of a model that is always right', async () => {
    const [model, draft] = [await modelOf(), await modelOf()]
    const without = await model.generate(promptOf(3), { ...endless, speculate: false }).result()
    const runs = model.counters.runs
    const { ids, usage } = await model.generate(promptOf(3), { ...endless, draft }).result()
    expect(ids).toEqual(without.ids)
    expect(usage.acceptedTokens).toBe(usage.guessedTokens)
    expect(model.counters.runs - runs).toBe(11)
  })

  it('is not led astray by a model that says something else, and gives its room back', async () => {
    const [model, draft] = [await modelOf(), await modelOf({ seed: 2 })]
    for (const seed of [1, 4]) {
      const without = await model.generate(promptOf(seed), { ...endless, speculate: false }).result()
      const { ids, usage } = await model.generate(promptOf(seed), { ...endless, draft }).result()
      expect(ids).toEqual(without.ids)
      expect(usage.guessedTokens).toBeGreaterThan(usage.acceptedTokens)
    }
    expect(draft.engine.hasRoomFor(draft.context)).toBe(true)
  })

  it('goes without guesses while the draft model is busy', async () => {
    const [model, draft] = [await modelOf(), await modelOf()]
    const held = await draft.engine.open([5])
    const { usage } = await model.generate(promptOf(3), { ...endless, draft }).result()
    expect(usage).toMatchObject({ guessedTokens: 0, generatedTokens: 40 })
    held.close()
  })

  it('refuses a draft model of another vocabulary', async () => {
    const [model, draft] = [await modelOf(), await modelOf({ config: { vocab_size: 330 } })]
    expect(() => model.generate([5], { draft })).toThrow(/another vocabulary/)
  })

  it('reads again for the long context when the answer does, not when a guess would', async () => {
    const [plain, guessing] = [await modelOf({ border: 24 }), await modelOf({ border: 24 })]
    const prompt = promptOf(0)
    const without = await plain.generate(prompt, { ...endless, speculate: false }).result()
    const { ids, logprobs } = await guessing.generate(prompt, endless).result()
    expect(ids).toEqual(without.ids)
    expect(logprobs).toEqual(without.logprobs)
    expect(guessing.counters.recomputedRows).toBe(plain.counters.recomputedRows)
    expect(plain.counters.recomputedRows).toBe(24)
  })

  it('leaves the text in the cache, and no guess that it would have to be copied for', async () => {
    const model = await modelOf()
    const prompt = promptOf(2)
    const { ids } = await model.generate(prompt, endless).result()
    const next = [...prompt, ...ids, 7, 8, 9, 10]
    const { usage } = await model.generate(next, { ...endless, maxTokens: 1 }).result()
    // The last token of an answer is never read.
    expect(usage.reusedTokens).toBe(next.length - 5)
    expect(model.counters.copiedPages).toBe(0)
  })

  it('does not guess while other answers share the batch', async () => {
    const model = await modelOf({}, { maxSequences: 2 })
    const other = await model.engine.open([5])
    const options = { ...endless, draft: await modelOf() }
    expect((await model.generate(promptOf(2), options).result()).usage.guessedTokens).toBe(0)
    other.close()
    expect((await model.generate(promptOf(2), options).result()).usage.guessedTokens).toBeGreaterThan(0)
  })

  it('rests when its guesses keep being wrong', async () => {
    const model = await modelOf()
    const sequence = await model.engine.open(promptOf(1))
    let asked = 0
    let next = 0
    const wrong: Drafter = {
      propose: (_, count) => {
        asked++
        return Promise.resolve(Array.from({ length: count }, () => (next + 1) % 300))
      },
      close: () => undefined,
    }
    const reading = new Speculation(sequence, wrong, () => 3)
    for (let step = 0; step < 60; step++) {
      const logits = await reading.logits({})
      next = logits.indexOf(Math.max(...logits))
      reading.append(next)
    }
    expect(reading.accepted).toBeLessThan(10)
    expect(asked).toBeGreaterThanOrEqual(4)
    expect(asked).toBeLessThan(20)
    reading.end()
    sequence.close()
  })

  it('is as abortable as an answer without', async () => {
    const model = await modelOf()
    const controller = new AbortController()
    const reply = model.generate(promptOf(2), { ...endless, maxTokens: 200, signal: controller.signal })
    let chunks = 0
    for await (const _ of reply) if (++chunks === 5) controller.abort()
    expect((await reply.result()).finish).toBe('aborted')
    expect(model.engine.hasRoomFor(model.context)).toBe(true)
  })
})
