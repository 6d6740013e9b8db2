import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { WasmOptions } from '../backends/wasm/index.ts'
import { PocketPhiError } from '../base/errors.ts'
import { selectBackend, type BackendName } from './select-backend.ts'

beforeEach(() => {
  vi.stubEnv('POCKET_PHI_GPU', '')
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.unstubAllEnvs()
})

/** A browser whose GPU is what the test says. */
function stubAdapter(adapter: object | null): void {
  const gpu = { requestAdapter: () => Promise.resolve(adapter), wgslLanguageFeatures: new Set() }
  vi.stubGlobal('navigator', { gpu })
}

const limits = { maxStorageBufferBindingSize: 2 ** 27, maxBufferSize: 2 ** 28 }
const described = (vendor: string, isFallbackAdapter = false, features: readonly string[] = []): object => ({
  features: new Set(features),
  info: { vendor, architecture: '', description: '', isFallbackAdapter },
  limits,
})

test('auto takes a GPU and says so', async () => {
  stubAdapter(described('example'))
  expect(await selectBackend('auto')).toMatchObject({ name: 'webgpu', chosen: expect.stringContaining('example') })
})

test.each([
  ['there is no adapter', null, 'no adapter'],
  ['the adapter is software by its name', described('swiftshader'), 'software (swiftshader)'],
  ['the adapter says that it is a fallback', described('example', true), 'software (example)'],
])('auto takes wasm where %s, and says so', async (_title, adapter, reason) => {
  stubAdapter(adapter)
  expect(await selectBackend('auto')).toMatchObject({ name: 'wasm', chosen: expect.stringContaining(reason) })
})

test('auto looks for no GPU where the environment says so', async () => {
  vi.stubEnv('POCKET_PHI_GPU', 'off')
  stubAdapter(described('example'))
  expect(await selectBackend('auto')).toMatchObject({ name: 'wasm', chosen: 'wasm: POCKET_PHI_GPU is off' })
})

test('auto is wasm where something is asked for that only wasm has, and says so', async () => {
  stubAdapter(described('example'))
  const selected = await selectBackend('auto', { onlyWasm: 'a number of threads' })
  expect(selected).toMatchObject({ name: 'wasm', chosen: expect.stringContaining('a number of threads was asked for') })
})

test('what is asked for by name is taken or refused, and is no choice', async () => {
  stubAdapter(null)
  const refusal = expect.objectContaining({ constructor: PocketPhiError, code: 'not-supported' })
  await expect(selectBackend('webgpu')).rejects.toEqual(refusal)
  for (const name of ['wasm', 'ref'] as const) {
    const backend = await selectBackend(name)
    expect([backend.name, backend.chosen]).toEqual([name, undefined])
  }
  await expect(selectBackend('cuda' as BackendName)).rejects.toMatchObject({ code: 'invalid-argument' })
})

test('f16 arithmetic means a GPU that has it, and is refused by name elsewhere', async () => {
  stubAdapter(described('example'))
  const lacking = { code: 'not-supported', message: expect.stringContaining('"shader-f16"') }
  for (const name of ['auto', 'webgpu'] as const)
    await expect(selectBackend(name, { gpuArithmetic: 'f16' })).rejects.toMatchObject(lacking)
  for (const name of ['wasm', 'ref'] as const)
    await expect(selectBackend(name, { gpuArithmetic: 'f16' })).rejects.toMatchObject({ code: 'not-supported' })
  stubAdapter(described('example', false, ['shader-f16']))
  expect(await selectBackend('auto', { gpuArithmetic: 'f16' })).toMatchObject({ name: 'webgpu' })
  const exact = selectBackend('webgpu', { gpuArithmetic: 'f16', exact: true })
  await expect(exact).rejects.toMatchObject({ code: 'invalid-argument' })
})

test('the options of wasm are asked for only where wasm runs', async () => {
  stubAdapter(described('example'))
  const options = vi.fn<() => WasmOptions>(() => ({ threads: 0 }))
  await selectBackend('auto', { wasm: options })
  expect(options).toHaveBeenCalledTimes(0)
  await selectBackend('wasm', { wasm: options })
  expect(options).toHaveBeenCalledTimes(1)
})
