/** MODEL as people type it, against a hub on this machine. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { PocketPhiError } from '../base/errors.ts'
import { bench, bytesOf, modelFiles, weights, type Bench } from '../hub/cache/pull-harness.ts'
import type { HubName } from '../hub/names.ts'
import { pull, type PullPlan } from '../hub/cache/pull.ts'
import { resolveModel, type ModelHost } from './resolve-model.ts'

const home = process.cwd()
let folder = ''
let hub: Bench

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'phi-resolve-'))
  process.chdir(folder)
})

afterAll(async () => {
  process.chdir(home)
  await rm(folder, { recursive: true })
})

beforeEach(async () => {
  hub = await bench()
})

afterEach(async () => {
  await hub[Symbol.asyncDispose]()
  for (const made of ['org', 'models', 'phi-3-mini']) await rm(made, { recursive: true, force: true })
})

interface Asked {
  readonly name: string
  readonly plan: PullPlan
}

/** A host that notes what it was asked; without an answer there is nobody to ask. */
function hostOf(answer?: boolean): ModelHost & { readonly asked: Asked[]; readonly downloaded: HubName[] } {
  const [asked, downloaded]: [Asked[], HubName[]] = [[], []]
  const ask = async (name: string, plan: PullPlan): Promise<boolean> => {
    asked.push({ name, plan })
    return answer === true
  }
  const { environment, clock } = hub
  return {
    asked,
    downloaded,
    environment,
    ask: answer === undefined ? undefined : ask,
    async download(name) {
      downloaded.push(name)
      const { repository, revision, file } = name
      await pull(repository, environment, { clock, revision, file })
    },
  }
}

async function failure(name: string, host: ModelHost): Promise<PocketPhiError> {
  const error: unknown = await resolveModel(name, host).catch((thrown: unknown) => thrown)
  if (error instanceof PocketPhiError) return error
  throw new Error(`no refusal but ${String(error)}`)
}

/** What the hub holds: two GGUF files, one of them in parts in a folder. */
function ggufFiles(): Record<string, Buffer> {
  return {
    'phi-q4.gguf': bytesOf(3000, 1),
    'Q8_0/phi-Q8_0-00001-of-00002.gguf': bytesOf(3000, 2),
    'Q8_0/phi-Q8_0-00002-of-00002.gguf': bytesOf(3000, 3),
  }
}

describe('what lies on disk', () => {
  test('goes before names of the hub and short names, without a request', async () => {
    await mkdir('org/model', { recursive: true })
    await mkdir('phi-3-mini')
    await hub.pull()
    const requests = hub.server.asked.length
    const host = hostOf(true)
    expect(await resolveModel('org/model', host)).toMatchObject({ folder: 'org/model', name: join('org', 'model') })
    expect(await resolveModel('phi-3-mini', host)).toMatchObject({ folder: 'phi-3-mini', name: 'phi-3-mini' })
    expect(hub.server.asked).toHaveLength(requests)
  })

  test('has its path for a name, a file that of the file, what ships its short name', async () => {
    await mkdir('models')
    await writeFile(join('models', 'a.gguf'), '')
    const host = hostOf()
    expect(await resolveModel('models/a.gguf', host)).toMatchObject({
      folder: 'models',
      weightsFile: 'a.gguf',
      name: join('models', 'a.gguf'),
    })
    expect(await resolveModel(resolve('models'), host)).toMatchObject({ name: 'models' })
    expect((await resolveModel('phi-nano', host)).name).toBe('phi-nano')
  })
})

test('a file that holds no weights is refused by its ending, JSON too unless it is an index', async () => {
  await mkdir('models')
  for (const name of ['config.json', 'notes.txt', 'model.safetensors.index.json']) {
    await writeFile(join('models', name), '{}')
  }
  for (const name of ['models/config.json', 'models/notes.txt']) {
    expect(await failure(name, hostOf())).toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining(`"${name}" is no file of weights.`),
    })
  }
  expect((await failure('models/config.json', hostOf())).remedy).toBe('Name its folder, if that is a model.')
  const index = await resolveModel('models/model.safetensors.index.json', hostOf())
  expect(index.weightsFile).toBe('model.safetensors.index.json')
})

