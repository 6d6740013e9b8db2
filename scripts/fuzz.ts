/**
 * Fuzzes the readers of files at length, on all cores: `node scripts/fuzz.ts --mutants 1000000 --seed 1`. A mutant that takes
 * longer than the time limit counts as a hang. One mutant again, with its bytes: `--only FORMAT --index I [--out FILE]`.
 */
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import {
  count,
  emptyTally,
  judge,
  mutantOf,
  tallyLine,
  type FuzzFormat,
  type Outcome,
  type Tally,
} from '../tests/fuzz/format.ts'
import { fuzzFormats, mutantsOf, runMutant } from '../tests/fuzz/formats.ts'

/** Mutants between two reports of a thread. */
const batch = 200
const limitSeconds = 30

interface Task {
  readonly seed: number
  readonly format: string
  readonly from: number
  readonly to: number
}

type Report =
  | { readonly kind: 'done'; readonly tally: Tally; readonly slowest: number }
  | { readonly kind: 'defect'; readonly index: number; readonly defect: string }

function formatNamed(name: string): FuzzFormat {
  const found = fuzzFormats.find((format) => format.name === name)
  if (found !== undefined) return found
  throw new Error(`--only takes one of: ${fuzzFormats.map((format) => format.name).join(', ')}`)
}

/** In a thread: tasks in, reports out. `progress` tells the watchdog which mutant is at work. */
function serve(progress: Int32Array): void {
  parentPort?.on('message', (task: Task) => void runTask(task, progress))
}

async function runTask({ seed, format: name, from, to }: Task, progress: Int32Array): Promise<void> {
  const format = formatNamed(name)
  const tally = emptyTally()
  let slowest = 0
  for (let index = from; index < to; index++) {
    Atomics.store(progress, 0, index)
    const start = performance.now()
    const outcome = await runMutant(format, seed, index)
    slowest = Math.max(slowest, performance.now() - start)
    if (outcome.defect !== undefined) report({ kind: 'defect', index, defect: outcome.defect })
    count(tally, outcome)
  }
  report({ kind: 'done', tally, slowest })
}

function report(message: Report): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(message)
}

/** Runs tasks one after another in a thread of its own, which is replaced when it hangs or dies. */
class FuzzThread {
  readonly #progress = new Int32Array(new SharedArrayBuffer(4))
  #worker: Worker | undefined

  async run(
    task: Task,
    onDefect: (index: number, defect: string) => void,
  ): Promise<{ tally: Tally; slowest: number } | undefined> {
    this.#worker ??= new Worker(new URL(import.meta.url), {
      workerData: this.#progress,
      resourceLimits: { maxOldGenerationSizeMb: 256 },
    })
    const worker = this.#worker
    let seen = -1
    let watchdog: NodeJS.Timeout | undefined
    const ended = await new Promise<{ tally: Tally; slowest: number } | string>((resolve) => {
      watchdog = setInterval(() => {
        const now = Atomics.load(this.#progress, 0)
        if (now === seen) resolve(`takes longer than ${limitSeconds} s`)
        seen = now
      }, limitSeconds * 1000)
      worker.removeAllListeners()
      worker.on('message', (message: Report) => {
        if (message.kind === 'done') resolve(message)
        else onDefect(message.index, message.defect)
      })
      worker.on('error', (error) => resolve(String(error)))
      worker.on('exit', (code) => resolve(`ends the thread with code ${code}`))
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      worker.postMessage(task)
    })
    clearInterval(watchdog)
    if (typeof ended !== 'string') return ended
    onDefect(Atomics.load(this.#progress, 0), ended)
    await this.close()
    return undefined
  }

  async close(): Promise<void> {
    const worker = this.#worker
    this.#worker = undefined
    worker?.removeAllListeners()
    await worker?.terminate()
  }
}

function add(total: Tally, part: Tally): void {
  total.mutants += part.mutants
  total.passed += part.passed
  for (const [result, times] of Object.entries(part.results))
    total.results[result] = (total.results[result] ?? 0) + times
}

async function fuzz(formats: readonly FuzzFormat[], mutants: number, seed: number): Promise<boolean> {
  const tasks = formats.flatMap(({ name, share }) => {
    const all = formats.length === 1 ? mutants : mutantsOf({ share }, mutants)
    return Array.from({ length: Math.ceil(all / batch) }, (_, index) => ({
      ...{ seed, format: name, from: index * batch, to: Math.min(all, (index + 1) * batch) },
    }))
  })
  const all = tasks.length
  const tallies = new Map(formats.map(({ name }) => [name, { tally: emptyTally(), slowest: 0 }]))
  let defects = 0
  const start = performance.now()
  const work = async (): Promise<void> => {
    const thread = new FuzzThread()
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
      const { format } = task
      const done = await thread.run(task, (index, defect) => {
        defects++
        console.log(`\n${defect}\n  node scripts/fuzz.ts --seed ${seed} --only "${format}" --index ${index}`)
      })
      const total = tallies.get(format)
      if (done !== undefined && total !== undefined) {
        add(total.tally, done.tally)
        total.slowest = Math.max(total.slowest, done.slowest)
      }
      const seconds = ((performance.now() - start) / 1000).toFixed(0)
      if (process.stderr.isTTY)
        process.stderr.write(`\r${(((all - tasks.length) / all) * 100).toFixed(0)} %  ${seconds} s`)
    }
    await thread.close()
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  if (process.stderr.isTTY) process.stderr.write('\n')
  const whole = emptyTally()
  for (const [name, { tally, slowest }] of tallies) {
    add(whole, tally)
    console.log(`${tallyLine(name, tally)}; slowest ${slowest.toFixed(0)} ms`)
  }
  console.log(tallyLine('all', whole))
  console.log(`${defects} defects in ${((performance.now() - start) / 1000).toFixed(0)} s`)
  return defects === 0
}

async function again(format: FuzzFormat, seed: number, index: number, out: string | undefined): Promise<Outcome> {
  const bytes = await mutantOf(format, seed, index)
  if (out === undefined) console.log(new TextDecoder().decode(bytes.subarray(0, 4000)))
  else writeFileSync(out, bytes)
  return await judge(format, bytes)
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      mutants: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string' },
      index: { type: 'string' },
      out: { type: 'string' },
    },
  })
  const seed = Number(values.seed)
  const formats = values.only === undefined ? fuzzFormats : [formatNamed(values.only)]
  const [only] = formats
  if (values.index !== undefined && only !== undefined) {
    console.log(await again(only, seed, Number(values.index), values.out))
    return
  }
  if (!(await fuzz(formats, Number(values.mutants), seed))) process.exitCode = 1
}

if (isMainThread) await main()
else serve(workerData as Int32Array)
