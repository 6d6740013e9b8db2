import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openJsonLines, readJsonLines } from './json-lines.ts'

let folder = ''
let file = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pocket-phi-lines-'))
  file = join(folder, 'rows.jsonl')
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

interface Named {
  readonly name: number
  readonly text: string
}

const isNamed = (value: unknown): Named | undefined =>
  typeof (value as Partial<Named> | undefined)?.name === 'number' ? (value as Named) : undefined

test('rows that are appended at the same time follow each other whole', async () => {
  const log = await openJsonLines<Named>(file, [])
  // Longer than what a system writes at once.
  const rows = Array.from({ length: 8 }, (_, name) => ({ name, text: String(name).repeat(300_000) }))
  await Promise.all(rows.map((row) => log.append(row)))
  await log.close()
  expect(await readJsonLines(file, isNamed)).toEqual(rows)
})

test('a row that could not be written fails where it was appended, and the next one is written', async () => {
  let writes = 0
  const faults = {
    before: (operation: string, path: string) => {
      if (operation === 'write' && path === file && ++writes === 2) throw new Error('disk')
    },
  }
  const log = await openJsonLines<Named>(file, [], { faults })
  writes = 0
  const row = (name: number): Named => ({ name, text: '' })
  const all = await Promise.allSettled([log.append(row(1)), log.append(row(2)), log.append(row(3))])
  await log.close()
  expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect((await readFile(file, 'utf8')).trimEnd().split('\n').length).toBe(2)
})
