/** A run that dies at any file operation, and is resumed, ends in the bits of an undisturbed run. */
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { filesBelow, inFolder, Killed, killBefore, outcome, temporaryFolder, trainTiny } from './training-harness.ts'

let undisturbed: Record<string, unknown> = {}
let operations: readonly string[] = []

beforeAll(async () => {
  await inFolder(async (folder) => {
    const counting = killBefore()
    await trainTiny(folder, { faults: counting })
    undisturbed = outcome(folder)
    operations = counting.operations
  })
})

/** Runs into a fault before operation `number`. */
async function crash(folder: string, number: number, resume: boolean): Promise<void> {
  await expect(trainTiny(folder, { faults: killBefore(number), resume })).rejects.toThrow(Killed)
}

test('an undisturbed run writes a model, two checkpoints, metrics and a picture, and nothing else', () => {
  const model = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']
  const checkpoint = [...model, 'optimizer.safetensors', 'state.json']
  expect(Object.keys(undisturbed).toSorted()).toEqual(
    [
      ...model.map((name) => `final/${name}`),
      ...checkpoint.map((name) => `checkpoints/step-0000003/${name}`),
      ...checkpoint.map((name) => `checkpoints/step-0000004/${name}`),
      'loss.svg',
      'metrics.jsonl',
    ].toSorted(),
  )
  for (const kind of ['write', 'sync', 'rename', 'remove']) {
    expect(operations.some((operation) => operation.startsWith(`${kind} `))).toBe(true)
  }
})

test('the metrics up to a checkpoint are on the disk before it is', () => {
  // No kill can show this, only a loss of power: so the order of operations is compared.
  const begins = operations.flatMap((operation, index) => {
    const previous = operations[index - 1] ?? ''
    return /^write step-\d+\.tmp/.test(operation) && !previous.includes('step-') ? [previous] : []
  })
  expect(begins.length).toBe(4)
  expect(new Set(begins)).toEqual(new Set(['sync metrics.jsonl']))
})

describe('a crash', () => {
  // One test for each tenth of the run, so that a failure is found quickly and the clock of a single test is not long.
  test.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])(
    'before every write, sync, rename and remove of tenth %i changes nothing',
    async (tenth) => {
      const from = Math.floor((operations.length * tenth) / 10)
      const to = Math.floor((operations.length * (tenth + 1)) / 10)
      expect(to).toBeGreaterThan(from)
      for (let number = from + 1; number <= to; number++) {
        await inFolder(async (folder) => {
          await crash(folder, number, false)
          await trainTiny(folder, { resume: true })
          expect(outcome(folder), `crash before ${operations[number - 1]} (${number})`).toEqual(undisturbed)
        })
      }
    },
  )

  test('during a resume that follows a crash changes nothing', async () => {
    for (let first = 5; first <= operations.length; first += 41) {
      // The operations of the resume are fewer than those of the whole run; a fault beyond them never strikes.
      for (const second of [1, 2, 3, 5, 8, 13, 21, 34, 55]) {
        await inFolder(async (folder) => {
          await crash(folder, first, false)
          await trainTiny(folder, { faults: killBefore(second), resume: true }).catch((error: unknown) => {
            if (!(error instanceof Killed)) throw error
          })
          await trainTiny(folder, { resume: true })
          expect(outcome(folder), `crashes before ${first}, then ${second}`).toEqual(undisturbed)
        })
      }
    }
  })

  test('after crash after crash, the run still ends', async () => {
    await inFolder(async (folder) => {
      let crashes = 0
      for (let allowed = 60, done = false; !done; allowed += 1) {
        done = await trainTiny(folder, { faults: killBefore(allowed), resume: true }).then(
          () => true,
          (error: unknown) => {
            if (!(error instanceof Killed)) throw error
            return false
          },
        )
        crashes += done ? 0 : 1
      }
      expect(crashes).toBeGreaterThan(3)
      expect(outcome(folder)).toEqual(undisturbed)
    })
  })
})

describe('a finished run', () => {
  let folder = ''

  beforeAll(async () => {
    folder = temporaryFolder()
    await trainTiny(folder)
  })

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true })
  })

  test('is the same when it is resumed, wherever that is interrupted', async () => {
    const counting = killBefore()
    await trainTiny(folder, { faults: counting, resume: true })
    expect(outcome(folder)).toEqual(undisturbed)
    for (let number = 1; number <= counting.operations.length; number += 3) {
      await crash(folder, number, true)
      await trainTiny(folder, { resume: true })
      expect(outcome(folder)).toEqual(undisturbed)
    }
  })

  test('is not trained over: a run that is not resumed refuses the folder and changes nothing in it', async () => {
    const before = filesBelow(folder)
    await expect(trainTiny(folder)).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/holds a run already.*step-0000004.*Resume the run, choose another folder/s),
    })
    expect(filesBelow(folder)).toEqual(before)
  })

  test('takes nothing over when its checkpoints are removed and it begins anew', async () => {
    rmSync(join(folder, 'checkpoints'), { recursive: true })
    await trainTiny(folder)
    expect(outcome(folder)).toEqual(undisturbed)
    expect(readdirSync(folder).toSorted()).toEqual(['checkpoints', 'final', 'loss.svg', 'metrics.jsonl'])
  })
})
