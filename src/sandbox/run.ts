/**
 * Runs a program that nobody has read, in a process of its own that is thrown away. Three walls are around it: an interpreter in WebAssembly, which
 * can call few functions of its host (`child/gate.ts`); a process of Node that may read the folder of the interpreter and nothing
 * else, starts nothing and has no way to the network (`child/doors.ts`); and limits that are kept from outside of it.
 */
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { z } from 'zod'
import { PocketPhiError, throwIfAborted } from '../base/errors.ts'
import { findInterpreter } from './interpreters.ts'
import { startWorker } from './processes.ts'
import type { GuestRequest, Limits, Outcome, Program } from './types.ts'

export interface RunProgramOptions {
  readonly limits?: Partial<Limits>
  readonly signal?: AbortSignal | undefined
}

/** Python in WebAssembly takes four times as long as Python itself, of which benchmarks allow three seconds. */
const defaultLimits: Limits = { seconds: 20, memory: 256, output: 65_536 }

/** For an interpreter to start on a machine with other things to do. */
const secondsToStart = 120

/** Seconds by the clock for each second of the processor, which has other things to do as well. */
const patience = 6

const outputSchema = z.object({ output: z.string() })
/** What a process says is believed no more than what it ran. */
const outcomeSchema = z.discriminatedUnion('kind', [
  outputSchema.extend({ kind: z.literal('finished') }),
  outputSchema.extend({ kind: z.literal('raised'), error: z.string() }),
  outputSchema.extend({ kind: z.literal('exited'), status: z.number() }),
  outputSchema.extend({ kind: z.literal('refused'), request: z.string() }),
  outputSchema.extend({ kind: z.literal('exceeded'), limit: z.enum(['seconds', 'memory', 'output', 'stack']) }),
  outputSchema.extend({ kind: z.literal('crashed'), error: z.string() }),
])

/**
 * Runs a program to its end or to one of its limits (20 seconds of the processor, 256 MiB, 64 KiB of output unless told otherwise).
 *
 * @throws PocketPhiError `not-supported` where the interpreter is not installed, or this Node has no permissions to take away;
 * `device-lost` where the process of an interpreter does not start; `aborted`
 */
export async function runProgram(program: Program, options: RunProgramOptions = {}): Promise<Outcome> {
  const { signal } = options
  throwIfAborted(signal)
  const limits = { ...defaultLimits, ...options.limits }
  const { modules, readable } = await findInterpreter(program.language)
  throwIfAborted(signal)
  const child = startWorker('guest', { readable, seconds: limits.seconds })
  const kill = (): boolean => child.kill('SIGKILL')
  signal?.addEventListener('abort', kill)
  try {
    return await outcomeOf(child, { program, limits, modules })
  } finally {
    signal?.removeEventListener('abort', kill)
    kill()
    // Also where the process of a program that was stopped came to an end before we saw to it.
    throwIfAborted(signal)
  }
}

async function outcomeOf(child: ChildProcessWithoutNullStreams, request: GuestRequest): Promise<Outcome> {
  const { limits } = request
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>()
  let timer = setTimeout(() => reject(notStarted('it takes too long')), secondsToStart * 1000)
  let started = false
  let said = ''
  let complained = ''
  const onLine = (line: string): void => {
    if (started) {
      resolve(readOutcome(line))
      return
    }
    started = true
    clearTimeout(timer)
    timer = setTimeout(
      () => resolve({ kind: 'exceeded', limit: 'seconds', output: '' }),
      limits.seconds * patience * 1000,
    )
  }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    // JSON writes a byte with six letters at most.
    if (said.length > 6 * limits.output + 65_536) resolve({ kind: 'exceeded', limit: 'output', output: '' })
    for (let end = said.indexOf('\n'); end >= 0; end = said.indexOf('\n')) {
      onLine(said.slice(0, end))
      said = said.slice(end + 1)
    }
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complained = (complained + text).slice(-2000)))
  child.once('error', (cause) => reject(notStarted(cause.message, cause)))
  child.once('close', (code, name) => {
    if (name === 'SIGXCPU') resolve({ kind: 'exceeded', limit: 'seconds', output: '' })
    const error = `${name ?? `status ${code}`}: ${complained.trim().slice(-1000)}`
    if (started) resolve({ kind: 'crashed', error, output: '' })
    else reject(notStarted(error))
  })
  // A process that has ended takes nothing; that it has is told above.
  child.stdin.on('error', () => {}).end(JSON.stringify(request))
  try {
    return await promise
  } finally {
    clearTimeout(timer)
  }
}

function readOutcome(line: string): Outcome {
  try {
    return outcomeSchema.parse(JSON.parse(line))
  } catch {
    return { kind: 'crashed', error: 'The process of the program said what is no outcome.', output: '' }
  }
}

function notStarted(found: string, cause?: unknown): PocketPhiError {
  return new PocketPhiError('device-lost', 'The process for a program did not start.', {
    expected: 'an interpreter behind closed doors',
    found,
    cause,
  })
}
