import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { hubEnvironment } from './environment.ts'

const home = resolve('/home/somebody')

test('without variables everything is where the tools of the hub have it', async () => {
  expect(await hubEnvironment({}, home)).toEqual({
    endpoint: 'https://huggingface.co',
    cache: join(home, '.cache', 'huggingface', 'hub'),
    token: undefined,
    offline: false,
    stallSeconds: 30,
  })
})

test.each([
  [{ XDG_CACHE_HOME: '/c' }, '/c/huggingface/hub'],
  [{ XDG_CACHE_HOME: '/c', HF_HOME: '/h' }, '/h/hub'],
  [{ HF_HOME: '/h', HUGGINGFACE_HUB_CACHE: '/old' }, '/old'],
  [{ HF_HOME: '/h', HUGGINGFACE_HUB_CACHE: '/old', HF_HUB_CACHE: '/new' }, '/new'],
  [{ HF_HOME: '/h', HF_HUB_CACHE: ' ' }, '/h/hub'],
  [{ HF_HUB_CACHE: '~/models' }, join(home, 'models')],
])('the cache of %o is %s', async (variables, cache) => {
  expect((await hubEnvironment(variables, home)).cache).toBe(resolve(cache))
})

test('a mirror is named by HF_ENDPOINT, with or without a slash at the end', async () => {
  const endpoint = 'https://mirror.example/hub'
  expect((await hubEnvironment({ HF_ENDPOINT: `${endpoint}//` }, home)).endpoint).toBe(endpoint)
  for (const wrong of ['mirror.example', 'ftp://mirror.example', 'x']) {
    await expect(hubEnvironment({ HF_ENDPOINT: wrong }, home)).rejects.toMatchObject({ code: 'invalid-config' })
  }
})

test.each([
  ['1', true],
  ['ON', true],
  ['yes', true],
  ['True', true],
  ['0', false],
  ['', false],
  ['no', false],
])('HF_HUB_OFFLINE=%s means %s', async (value, offline) => {
  expect((await hubEnvironment({ HF_HUB_OFFLINE: value }, home)).offline).toBe(offline)
})

test.each([
  ['60', 60],
  ['0', 30],
  ['-5', 30],
  ['soon', 30],
  ['Infinity', 30],
])('HF_HUB_DOWNLOAD_TIMEOUT=%s means %i seconds', async (value, seconds) => {
  expect((await hubEnvironment({ HF_HUB_DOWNLOAD_TIMEOUT: value }, home)).stallSeconds).toBe(seconds)
})

test('the token is that of HF_TOKEN, or else the one that a login left in a file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pocket-phi-token-'))
  try {
    await writeFile(join(folder, 'token'), 'hf_file\n')
    const token = async (variables: Record<string, string>): Promise<string | undefined> =>
      (await hubEnvironment({ HF_HOME: folder, ...variables }, home)).token
    expect(await token({})).toBe('hf_file')
    expect(await token({ HF_TOKEN: ' hf_variable\n' })).toBe('hf_variable')
    expect(await token({ HF_TOKEN: '', HUGGING_FACE_HUB_TOKEN: 'hf_old' })).toBe('hf_old')
    expect(await token({ HF_TOKEN_PATH: join(folder, 'none') })).toBeUndefined()
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a token that cannot be one is refused without being shown', async () => {
  const error: unknown = await hubEnvironment({ HF_TOKEN: 'hf_sécret' }, home).catch((cause: unknown) => cause)
  expect(error).toMatchObject({ code: 'invalid-config' })
  expect(String(error)).not.toContain('hf_s')
})
