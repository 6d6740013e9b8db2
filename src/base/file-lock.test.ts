import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { tryLock } from './file-lock.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'pocket-phi-lock-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('a lock that another has is not given until it is closed, and nothing is left beside it', () => {
  const file = path.join(folder, 'lock')
  const held = tryLock(file, 'move.')
  expect(held).toBeDefined()
  expect(tryLock(file, 'move.')).toBeUndefined()
  expect(tryLock(file, 'move.')).toBeUndefined()
  held?.close()
  const again = tryLock(file, 'move.')
  expect(again).toBeDefined()
  again?.close()
  expect(readdirSync(folder)).toEqual(['lock'])
})

test('where every lock counts as taken, there are none: nobody is to wait for another', () => {
  const busy = vi.spyOn(DatabaseSync.prototype, 'exec').mockImplementation(() => {
    throw Object.assign(new Error('database is locked'), { errcode: 5 })
  })
  try {
    expect(() => tryLock(path.join(folder, 'lock'), 'move.')).toThrow(
      expect.objectContaining({ code: 'not-supported', found: 'a file system without locks' }),
    )
  } finally {
    busy.mockRestore()
  }
  expect(readdirSync(folder)).toEqual(['lock'])
})
