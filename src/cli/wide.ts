/**
 * V8's experimental widening of vectors: pairs of 128-bit operations become 256-bit ones. It has had miscompilations, so it
 * is used only when asked for, and only after a test of what it makes of the kernels.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import type { Command } from 'commander'
import { wasmBackend } from '../backends/wasm/index.ts'
import { PocketPhiError } from '../base/errors.ts'
import { note } from './terminal.ts'
import { firstMismatch } from './wide-test.ts'

const flag = '--experimental-wasm-revectorize'
const testCommand = 'test-wide-vectors'

/** Adds the command that the test runs in; it is not listed. */
export function registerWideTest(program: Command): void {
  program.command(testCommand, { hidden: true }).action(async () => {
    const wrong = await firstMismatch(wasmBackend({ threads: 1, wide: true }))
    if (wrong === undefined) return
    throw new PocketPhiError('device-lost', 'Wide vectors compute something else than the reference.', { found: wrong })
  })
}

/**
 * Switches the widening on if it passes its test. To be called before any kernel is compiled. The test has a process of its
 * own, because kernels that were compiled wrongly would stay, and because a faulty compiler may crash. There the optimising
 * compiler does everything at once, so that the code which is tested is that which will run.
 *
 * @returns whether it is on; if not, a message has said why
 */
export function enableWideVectors(): boolean {
  const main = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './main.ts' : './main.js', import.meta.url))
  const { status, stderr } = spawnSync(process.execPath, [flag, '--no-liftoff', main, testCommand], {
    encoding: 'utf8',
  })
  if (status === 0) {
    setFlagsFromString(flag)
    return true
  }
  note(`Wide vectors stay off, since their test failed in this version of Node (${process.version}):`)
  note(stderr.trim() === '' ? 'the test did not come to its end' : stderr.trim())
  return false
}