describe('a name of the hub', () => {
  test('is found in the cache, without a request', async () => {
    const { folder: snapshot } = await hub.pull()
    const requests = hub.server.asked.length
    const found = await resolveModel('org/model', hostOf(true))
    expect(found).toMatchObject({ folder: snapshot, weightsFile: undefined, name: 'org/model' })
    expect(await found.tree.readJson('config.json')).toEqual({ model_type: 'phi3' })
    expect(hub.server.asked).toHaveLength(requests)
  })

  test('may have a revision', async () => {
    await hub.pull({ revision: 'v1' })
    expect(await resolveModel('org/model@v1', hostOf())).toMatchObject({ name: 'org/model@v1' })
    expect(await resolveModel(`org/model@${hub.server.commit}`, hostOf())).toBeDefined()
    expect((await failure('org/model', hostOf())).remedy).toContain('phi pull org/model')
    expect((await failure('org/model@v2', hostOf())).remedy).toBe('Download it: phi pull org/model@v2')
  })

  test('of several GGUF files takes the one that is named, whole or by its end, and of parts the first', async () => {
    hub.server.files.clear()
    for (const [name, content] of Object.entries(ggufFiles())) hub.server.files.set(name, content)
    await hub.pull({ file: 'phi-q4.gguf' })
    const { folder: snapshot } = await hub.pull({ file: 'Q8_0' })
    const host = hostOf()
    for (const end of ['phi-q4.gguf', 'q4', 'Q4']) {
      expect(await resolveModel(`org/model:${end}`, host)).toMatchObject({
        folder: snapshot,
        weightsFile: 'phi-q4.gguf',
        name: `org/model:${end}`,
      })
    }
    expect(await resolveModel('org/model@main:q8_0', host)).toMatchObject({
      folder: join(snapshot, 'Q8_0'),
      weightsFile: 'phi-Q8_0-00001-of-00002.gguf',
    })
    const error = await failure('org/model', host)
    expect(error).toMatchObject({ code: 'invalid-argument', remedy: expect.stringContaining('ORG/NAME:FILE') })
    expect(error.found).toContain('phi-q4.gguf')
    expect((await failure('org/model:q5', host)).remedy).toBe('Download it: phi pull org/model:q5')
  })

  test('that is not in the cache is never downloaded unasked: the error has the command', async () => {
    const host = hostOf()
    const error = await failure('org/model', host)
    expect(error).toMatchObject({ code: 'not-found', remedy: 'Download it: phi pull org/model' })
    expect(error.found).toContain(`nothing at ${join(process.cwd(), 'org', 'model')}`)
    expect(error.found).toContain(join(hub.cache, 'models--org--model'))
    expect(host.downloaded).toEqual([])
    expect(hub.server.asked).toEqual([])
  })

  test('is asked for with the size, and downloaded when the answer is yes', async () => {
    const [no, yes] = [hostOf(false), hostOf(true)]
    expect((await failure('org/model', no)).remedy).toBe('Download it: phi pull org/model')
    const bytes = Object.entries(modelFiles()).reduce(
      (sum, [name, content]) => (/json$|safetensors$/.test(name) ? sum + content.length : sum),
      0,
    )
    expect(no.asked).toMatchObject([{ name: 'org/model', plan: { missingBytes: bytes } }])
    expect(no.downloaded).toEqual([])
    expect(hub.server.contentRequests(weights)).toEqual([])
    const found = await resolveModel('org/model', yes)
    expect(yes.downloaded).toEqual([{ repository: 'org/model' }])
    expect(await found.tree.has(weights)).toBe(true)
  })

  test('that is there in part has what is missing alone in the question', async () => {
    await hub.pull({ include: ['*.json'] })
    const host = hostOf(true)
    await resolveModel('org/model', host)
    expect(host.asked[0]?.plan.missingBytes).toBe(modelFiles()[weights]?.length)
  })

  test('offline nobody is asked', async () => {
    const host = hostOf(true)
    const offline = { ...host, environment: { ...host.environment, offline: true } }
    expect((await failure('org/model', offline)).remedy).toBe(
      'Download it (without HF_HUB_OFFLINE): phi pull org/model',
    )
    expect(host.asked).toEqual([])
    expect(hub.server.asked).toEqual([])
  })

  test('beside a folder of that name it is rather a path that was misspelt', async () => {
    await mkdir('org/other-model', { recursive: true })
    await mkdir('org/modle')
    const host = hostOf(true)
    expect((await failure('org/model', host)).remedy).toMatch(/^Did you mean org.modle\?\nDownload it/)
    expect(host.asked).toEqual([])
  })

  test('that the hub does not know is an error that says where it was looked for', async () => {
    const host = hostOf(true)
    const error = await failure('org/nothing', host)
    expect(error).toMatchObject({ code: 'not-found' })
    expect(error.found).toContain(hub.server.endpoint)
    expect(error.found).toContain(hub.cache)
    expect(host.asked).toEqual([])
  })
})

describe('a short name', () => {
  test('stands for the repository of a published model', async () => {
    const error = await failure('phi-3-mini', hostOf())
    expect(error.remedy).toBe('Download it: phi pull microsoft/Phi-3-mini-4k-instruct')
    expect((await failure('phi-4@v1:q4', hostOf())).remedy).toBe('Download it: phi pull microsoft/phi-4@v1:q4')
    expect((await failure('phi-3-medium-128k', hostOf())).remedy).toContain('microsoft/Phi-3-medium-128k-instruct')
  })

  test('that is misspelt has near ones: short names and what is in the cache', async () => {
    expect((await failure('phi-3-mni', hostOf())).remedy).toBe('Did you mean phi-3-mini?')
    expect((await failure('phi-nan', hostOf())).remedy).toBe('Did you mean phi-nano?')
    await hub.pull()
    expect((await failure('modle', hostOf())).remedy).toBe('Did you mean org/model?')
    expect((await failure('org/modle', hostOf())).remedy).toBe(
      'Did you mean org/model?\nDownload it: phi pull org/modle',
    )
    expect(await failure('completely else', hostOf())).toMatchObject({ code: 'not-found', remedy: 'Check the path.' })
  })
})

test('the name of a file is no name of the hub', async () => {
  const host = hostOf(true)
  const error = await failure('org/model.gguf', host)
  expect(error.remedy).toBe('Check the path.')
  expect(hub.server.asked).toEqual([])
})
