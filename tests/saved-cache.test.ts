import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'

const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'phi-saved-cache-'))
const prompt = 'Once upon a time there was a fox who'

afterAll(() => rmSync(folder, { recursive: true }))

/** A process of `phi run` with phi-nano, of which one object is printed. */
function run(...options: readonly string[]) {
  const asked = [
    'run',
    'phi-nano',
    prompt,
    '--raw',
    '--temperature',
    '0',
    '--max-tokens',
    '24',
    '--threads',
    '1',
    '--json',
  ]
  const { stdout, stderr, status } = spawnSync(process.execPath, [main, ...asked, ...options], {
    cwd: folder,
    encoding: 'utf8',
  })
  return { answer: status === 0 ? JSON.parse(stdout) : undefined, stderr }
}

test.each(['f16', 'kv4'])('an answer goes on from a cache in %s that another process saved', (cacheType) => {
  const before = run('--cache-type', cacheType, '--save-cache', 'fox.cache').answer
  const after = run('--cache-type', cacheType, '--open-cache', 'fox.cache').answer
  expect(before.ids).toHaveLength(24)
  expect(after.ids).toEqual(before.ids)
  expect([before, after].map(({ usage }) => usage.reusedTokens)).toEqual([0, before.usage.promptTokens - 1])
  expect(run('--cache-type', 'kv8', '--open-cache', 'fox.cache').stderr).toContain(
    '"fox.cache" is no saved cache of this model',
  )
})
