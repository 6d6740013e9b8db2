import { describe, expect, it } from 'vitest'
import { withPart } from '../scripts/page-part.ts'
import { fileNameOf, readSavedRuns, type SavedRun } from './results.ts'
import { comparison, speedTables } from './speed-table.ts'

const run: SavedRun = {
  date: '2026-11-29',
  title: 'Small, Q4_0',
  command: 'npm run bench -- small.gguf',
  machine: { processor: 'Fast, family 1', cores: 2, memoryBytes: 1e9, node: 'v24' },
  settings: {
    threads: 2,
    prompts: [512],
    depths: [0, 2048],
    tokens: 8,
    cacheType: 'f16',
    wide: true,
    context: 512,
    place: 'node',
  },
  rounds: 5,
  verdict: { valid: true, reason: 'quiet' },
  contenders: [
    {
      name: 'pocket-phi',
      prompts: { 512: 1234.5 },
      answers: { 0: 17.25, 2048: 12 },
      loadSeconds: 2,
      peakBytes: 3e9,
      plannedBytes: 2.9e9,
    },
    { name: 'llama.cpp, flash attention on', prompts: { 512: 1000 }, answers: { 0: 20, 2048: 5 }, peakBytes: 4.5e9 },
    { name: 'llama.cpp, flash attention off', prompts: { 512: 900 }, answers: { 0: 19, 2048: 8 }, peakBytes: 6e9 },
  ],
  ofRoof: { prompts: { 512: 1.14 }, answers: { 0: 0.8, 2048: 0.7 } },
  roofs: { readBytes: 43e9, int8Products: 270e9, f32Products: 90e9 },
}

describe('speedTables', () => {
  it('sets the engine against the better variant of each peer', () => {
    expect(speedTables([run]).split('\n')).toEqual([
      'In Node, 2026-11-29: Fast, family 1, 2 threads, with wide vectors, cache f16; medians of 5 rounds in turn. Roofs: 43 GB/s and 270 billion multiply-adds/s.',
      '',
      '| tokens per second | Pocket Phi | of the roof | llama.cpp, flash attention on / off | ratio to the best |',
      '| --- | --- | --- | --- | --- |',
      '| Small, Q4_0: prompt of 512 | 1235 | 114 % | 1000 / 900 | 1.23 |',
      '| Small, Q4_0: answer, from empty | 17.3 | 80 % | 20.0 / 19.0 | 0.86 |',
      '| Small, Q4_0: answer, after 2,048 tokens | 12.0 | 70 % | 5.0 / 8.0 | 1.50 |',
      '| Small, Q4_0: loading, s | 2.0 |  | - / - |  |',
      '| Small, Q4_0: peak memory, GB | 3.00 |  | 4.50 / 6.00 | 1.50 |',
    ])
  })

  it('has a table for each place and date, and of one model under the same conditions the last run', () => {
    const other: SavedRun = {
      ...run,
      title: 'Other',
      date: '2026-11-30',
      settings: { ...run.settings, place: 'chromium' },
    }
    const older: SavedRun = { ...run, date: '2026-11-28', rounds: 3 }
    const elsewhere: SavedRun = { ...older, machine: { ...run.machine, processor: 'Slow, family 1' } }
    const plain: SavedRun = { ...older, settings: { ...run.settings, wide: false } }
    const text = speedTables([other, run, older, elsewhere, plain])
    expect(text).not.toContain('In Node, 2026-11-28: Fast, family 1, 2 threads, with wide vectors')
    expect(text).toContain('In Node, 2026-11-28: Slow, family 1')
    expect(text).toContain('In Node, 2026-11-28: Fast, family 1, 2 threads, cache f16')
    expect(text.indexOf('In Chromium, 2026-11-30')).toBe(0)
    expect(text.indexOf('In Node, 2026-11-29')).toBeGreaterThan(0)
  })

  it('leaves a column empty for a run without that peer', () => {
    const [engine, on] = run.contenders
    const alone: SavedRun = { ...run, title: 'Alone', contenders: engine === undefined ? [] : [engine] }
    const wllama = on === undefined ? [] : [{ ...on, name: 'wllama' }]
    const text = speedTables([{ ...run, contenders: [...alone.contenders, ...wllama] }, alone])
    expect(text).toContain('| tokens per second | Pocket Phi | of the roof | wllama | ratio to the best |')
    expect(text).toContain('| Alone: prompt of 512 | 1235 | 114 % |  |  |')
  })
})

describe('saved runs', () => {
  it('have files by date, model and place, and those that are kept say what a table needs', () => {
    expect(fileNameOf(run)).toBe('2026-11-29-small-q4_0-node-f16-2-threads-wide.json')
    const kept = readSavedRuns()
    expect(kept.length).toBeGreaterThan(0)
    expect(kept.filter(({ verdict }) => !verdict.valid)).toEqual([])
    expect(speedTables(kept)).not.toMatch(/NaN|undefined/)
  })
})

describe('withPart', () => {
  it('puts text between two marks, and says where these are missing', () => {
    const text = 'a\n<!-- x -->\nold\n<!-- /x -->\nb\n'
    expect(withPart(text, 'x', 'new')).toBe('a\n<!-- x -->\nnew\n<!-- /x -->\nb\n')
    expect(() => withPart(text, 'y', 'new')).toThrow(/<!-- y -->/)
  })
})

describe('comparison', () => {
  it('has a line for each speed of the last run against a peer, on whatever machine', () => {
    const old: SavedRun = { ...run, date: '2026-11-01', machine: { ...run.machine, processor: 'Old' } }
    const plain: SavedRun = { ...run, settings: { ...run.settings, wide: false, cacheType: 'kv8' } }
    const alone: SavedRun = { ...run, title: 'Alone', contenders: run.contenders.slice(0, 1) }
    expect(comparison([run, old, alone, plain]).split('\n')).toEqual([
      '| tokens per second | in | Pocket Phi | the best of | ratio | measured |',
      '| --- | --- | --- | --- | --- | --- |',
      '| Small, Q4_0: prompt of 512 | Node | 1235 | llama.cpp 1000 | 1.23 | 2026-11-29 |',
      '| Small, Q4_0: answer, from empty | Node | 17.3 | llama.cpp 20.0 | 0.86 | 2026-11-29 |',
      '| Small, Q4_0: answer, after 2,048 tokens | Node | 12.0 | llama.cpp 8.0 | 1.50 | 2026-11-29 |',
      '| Small, Q4_0, plain vectors, cache kv8: prompt of 512 | Node | 1235 | llama.cpp 1000 | 1.23 | 2026-11-29 |',
      '| Small, Q4_0, plain vectors, cache kv8: answer, from empty | Node | 17.3 | llama.cpp 20.0 | 0.86 | 2026-11-29 |',
      '| Small, Q4_0, plain vectors, cache kv8: answer, after 2,048 tokens | Node | 12.0 | llama.cpp 8.0 | 1.50 | 2026-11-29 |',
    ])
  })
})
