/** A training process that is killed, whatever it is doing, leaves what a resumed one finishes with the same bits. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { inFolder, killBefore, outcome, trainTiny } from './training-harness.ts'

const child = fileURLToPath(new URL('training-child-harness.ts', import.meta.url))

let undisturbed: Record<string, unknown> = {}
let operations = 0

beforeAll(async () => {
  await inFolder(async (folder) => {
    const counting = killBefore()
    await trainTiny(folder, { faults: counting })
    undisturbed = outcome(folder)
    operations = counting.operations.length
  })
})

/**
 * Starts or resumes the run in a process group of its own and kills the group when it announces operation `number`. The
 * process waits for its death before operation `hold`: there, or later, so that the kill meets it in whatever comes next.
 *
 * @returns the signal that ended it; null when it came to its end
 */
async function trainAndKill(folder: string, number: number, hold: number): Promise<NodeJS.Signals | null> {
  const running = spawn(process.execPath, [child, folder, String(hold)], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    running.on('error', reject)
    running.on('close', (code, signal) => resolve({ code, signal }))
  })
  let complaints = ''
  running.stderr.on('data', (data: Buffer) => (complaints += data.toString()))
  for await (const line of createInterface(running.stdout)) {
    if (running.pid !== undefined && line.startsWith(`${number} `)) process.kill(-running.pid, 'SIGKILL')
  }
  const { code, signal } = await ended
  if (signal === null && code !== 0) throw new Error(complaints)
  return signal
}

// Ten moments from the first operation to the last; the process waits for its death at every second one.
test.each(Array.from({ length: 10 }, (_, moment) => ({ moment, holds: moment % 2 === 1 })))(
  'killed at moment $moment of 0 to 9, waiting for it: $holds',
  async ({ moment, holds }) => {
    const number = 1 + Math.round(((operations - 1) * moment) / 9)
    await inFolder(async (folder) => {
      expect(await trainAndKill(folder, number, holds ? number : operations)).toBe('SIGKILL')
      await trainTiny(folder, { resume: true })
      expect(outcome(folder)).toEqual(undisturbed)
    })
  },
)

test('killed again and again while it is resumed, it still ends in the same bits', async () => {
  await inFolder(async (folder) => {
    for (const number of [90, 60, 7]) expect(await trainAndKill(folder, number, number)).toBe('SIGKILL')
    expect(await trainAndKill(folder, Infinity, Infinity)).toBe(null)
    expect(outcome(folder)).toEqual(undisturbed)
  })
})
