import { PocketPhiError, present } from '../../base/errors.ts'
import { nodeModule } from '../../base/platform.ts'
import { Conductor, makeControl } from './control.ts'
import type { Layout } from './layout.ts'
import type { ThreadTimes } from './timed.ts'
import { scoreOf, type Runner } from './runner.ts'
import { availableCores, ThreadChooser } from './threads.ts'
import type { WorkerReport, WorkerStart } from './worker.ts'

/** Turns that a thread spins at a barrier: well above the 25 us that waking a sleeper takes. */
const longestSpin = 100_000
/** Where the others may not even be running, spinning keeps them from it. */
const shortestSpin = 1_000

/** A worker thread, of Node or of a browser. */
interface Thread {
  start(message: WorkerStart): void
  /** Whether the thread keeps the process alive. */
  hold(alive: boolean): void
  terminate(): Promise<void>
}

interface ThreadEvents {
  report(report: WorkerReport): void
  /** The thread is gone. */
  lost(reason: string): void
}

/** Says in a thread that it was started here, so that a file which is not our worker finds out when it opens a pool. */
const threadName = 'pocket-phi'

function notOurWorker(found: string): PocketPhiError {
  return new PocketPhiError('not-supported', 'The file of the worker threads is not beside the wasm backend.', {
    expected: 'backends/wasm/pool.js and worker.js of the package, as files of their own',
    found,
    remedy: 'Mark pocket-phi external in the bundler, or use threads: 0.',
  })
}

/**
 * The file that Node runs as a worker, beside the module at `pool`: .ts where sources run as they are, .js in the package.
 * Said so that no bundler tries to follow.
 *
 * @throws PocketPhiError `not-supported` in a bundle, where the file beside it would be somebody else's, or the bundle itself.
 */
export function nodeWorkerUrl(pool: string | undefined): URL {
  const worker = pool?.replace(/(\/backends\/wasm\/)pool(\.[jt]s)$/, '$1worker$2')
  if (worker === undefined || worker === pool) throw notOurWorker(pool ?? 'no address of the module')
  return new URL(worker)
}

/** Whether this thread was started as one of ours. Those open no pools: a program that does is a file taken for our worker. */
function isOurThread(): boolean {
  const threads = nodeModule('node:worker_threads')
  const { name } = globalThis as { name?: unknown }
  return (threads === undefined ? name : threads.workerData) === threadName
}

function spawn(events: ThreadEvents): Thread {
  const threads = nodeModule('node:worker_threads')
  if (threads !== undefined) {
    // Flags of the process such as --input-type make no sense for a file.
    const worker = new threads.Worker(nodeWorkerUrl(import.meta.url), { execArgv: [], workerData: threadName })
    worker.on('message', (report: WorkerReport) => events.report(report))
    worker.on('error', (error) => events.lost(String(error)))
    worker.on('exit', (code) => events.lost(`exit code ${code}`))
    return {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      start: (message) => worker.postMessage(message),
      hold: (alive) => (alive ? worker.ref() : worker.unref()),
      terminate: async () => {
        await worker.terminate()
      },
    }
  }
  // Written in one expression, which is how bundlers know a worker.
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'pocket-phi' })
  worker.addEventListener('message', ({ data }) => events.report(data as WorkerReport))
  worker.addEventListener('error', (event) => events.lost(event.message || 'the worker could not be loaded'))
  worker.addEventListener('messageerror', () => events.lost('a message could not be read'))
  return {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    start: (message) => worker.postMessage(message),
    hold() {},
    terminate: () => Promise.resolve(worker.terminate()),
  }
}

/** Why threads cannot share memory here; undefined where they can. */
export function whyNoThreads(): string | undefined {
  if (nodeModule('node:worker_threads') !== undefined) return undefined
  if (typeof Worker === 'undefined') return 'There are no workers here.'
  if (typeof SharedArrayBuffer !== 'undefined' && globalThis.crossOriginIsolated) return undefined
  return 'The page is not cross-origin isolated: its server does not send the COOP and COEP headers.'
}

/** Workers that walk the steps together; the caller's thread only waits for their promise. */
export class WorkerPool implements Runner {
  readonly #conductor: Conductor
  readonly #threads: readonly Thread[]
  readonly #barriers: readonly (readonly number[])[]
  readonly #longestSpin: number
  readonly #choosers: readonly ThreadChooser[]
  #run: { readonly chooser: ThreadChooser; readonly active: number; readonly start: number } | undefined
  #barriersOfRun = 0
  #failure: PocketPhiError | undefined
  #disposed = false
  /** Rejects whatever waits for the workers at the moment. */
  #reject: (error: PocketPhiError) => void = () => {}
  #ready = 0
  #allReady: () => void = () => {}

