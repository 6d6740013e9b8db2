import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { listCheckpoints, pruneCheckpoints, readState } from './checkpoint.ts'

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pocket-phi-checkpoints-'))
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe('the checkpoints of a run', () => {
  const names = async (): Promise<string[]> => (await listCheckpoints(folder)).map((path) => basename(path))

  test('are listed oldest first, also beyond seven digits, and nothing else is', async () => {
    for (const name of ['step-10000000', 'step-0000020', 'step-9999999', 'step-0000100']) mkdirSync(join(folder, name))
    for (const name of ['step-20', 'step-0000030.tmp-1-2', 'step-0000040.old-1-2', 'notes'])
      mkdirSync(join(folder, name))
    expect(await names()).toEqual(['step-0000020', 'step-0000100', 'step-9999999', 'step-10000000'])
    await pruneCheckpoints(folder, 2, {})
    expect(await names()).toEqual(['step-9999999', 'step-10000000'])
    await pruneCheckpoints(folder, 5, {})
    expect(await names()).toEqual(['step-9999999', 'step-10000000'])
  })

  test('are none without the folder', async () => {
    expect(await listCheckpoints(join(folder, 'none'))).toEqual([])
  })
})

describe('the state of a checkpoint', () => {
  const recipe = { name: 'a', seed: 1, data: [{ weight: 1 }, { weight: 2 }], batch: { rows: 64 } }
  const state = { step: 3, nextExample: 9, nextExamples: 'abc', tokens: 100, learnedTokens: 90, recipe }
  const save = (value: unknown): void => writeFileSync(join(folder, 'state.json'), JSON.stringify(value))

  test('is read when the recipe is the same, in whatever order its fields are', async () => {
    save(state)
    const { name, seed, data, batch } = recipe
    expect(await readState(folder, { batch, data, seed, name, initial: undefined })).toEqual(state)
  })

  test('is refused for a changed recipe, naming what changed and what to do', async () => {
    save(state)
    const changed = { ...recipe, seed: 2, data: [{ weight: 1 }, { weight: 3 }], batch: {}, initial: 'somewhere' }
    const error = await readState(folder, changed).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'invalid-config' })
    expect(String(error)).toContain(
      'changes in seed (1 then, 2 now); data.1.weight (2 then, 3 now); batch.rows (64 then, nothing now); ' +
        'initial (nothing then, "somewhere" now)',
    )
    expect(String(error)).toContain(`"initial: ${folder}"`)
  })

  test.each([
    ['is missing', undefined],
    ['is torn', '{"step": 3'],
    ['lacks a field', JSON.stringify({ ...state, nextExample: undefined })],
    ['has a field that is unknown', JSON.stringify({ ...state, later: 1 })],
  ])('that %s is damage, with a way out', async (_, content) => {
    if (content !== undefined) writeFileSync(join(folder, 'state.json'), content)
    await expect(readState(folder, recipe)).rejects.toMatchObject({
      code: 'invalid-file',
      remedy: 'Remove that folder to continue from the checkpoint before it.',
    })
  })
})
