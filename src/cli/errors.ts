/** What the person at the terminal sees of an error, and the exit code. */
import { CommanderError } from 'commander'
import { PocketPhiError } from '../base/errors.ts'

export const exitCodes = { success: 0, failure: 1, usage: 2, interrupted: 130 } as const

/** A mistake in how a command was called, found after its options were parsed. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export interface ErrorReport {
  /** What to print on standard error; undefined where it has been printed already. */
  readonly text: string | undefined
  readonly code: number
}

/** The first sentence of an error, without what its parts repeat. */
function problemOf(error: PocketPhiError): string {
  const { expected, found, remedy } = error
  const parts = [
    ...(expected === undefined ? [] : [`Expected ${expected}.`]),
    ...(found === undefined ? [] : [`Found ${found}.`]),
    ...(remedy === undefined ? [] : [remedy]),
  ]
  const tail = parts.length === 0 ? '' : ` ${parts.join(' ')}`
  return error.message.slice(0, error.message.length - tail.length)
}

function describe(error: unknown): string {
  if (error instanceof UsageError) return `error: ${error.message}\n(add --help for the options)`
  if (error instanceof PocketPhiError) {
    const line = (name: string, text: string | undefined): string =>
      text === undefined ? '' : `\n  ${name.padEnd(8)}  ${text.replaceAll('\n', `\n${' '.repeat(12)}`)}`
    const { expected, found, remedy } = error
    return `error: ${problemOf(error)}${line('expected', expected)}${line('found', found)}${line('remedy', remedy)}`
  }
  const text = error instanceof Error ? error.message : String(error)
  return `error: ${text}\n  This was not foreseen. Run the command again with --verbose to see where it happened.`
}

function codeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage
  return error instanceof PocketPhiError && error.code === 'aborted' ? exitCodes.interrupted : exitCodes.failure
}

/** How an error of a command is reported. Stack traces are shown to those who ask for them. */
export function reportError(error: unknown, verbose: boolean): ErrorReport {
  if (error instanceof CommanderError) {
    // Commander has printed its message, or the help that was asked for.
    return { text: undefined, code: error.exitCode === 0 ? exitCodes.success : exitCodes.usage }
  }
  const text = describe(error)
  const stack = verbose && error instanceof Error ? `\n${stackOf(error)}` : ''
  return { text: text + stack, code: codeOf(error) }
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : ''
  return `${error.stack ?? String(error)}${cause}`
}