  private constructor(
    start: Omit<WorkerStart, 'thread' | 'control' | 'times'>,
    threads: number,
    times: readonly ThreadTimes[],
  ) {
    const control = makeControl(threads)
    this.#longestSpin = threads <= availableCores() ? longestSpin : shortestSpin
    this.#conductor = new Conductor(control, this.#longestSpin)
    this.#barriers = start.plans.map(({ barriers }) => runningTotals(barriers))
    this.#choosers = start.plans.map(() => new ThreadChooser(threads))
    this.#threads = Array.from({ length: threads }, (_, thread) => {
      const worker = spawn({
        report: (report) => this.#receive(report),
        lost: (reason) => this.#fail('A worker thread died.', reason),
      })
      worker.start({ ...start, control, thread, times: times[thread] })
      return worker
    })
  }

  /**
   * @param times where each thread notes times, if they are to be profiled
   * @throws PocketPhiError `device-lost` when a worker cannot be started, `not-supported` where its file is not there.
   */
  static async open(
    module: WebAssembly.Module,
    memories: readonly WebAssembly.Memory[],
    layout: Layout,
    threads: number,
    times: readonly ThreadTimes[] = [],
  ): Promise<WorkerPool> {
    if (isOurThread()) throw notOurWorker('a program that was started as a worker of pocket-phi')
    const pool = new WorkerPool({ module, memories, ...scoreOf(layout) }, threads, times)
    try {
      await pool.#unlessLost(
        new Promise<void>((resolve) => {
          pool.#allReady = resolve
        }),
      )
    } catch (error) {
      await pool.dispose()
      throw error
    }
    pool.#hold(false)
    return pool
  }

  begin(program: number): void {
    const chooser = present(this.#choosers[program], 'chooser')
    this.#run = { chooser, active: chooser.threads, start: performance.now() }
    this.#barriersOfRun = 0
    // One is enough to keep Node's process alive while only a promise waits.
    this.#threads[0]?.hold(true)
  }

  async run(program: number, from: number, to: number): Promise<void> {
    const totals = present(this.#barriers[program], 'barriers')
    this.#barriersOfRun += (totals[to] ?? 0) - (totals[from] ?? 0)
    const { active } = present(this.#run, 'the run that has begun')
    await this.#unlessLost(this.#conductor.run(program, from, to, active))
    // The report with the reason may still be on its way.
    if (this.#conductor.failed) await this.#unlessLost(new Promise<void>(() => {}))
  }

  /** Notices sleeps at barriers: a core is busy with something else, or steps are uneven. */
  end(completed: boolean, waited: number): void {
    this.#threads[0]?.hold(false)
    const { chooser, active, start } = present(this.#run, 'the run that has begun')
    const slept = this.#conductor.takeSlept()
    if (!completed) return
    chooser.report(performance.now() - start - waited, slept / active)
    // Spins less where spinning does not help.
    const { spin } = this.#conductor
    const waits = this.#barriersOfRun * active
    if (slept * 3 > waits) this.#conductor.spin = Math.max(shortestSpin, spin >> 1)
    else if (slept * 16 <= waits) this.#conductor.spin = Math.min(this.#longestSpin, spin * 2)
  }

  async dispose(): Promise<void> {
    this.#disposed = true
    this.#reject(new PocketPhiError('aborted', 'The device was disposed of while it ran.'))
    this.#conductor.quit(this.#threads.length)
    await Promise.all(this.#threads.map((thread) => thread.terminate()))
  }

  #hold(alive: boolean): void {
    for (const thread of this.#threads) thread.hold(alive)
  }

  #receive(report: WorkerReport): void {
    if (report.kind === 'failed') this.#fail('A kernel failed.', `${report.message}\n${report.stack}`)
    else if (++this.#ready === this.#threads.length) this.#allReady()
  }

  #fail(problem: string, found: string): void {
    if (this.#disposed || this.#failure !== undefined) return
    this.#failure = new PocketPhiError('device-lost', problem, { found, remedy: 'Open the device again.' })
    this.#reject(this.#failure)
  }

  #unlessLost(work: Promise<void>): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#reject = reject
      work.then(resolve, reject)
    })
  }
}

/** How many barriers the steps before each index have; one more entry than steps. */
function runningTotals(barriers: Uint8Array): number[] {
  const totals = [0]
  for (const barrier of barriers) totals.push((totals.at(-1) ?? 0) + barrier)
  return totals
}
