import { existsSync } from 'node:fs'
import { glob, readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { exceptions, suites } from './suites.ts'

const listed = [...Object.values(suites).flat(), ...Object.keys(exceptions)]

test('every suite that opens a backend or a model is in the matrix, or it is said why not', async () => {
  const missing: string[] = []
  for await (const file of glob(['src/**/*.test.ts', 'tests/**/*.test.ts', 'bench/**/*.test.ts'])) {
    if (/\b(?:wasmBackend|loadModel)\(/.test(await readFile(file, 'utf8')) && !listed.includes(file)) missing.push(file)
  }
  expect(missing).toEqual([])
})

test('no suite is listed that is not there, or twice', () => {
  expect(listed.filter((file, index) => !existsSync(file) || listed.indexOf(file) !== index)).toEqual([])
})
