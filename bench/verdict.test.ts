import { describe, expect, it } from 'vitest'
import type { Settings } from './rounds.ts'
import type { Measured, MeasuredRound } from './summary.ts'
import { isQuiet, judge, type CleanRow, type Verdict } from './verdict.ts'

const settings: Settings = {
  model: 'some.gguf',
  threads: 2,
  prompts: [512],
  depths: [0],
  tokens: 8,
  cacheType: 'f16',
  wide: false,
  context: 512,
  place: 'node',
}
const machine = { processor: 'Fast, family 1', cores: 2, memoryBytes: 1, node: 'v24' }
const clean: CleanRow = {
  peer: 'llama.cpp',
  version: '1',
  shape: '8 wide',
  processor: 'Fast, family 1',
  threads: 2,
  prompts: { 512: 100 },
  answers: { 0: 20 },
  source: 'a quiet day',
}

function rounds(prompt: number, answer: number, others?: number): MeasuredRound[] {
  const one = { prompts: { 512: prompt }, answers: { 0: answer }, cpuSeconds: 1, peakBytes: 1, shape: '8 wide' }
  return [{ ...one, ...(others === undefined ? {} : { others }) }]
}

const roofs = { readBytes: 1, int8Products: 1, f32Products: 1 }

function measured(others: number | undefined, peers: Measured['rounds'] = {}, ofRoofs = others): Measured {
  return {
    roofs: [ofRoofs === undefined ? roofs : { ...roofs, others: ofRoofs }],
    rounds: { 'pocket-phi': rounds(1, 1, others), ...peers },
  }
}

function judged(run: Measured, rows: readonly CleanRow[] = [], count = 1): Verdict {
  return judge(run, settings, machine, rows, { names: Object.keys(run.rounds), count })
}

describe('isQuiet', () => {
  it('allows others a twentieth of a processor', () => {
    expect([{ others: 0.05 }, { others: 0.051 }, {}].map(isQuiet)).toEqual([true, false, true])
  })
})

describe('judge', () => {
  it('asks for a quiet machine, while roofs are measured too', () => {
    expect(judged(measured(0.05))).toMatchObject({ valid: true })
    const busy = { valid: false, reason: 'others took up to 6 % of a processor during a round' }
    expect(judged(measured(0.06))).toEqual(busy)
    expect(judged(measured(0, {}, 0.06))).toEqual(busy)
    expect(judged(measured(undefined))).toMatchObject({ valid: false })
  })

  it('asks the peers for 90 % of their clean rows', () => {
    const fast = { 'llama.cpp, flash attention on': rounds(70, 18, 0), 'llama.cpp, off': rounds(91, 12, 0) }
    expect(judged(measured(0, fast), [clean])).toMatchObject({ valid: true })
    expect(judged(measured(0.5, fast), [clean])).toMatchObject({ valid: false })
    // Where what others took cannot be seen, the row says it.
    const unseen = { 'llama.cpp': rounds(100, 20) }
    expect(judged(measured(undefined, unseen), [clean])).toMatchObject({ valid: true })
    const slow = { 'llama.cpp, flash attention on': rounds(100, 17.6, 0) }
    expect(judged(measured(0, slow), [clean])).toEqual({
      valid: false,
      reason:
        'llama.cpp at an answer after 0 reached 88 % of what it reaches on a quiet machine of this kind; ' +
        'others took up to 0 % of a processor during a round',
    })
  })

  it('takes no row of another machine, model, cache, number of threads or peer', () => {
    const slow = { 'llama.cpp': rounds(1, 1, 0) }
    const rows = [
      { ...clean, processor: 'Slow, family 1' },
      { ...clean, shape: '16 wide' },
      { ...clean, threads: 4 },
      { ...clean, cacheType: 'kv8' },
      { ...clean, peer: 'node-llama-cpp' },
    ]
    expect(judged(measured(0, slow), rows)).toMatchObject({ valid: true })
  })

  it('takes no run that is not whole, or of which rounds had different kernels', () => {
    expect(judged(measured(0), [], 2)).toEqual({ valid: false, reason: 'of 2 rounds of each some are missing' })
    const [one = rounds(1, 1, 0)[0] as MeasuredRound] = rounds(1, 1, 0)
    const mixed = { ...measured(0), roofs: [roofs, roofs].map((roof) => ({ ...roof, others: 0 })) }
    mixed.rounds['pocket-phi'] = ['fours', 'pairs'].map((kernels) => ({ ...one, kernels }))
    expect(judged(mixed, [], 2)).toEqual({
      valid: false,
      reason: 'rounds ran with different kernels (fours, pairs)',
    })
  })
})
