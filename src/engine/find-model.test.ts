import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findModel, shippedFolder } from './find-model.ts'
import { loadModel, measureModel } from './load-model.ts'
import { tinyFiles } from './tiny-model-harness.ts'

const home = process.cwd()
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'phi-find-'))
  for (const [name, bytes] of await tinyFiles()) await writeFile(join(folder, name), bytes)
})

afterAll(async () => {
  process.chdir(home)
  await rm(folder, { recursive: true })
})

test('a folder is itself, and a file is in its folder', async () => {
  expect(await findModel(folder)).toMatchObject({ folder, weightsFile: undefined })
  const file = join(folder, 'model.safetensors')
  expect(await findModel(file)).toMatchObject({ folder, weightsFile: 'model.safetensors' })
})

test('a file of another kind is not taken for weights', async () => {
  await writeFile(join(folder, 'notes.txt'), 'hello')
  await expect(findModel(join(folder, 'notes.txt'))).rejects.toMatchObject({
    code: 'invalid-argument',
    expected: expect.stringContaining('.gguf'),
  })
})

test('a file of weights is loaded in place of the usual one', async () => {
  const other = await tinyFiles({ seed: 2 })
  await writeFile(join(folder, 'other.safetensors'), other.get('model.safetensors') ?? new Uint8Array())
  const logitsOf = async (source: Parameters<typeof loadModel>[0]): Promise<Float32Array> => {
    await using model = await loadModel(source, { backend: 'ref', maxRows: 4 })
    return await model.logits([5, 6, 7])
  }
  const [usual, named] = [await logitsOf(folder), await logitsOf(join(folder, 'other.safetensors'))]
  expect(named).not.toEqual(usual)
  expect(named).toEqual(await logitsOf(other))
})

test('the model that ships has a short name, wherever one is', async () => {
  process.chdir(folder)
  expect((await findModel('phi-nano')).folder).toBe(resolve(home, 'models', 'phi-nano'))
  const plan = await measureModel('phi-nano', { context: 128 })
  expect(plan).toEqual(await measureModel(join(home, 'models', 'phi-nano'), { context: 128 }))
  expect(shippedFolder('phi-huge')).toBeUndefined()
})

test('an option that there is not is refused by its name', async () => {
  const options = { thread: 1 } as object
  for (const use of [loadModel, measureModel]) {
    await expect(use(folder, options)).rejects.toMatchObject({
      message: expect.stringContaining('There is no option "thread".'),
      remedy: 'Did you mean "threads"?',
    })
  }
})

test('what lies on disk goes before a short name', async () => {
  process.chdir(folder)
  await mkdir('phi-nano')
  expect(await findModel('phi-nano')).toMatchObject({ folder: 'phi-nano' })
})

test.each([
  ['./nosuch.gguf', 'Check the path.'],
  ['nosuch.gguf', 'Check the path.'],
  ['../phi-nano', 'Check the path.'],
  ['./model.safetensor', `Did you mean ${join('.', 'model.safetensors')}?`],
])('%s is a path, and all that is said is that nothing is there', async (name, remedy) => {
  process.chdir(folder)
  await expect(findModel(name)).rejects.toMatchObject({
    code: 'not-found',
    expected: undefined,
    found: `nothing at ${resolve(name)}`,
    remedy,
  })
})

test.each([
  ['no/such/model', 'Check the path.'],
  ['phi-nan', 'Did you mean phi-nano?'],
  ['phi-3-mni', 'Did you mean phi-3-mini?'],
  ['phi-3-mini', 'Download it with "phi pull microsoft/Phi-3-mini-4k-instruct", and name the folder that it prints.'],
  ['org/model', 'Download it with "phi pull org/model", and name the folder that it prints.'],
  ['model.safetensor', 'Did you mean model.safetensors?'],
])('%s is not there: %s', async (name, remedy) => {
  process.chdir(folder)
  const error = {
    code: 'not-found',
    expected: expect.stringContaining('phi-nano'),
    found: `nothing at ${resolve(name)}`,
    remedy,
  }
  await expect(findModel(name)).rejects.toMatchObject(error)
  await expect(loadModel(name)).rejects.toMatchObject(error)
})
