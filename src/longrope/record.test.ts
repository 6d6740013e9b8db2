import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { PocketPhiError } from '../base/errors.ts'
import { candidateOf } from './candidates.ts'
import { SearchRecord } from './record.ts'

const space = { most: 10, startTokens: [0] }
const candidates = [1, 2, 3].map((factor) => candidateOf([1, factor], 0, space))
const settings = { seed: 1, documents: 'some' }

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'phi-record-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true })
})

const file = (): string => join(folder, 'search.json')

/** Measures candidates in order and counts those that were not known. */
async function tell(record: SearchRecord, count: number): Promise<{ losses: number[]; made: number }> {
  let made = 0
  const losses: number[] = []
  for (const [index, candidate] of candidates.slice(0, count).entries()) {
    const measure = async (): Promise<number> => {
      made++
      return index + 0.1
    }
    losses.push(await record.lossOf(candidate, index, measure))
  }
  return { losses, made }
}

async function errorOf(action: Promise<unknown>): Promise<PocketPhiError> {
  return await action.then(
    () => expect.fail('nothing was thrown'),
    (error: unknown) => {
      expect(error).toBeInstanceOf(PocketPhiError)
      return error as PocketPhiError
    },
  )
}

describe('the record of a search', () => {
  test('holds every measurement as soon as it was made', async () => {
    const record = await SearchRecord.open(file(), settings, { resume: false })
    await tell(record, 2)
    expect(JSON.parse(await readFile(file(), 'utf8'))).toEqual({
      settings,
      measured: [
        { generation: 0, startTokens: 0, factors: [1, 1], loss: 0.1 },
        { generation: 1, startTokens: 0, factors: [1, 2], loss: 1.1 },
      ],
    })
  })

  test('tells what it holds and measures the rest', async () => {
    await tell(await SearchRecord.open(file(), settings, { resume: true }), 2)
    const again = await SearchRecord.open(file(), settings, { resume: true })
    expect(again.length).toBe(2)
    expect(await tell(again, 3)).toEqual({ losses: [0.1, 1.1, 2.1], made: 1 })
  })

  test('keeps what it held when the disk is full', async () => {
    await tell(await SearchRecord.open(file(), settings, { resume: false }), 1)
    const before = await readFile(file(), 'utf8')
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
      code: 'ENOSPC',
      syscall: 'write',
    })
    const faults = {
      before: () => {
        throw full
      },
    }
    const record = await SearchRecord.open(file(), settings, { resume: true, faults })
    expect((await errorOf(tell(record, 2))).code).toBe('out-of-memory')
    expect(await readFile(file(), 'utf8')).toBe(before)
  })

  test('is not overwritten, not mixed with another search, and not believed when it is damaged', async () => {
    await tell(await SearchRecord.open(file(), settings, { resume: false }), 2)
    expect((await errorOf(SearchRecord.open(file(), settings, { resume: false }))).code).toBe('invalid-argument')
    const changed = await errorOf(SearchRecord.open(file(), { ...settings, seed: 2 }, { resume: true }))
    expect(changed.message).toContain('seed (1 then, 2 now)')
    const record = await SearchRecord.open(file(), settings, { resume: true })
    const other = candidateOf([5, 5], 0, space)
    expect((await errorOf(record.lossOf(other, 0, async () => 0))).code).toBe('invalid-file')
    await writeFile(file(), (await readFile(file(), 'utf8')).slice(0, 80))
    expect((await errorOf(SearchRecord.open(file(), settings, { resume: true }))).code).toBe('invalid-file')
  })
})
