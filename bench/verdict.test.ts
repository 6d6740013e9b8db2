import { describe, expect, it } from 'vitest'
import type { Settings } from './rounds.ts'
import type { Measured, MeasuredRound } from './summary.ts'
import { isQuiet, judge, type CleanRow } from './verdict.ts'

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

function measured(others: number | undefined, peers: Measured['rounds'] = {}): Measured {
  return { roofs: [], rounds: { 'pocket-phi': rounds(1, 1, others), ...peers } }
}

describe('isQuiet', () => {
  it('allows others a twentieth of a processor', () => {
    expect([{ others: 0.05 }, { others: 0.051 }, {}].map(isQuiet)).toEqual([true, false, true])
  })
})

describe('judge', () => {
  it('asks for a quiet machine where no clean row is known', () => {
    expect(judge(measured(0.05), settings, machine, [])).toMatchObject({ valid: true })
    expect(judge(measured(0.06), settings, machine, [])).toEqual({
      valid: false,
      reason: 'others took up to 6 % of a processor during a round',
    })
    expect(judge(measured(undefined), settings, machine, [])).toMatchObject({ valid: false })
  })

  it('asks the peers for 90 % of their clean rows, whatever others took', () => {
    const fast = { 'llama.cpp, flash attention on': rounds(70, 18, 0.5), 'llama.cpp, off': rounds(91, 12, 0.5) }
    expect(judge(measured(0.5, fast), settings, machine, [clean])).toMatchObject({ valid: true })
    const slow = { 'llama.cpp, flash attention on': rounds(100, 17.6, 0) }
    expect(judge(measured(0, slow), settings, machine, [clean])).toEqual({
      valid: false,
      reason: 'llama.cpp at an answer after 0 reached 88 % of what it reaches on a quiet machine of this kind',
    })
  })

  it('takes no row of another machine, model, number of threads or peer', () => {
    const slow = { 'llama.cpp': rounds(1, 1, 0) }
    const rows = [
      { ...clean, processor: 'Slow, family 1' },
      { ...clean, shape: '16 wide' },
      { ...clean, threads: 4 },
      { ...clean, peer: 'node-llama-cpp' },
    ]
    expect(judge(measured(0, slow), settings, machine, rows)).toMatchObject({ valid: true })
  })
})
