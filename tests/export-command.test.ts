/** `phi train --export` as a person calls it. */
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { tinyRecipeText } from './training-harness.ts'

const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'phi-export-command-'))
  await writeFile(join(folder, 'tiny.yaml'), tinyRecipeText)
})
afterAll(() => rm(folder, { recursive: true }))

function phi(...args: readonly string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { cwd: folder, encoding: 'utf8' })
  return { code: status, out: stdout, err: stderr }
}

const exporting = ['train', 'tiny.yaml', '--export', 'torch'] as const

test('writes a folder that is a model too, and not over one that is there', () => {
  expect(phi(...exporting, '--folder', 'exported')).toMatchObject({
    code: 0,
    out: '8 batches and weights are in exported. README.md there says how it is run.\n',
  })
  const measured = phi('eval-loss', 'exported', '--tokens', '200', '--json', '--threads', '0')
  // Random weights know nothing of 352 tokens.
  expect((JSON.parse(measured.out) as { readonly loss: number }).loss).toBeCloseTo(Math.log(352), 1)
  const again = phi(...exporting, '--folder', 'exported')
  expect(again).toMatchObject({ code: 1, out: '', err: expect.stringContaining('exists already') })
  expect(phi(...exporting, '--folder', 'exported', '--restart').code).toBe(0)
})

test('needs a folder, and is nothing to resume', () => {
  expect(phi(...exporting)).toMatchObject({ code: 2, err: expect.stringContaining('--folder') })
  const resumed = phi(...exporting, '--folder', 'exported', '--resume')
  expect(resumed).toMatchObject({ code: 2, err: expect.stringContaining('resumed') })
})
