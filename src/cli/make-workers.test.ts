/** What a person reads while the stages of a run are worked on. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { parse } from 'yaml'
import { tinyRecipeText } from '../../tests/training-harness.ts'
import { parseRunFile } from '../make/run-file.ts'
import { resolveStages } from '../make/stages.ts'
import { makeWorkers } from './make-workers.ts'
import { StatusLine } from './terminal.ts'

let home = ''
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'phi-make-workers-'))
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rm(home, { recursive: true })
})

test('a training shows its own held-out loss, and not that of the one before', async () => {
  const recipe = parse(tinyRecipeText) as object
  const stages = ['first', 'second'].map((name) => ({ kind: 'train', name, recipe }))
  const run = parseRunFile(JSON.stringify({ name: 'two', description: '', folder: home, stages }))
  const lines: string[] = []
  vi.spyOn(process.stderr, 'write').mockImplementation((line) => lines.push(String(line)) > 0)
  const options = { backend: 'wasm', threads: 0, widen: () => false, json: false } as const
  const { train } = makeWorkers(options, new StatusLine(false))
  const { signal } = new AbortController()
  for (const stage of await resolveStages(run)) {
    if (stage.definition.kind === 'train') await train({ stage: { ...stage, definition: stage.definition }, signal })
  }
  const steps = lines.filter((line) => line.startsWith('step '))
  const firsts = steps.filter((line) => line.startsWith('step 1 of '))
  expect(firsts.map((line) => line.includes('held out'))).toEqual([false, false])
  expect(steps.filter((line) => line.includes('held out')).length).toBeGreaterThan(1)
})
