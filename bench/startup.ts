/**
 * What a person waits for with the built package: from the start of the process to the first token of phi-nano, and how fast
 * it writes from there, with the share of that in barriers and dispatch (a profile of its own processes).
 *
 *     node bench/startup.ts [--rounds 7] [--threads 2] [--dist dist] [--cold]
 *
 * Without --dist the package is built first. `--cold` empties the system's cache of files before each start, too (Linux, as
 * root); otherwise files are as warm as the system keeps them.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { GenerationResult } from '../src/engine/generate.ts'
import type { AnswerProfile } from '../src/cli/profile.ts'
import { defaultThreads } from './options.ts'
import { median } from './summary.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    threads: { type: 'string', default: defaultThreads },
    dist: { type: 'string' },
    cold: { type: 'boolean', default: false },
  },
})
const root = fileURLToPath(new URL('..', import.meta.url))
const cacheOfFiles = '/proc/sys/vm/drop_caches'

if (values.dist === undefined) {
  const { status } = spawnSync(process.execPath, ['scripts/build.ts'], { cwd: root, stdio: 'inherit' })
  if (status !== 0) throw new Error('the package could not be built')
}
const main = `${values.dist ?? `${root}dist`}/cli/main.js`
if (!existsSync(main)) throw new Error(`${main} is not there; leave --dist out to build it`)

/** The prompt is continued for as many tokens as are asked for: without a template the model ends only by chance. */
function command(tokens: number, ...more: readonly string[]): string[] {
  const prompt = ['What is a fox?', '--raw', '--temperature', '1', '--seed', '4']
  return [main, 'run', 'phi-nano', ...prompt, '--max-tokens', String(tokens), '--threads', values.threads, ...more]
}

/** Milliseconds from the start of the process to the first byte of the answer. */
async function firstToken(): Promise<number> {
  const start = performance.now()
  const child = spawn(process.execPath, command(2), { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  const milliseconds = performance.now() - start
  child.stdout.resume()
  const [code] = (await once(child, 'close')) as [number]
  if (code !== 0) throw new Error(`phi run ended with ${code}`)
  return milliseconds
}

type Answer = GenerationResult & { readonly profile?: AnswerProfile }

function answer(...options: readonly string[]): Answer {
  const { stdout, status } = spawnSync(process.execPath, command(256, '--json', ...options), { encoding: 'utf8' })
  if (status !== 0) throw new Error(`phi run ended with ${status}`)
  return JSON.parse(stdout) as Answer
}

/** Shares of the time of the tokens after the first: on the device at barriers, in dispatch, and outside it. */
function sharesOf({ profile, usage }: Answer): { barriers: number; dispatch: number; outside: number } {
  const decoding = profile?.programs.find(({ program }) => program === 'forward.1')
  if (decoding === undefined) throw new Error('no token was written alone')
  const whole = 1000 * usage.generationSeconds
  return {
    barriers: decoding.barriers.milliseconds / whole,
    dispatch: decoding.dispatch.milliseconds / whole,
    outside: 1 - decoding.milliseconds / whole,
  }
}

function report(what: string, numbers: readonly number[], format: (value: number) => string): void {
  const range = `${format(Math.min(...numbers))} to ${format(Math.max(...numbers))}`
  console.log(`${what}: ${format(median(numbers))} (${range})`)
}

const milliseconds = (value: number): string => `${value.toFixed(0)} ms`
const percent = (value: number): string => `${(100 * value).toFixed(1)} %`
const rounds = Array.from({ length: Number(values.rounds) })

// One that is not counted.
await firstToken()
const warm: number[] = []
for (const _ of rounds) warm.push(await firstToken())
report('first token, warm', warm, milliseconds)
if (values.cold) {
  const cold: number[] = []
  for (const _ of rounds) {
    writeFileSync(cacheOfFiles, '1')
    cold.push(await firstToken())
  }
  report('first token, cold', cold, milliseconds)
}
const speeds: number[] = []
const shares: ReturnType<typeof sharesOf>[] = []
for (const _ of rounds) {
  speeds.push(answer().usage.generatedTokensPerSecond)
  shares.push(sharesOf(answer('--profile')))
}
report('answer, tokens per second', speeds, (value) => value.toFixed(0))
for (const part of ['barriers', 'dispatch', 'outside'] as const) {
  report(
    `answer, ${part}`,
    shares.map((each) => each[part]),
    percent,
  )
}
