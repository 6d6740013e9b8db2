import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { failure } from '../device-cases-harness.ts'
import { instantiate } from './kernel-harness.ts'
import { refuseStaleKernels, sourcesFile } from './stale.ts'

let folder: string
let module: URL

const source = (): string => path.join(folder, 'kernels', 'one.ts')
const lineOf = (text: string): string => `${createHash('sha256').update(text).digest('hex')}  ../kernels/one.ts\n`

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'pocket-phi-stale-'))
  await mkdir(path.join(folder, 'build'))
  await mkdir(path.join(folder, 'kernels'))
  await writeFile(source(), 'one')
  module = pathToFileURL(path.join(folder, 'build', 'relaxed-single.wasm'))
})
afterEach(() => rm(folder, { recursive: true }))

const list = (text: string): Promise<void> => writeFile(path.join(folder, 'build', sourcesFile), text)

test('kernels are taken that were built from the sources as they are', async () => {
  await list(lineOf('one'))
  expect(() => refuseStaleKernels(module)).not.toThrow()
})

test('kernels are refused whose sources have other contents since, or are gone', async () => {
  await list(lineOf('one'))
  await writeFile(source(), 'two')
  expect(() => refuseStaleKernels(module)).toThrow(failure('not-supported', 'one.ts'))
  await rm(source())
  expect(() => refuseStaleKernels(module)).toThrow(failure('not-supported', 'one.ts'))
})

test('kernels are refused of which a list of another form says what they are', async () => {
  await list('0123456789abcdef')
  expect(() => refuseStaleKernels(module)).toThrow(failure('not-supported', 'another form'))
})

test('kernels without a list are those of the package', () => {
  expect(() => refuseStaleKernels(module)).not.toThrow()
})

test('tests of single kernels refuse them too', async () => {
  await list(lineOf('two'))
  expect(() => instantiate('relaxed', false, pathToFileURL(path.join(folder, 'build', '/')))).toThrow(
    failure('not-supported', 'one.ts'),
  )
})
