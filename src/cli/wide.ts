/**
 * V8's experimental widening of vectors: pairs of 128-bit operations become 256-bit ones. It has had miscompilations, so it
 * is used only after a test of what it makes of the kernels.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { Option, type Command } from 'commander'
import { note } from './terminal.ts'

/** As Node's processes take it. */
export const wideFlag = '--experimental-wasm-revectorize'
/** The command that the test runs in; it is not listed. */
export const wideTestCommand = 'test-wide-vectors'

/** What kernels are wanted for, which is what is tested. */
export const wideUses = ['answers', 'training'] as const
export type WideUse = (typeof wideUses)[number]

export interface WideOptions {
  /** Undefined where nothing was said. */
  readonly wide?: boolean
}

/** Adds `--wide` and `--no-wide`. @param when they are used if nothing is said */
export function addWideOptions(command: Command, when: string): Command {
  return command
    .addOption(
      new Option('--wide', `use V8's 256-bit vectors, if they pass a test and there are threads (default: ${when})`),
    )
    .addOption(new Option('--no-wide', 'do not'))
}

/** Switches the widening on without a test. To be called before any kernel is compiled. */
export function useWideVectors(): void {
  setFlagsFromString(wideFlag)
}

/**
 * Switches the widening on if it passes its test. To be called before any kernel is compiled. The test has a process of its
 * own, because kernels that were compiled wrongly would stay, and because a faulty compiler may crash. There the optimising
 * compiler does everything at once, so that the code which is tested is that which will run. The kernels for no threads of their own are
 * another build, which it does not test.
 *
 * @param use what the process will do with kernels, all of it
 * @param threads those that will be used, where it is known
 * @returns whether it is on; if not, a message has said why
 */
export function enableWideVectors(use: WideUse | readonly WideUse[], threads?: number): boolean {
  if (threads === 0) return false
  for (const one of [use].flat()) {
    const fault = faultOf(one)
    if (fault === undefined) continue
    note(`Wide vectors stay off, since their test failed in this version of Node (${process.version}):`)
    note(fault)
    return false
  }
  useWideVectors()
  return true
}

/** What is wrong with kernels that are widened, by a test of them. */
function faultOf(use: WideUse): string | undefined {
  const main = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './main.ts' : './main.js', import.meta.url))
  const { status, stderr } = spawnSync(process.execPath, [wideFlag, '--no-liftoff', main, wideTestCommand, use], {
    encoding: 'utf8',
  })
  if (status === 0) return undefined
  return stderr.trim() === '' ? 'the test did not come to its end' : stderr.trim()
}
