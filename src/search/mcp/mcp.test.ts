import path from 'node:path'
import { expect, test } from 'vitest'
import { openMcp } from './index.ts'

const program = path.join(import.meta.dirname, 'server-harness.ts')
const place = (mode: string, tool?: string) => ({ server: `"${process.execPath}" "${program}" ${mode}`, tool })
const options = { version: '1', environment: { ...process.env, PHI_TEST_KEY: 'a key' } }

test.each([
  ['results', [{ title: 'One [2] Two', address: 'https://one.example/', text: 'about ferries' }]],
  [
    'text',
    [
      expect.objectContaining({ title: 'Found', text: 'ferries is here.' }),
      expect.objectContaining({ title: 'Other' }),
    ],
  ],
])('a server that answers with %s', async (mode, passages) => {
  const provider = await openMcp(place(mode), options)
  expect(await provider.find('ferries', { count: 5 })).toEqual(passages)
  expect(await provider.find('ferries', { count: 1 })).toHaveLength(1)
  await expect(provider.find('x', { count: 1, signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' })
  await provider.close()
})

test('a server that finds nothing has found nothing', async () => {
  const provider = await openMcp(place('nothing'), options)
  expect(await provider.find('x', { count: 5 })).toEqual([])
  await provider.close()
})

test('a program has the environment of this process, and is started again when it has ended', async () => {
  const provider = await openMcp(place('environment'), options)
  expect(await provider.find('x', { count: 1 })).toMatchObject([{ text: 'the key is a key' }])
  await provider.close()
  expect(await provider.find('x', { count: 1 })).toHaveLength(1)
  await provider.close()
})

test.each(['refuses', 'dies'])('a server that %s while it is asked', async (mode) => {
  const provider = await openMcp(place(mode), options)
  await expect(provider.find('x', { count: 1 })).rejects.toMatchObject({ code: 'network' })
  await provider.close()
})

test('a tool is named where several search, and has to take a query alone', async () => {
  await expect(openMcp(place('two'), options)).rejects.toMatchObject({
    code: 'not-supported',
    found: 'web_search, add, find',
  })
  const provider = await openMcp(place('two', 'find'), options)
  expect(await provider.find('x', { count: 1 })).toMatchObject([{ text: 'x' }])
  await provider.close()
  await expect(openMcp(place('results', 'add'), options)).rejects.toMatchObject({
    code: 'not-supported',
    found: 'a, b',
  })
  await expect(openMcp(place('results', 'none'), options)).rejects.toMatchObject({ code: 'not-supported' })
})

test('what is no server is said so', async () => {
  await expect(openMcp({ server: `${process.execPath} -e 1` }, options)).rejects.toMatchObject({ code: 'network' })
  await expect(openMcp({ server: '/nowhere/program' }, options)).rejects.toMatchObject({ code: 'network' })
  await expect(openMcp({ server: 'http://127.0.0.1:1/mcp' }, options)).rejects.toMatchObject({ code: 'network' })
})
