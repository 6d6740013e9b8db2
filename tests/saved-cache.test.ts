import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { mostReused } from '../src/engine/batch.ts'

const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'phi-saved-cache-'))
const prompt = 'Once upon a time there was a fox who'

afterAll(() => rmSync(folder, { recursive: true }))

const greedy = ['--temperature', '0', '--max-tokens', '24', '--threads', '1', '--json']

/** A process of `phi` with phi-nano, of which one object is printed. */
function answered(asked: readonly string[], input = '') {
  const { stdout, stderr, status } = spawnSync(process.execPath, [main, ...asked, ...greedy], {
    cwd: folder,
    encoding: 'utf8',
    input,
  })
  return { answer: status === 0 ? JSON.parse(stdout) : undefined, stderr }
}

const run = (...options: readonly string[]) => answered(['run', 'phi-nano', prompt, '--raw', ...options])

test.each(['f16', 'kv4'])('an answer goes on from a cache in %s that another process saved', (cacheType) => {
  const before = run('--cache-type', cacheType, '--save-cache', 'fox.cache').answer
  const after = run('--cache-type', cacheType, '--open-cache', 'fox.cache').answer
  expect(before.ids).toHaveLength(24)
  expect(after.ids).toEqual(before.ids)
  expect([before, after].map(({ usage }) => usage.reusedTokens)).toEqual([0, mostReused(before.usage.promptTokens)])
  expect(run('--cache-type', 'kv8', '--open-cache', 'fox.cache').stderr).toContain(
    '"fox.cache" is no saved cache of this model',
  )
})

test('a conversation is saved when the chat ends, and its beginning is found again by another process', () => {
  const chat = (...options: readonly string[]) =>
    answered(['chat', 'phi-nano', '--system', 'Answer in one sentence.', ...options], 'What is a fox?\n')
  const before = chat('--save-cache', 'chat.cache').answer
  const after = chat('--open-cache', 'chat.cache').answer
  expect(after.text).toBe(before.text)
  expect([before, after].map(({ usage }) => usage.reusedTokens)).toEqual([0, mostReused(before.usage.promptTokens)])
})

test('pictures cannot be saved, and nothing can be where nothing was said', () => {
  expect(answered(['chat', 'phi-nano', '--image', 'none.png', '--save-cache', 'none.cache']).stderr).toContain(
    '--save-cache keeps text alone',
  )
  expect(answered(['chat', 'phi-nano', '--save-cache', 'none.cache']).stderr).toContain('there is nothing to save')
})

test('no other file is written over, and a place that cannot be is told before anything is computed', () => {
  const precious = join(folder, 'precious.txt')
  writeFileSync(precious, 'mine')
  const weights = fileURLToPath(new URL('../models/phi-nano/model.safetensors', import.meta.url))
  copyFileSync(weights, join(folder, 'weights.safetensors'))
  for (const name of ['precious.txt', 'weights.safetensors', '.']) {
    expect(run('--save-cache', name).stderr).toContain(`"${name}" is no cache file of phi, and would be written over`)
  }
  expect(readFileSync(precious, 'utf8')).toBe('mine')
  const { stderr } = run('--save-cache', 'nowhere/a.cache')
  expect(stderr).toContain('There is no folder for "nowhere/a.cache"')
})
