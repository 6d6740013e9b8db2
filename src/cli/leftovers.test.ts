import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { tinyConfig, tinyFiles } from '../engine/tiny-model-harness.ts'
import { registerInit } from './init.ts'
import { registerQuantize } from './quantize.ts'

let folder = ''

beforeEach(async () => {
  vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  folder = await mkdtemp(join(tmpdir(), 'phi-leftovers-'))
})

afterEach(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true, force: true })
})

/** Makes what a run left that was killed, and what another is writing; returns the names of the latter. */
async function leaveBehind(out: string): Promise<string[]> {
  const { pid: dead } = spawnSync(process.execPath, ['--version'])
  const living = [`${out}.scratch-${process.ppid}-2`, `${out}.tmp-${process.ppid}-1`]
  for (const name of [`${out}.tmp-${dead}-1`, `${out}.scratch-${dead}-2`, ...living]) {
    await mkdir(join(folder, name))
    await writeFile(join(folder, name, 'model.safetensors'), 'half of it')
  }
  return living
}

async function run(register: (program: Command) => void, ...args: string[]): Promise<void> {
  const program = new Command().exitOverride()
  register(program)
  await program.parseAsync(['node', 'phi', ...args])
}

test('phi quantize removes what a killed run of the same output left', async () => {
  await mkdir(join(folder, 'model'))
  for (const [name, bytes] of await tinyFiles({ config: { intermediate_size: 64 } }))
    await writeFile(join(folder, 'model', name), bytes)
  const living = await leaveBehind('out')
  await run(registerQuantize, 'quantize', join(folder, 'model'), join(folder, 'out'), '--json')
  expect(await readdir(folder)).toEqual(['model', 'out', ...living])
})

test('phi quantize makes no folders on the way to its output', async () => {
  await mkdir(join(folder, 'model'))
  for (const [name, bytes] of await tinyFiles({ config: { intermediate_size: 64 } }))
    await writeFile(join(folder, 'model', name), bytes)
  const out = join(folder, 'nowhere', 'out')
  await expect(run(registerQuantize, 'quantize', join(folder, 'model'), out)).rejects.toMatchObject({
    code: 'not-found',
    expected: `the folder ${join(folder, 'nowhere')}`,
  })
  expect(await readdir(folder)).toEqual(['model'])
})

test('phi init removes what a killed run of the same output left', async () => {
  await writeFile(join(folder, 'config.json'), JSON.stringify(tinyConfig()))
  const living = await leaveBehind('out')
  await run(registerInit, 'init', join(folder, 'config.json'), join(folder, 'out'), '--json')
  expect(await readdir(folder)).toEqual(['config.json', 'out', ...living])
})
