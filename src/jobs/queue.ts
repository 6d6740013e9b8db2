/**
 * Work in pieces that any worker can do: tasks with names, each with the same outcome however often and wherever it is done. What a task makes it
 * writes by itself, so that a queue knows nothing of it, and one that was interrupted is simply given out again.
 */
import { Worker } from 'node:worker_threads'
import { errorFromData, type ErrorData } from '../base/error-data.ts'
import { throwIfAborted } from '../base/errors.ts'

/** Plain data: it crosses threads, and in a database machines. */
export interface Task<Input = unknown> {
  readonly name: string
  readonly input: Input
}

/** What the module of a queue exports as `runTask`. */
export type TaskHandler<Input, Result> = (input: Input) => Promise<Result>

export interface TaskOptions<Input, Result> {
  /** Threads give up the tasks that they have when it fires; in a database they go on without whoever waits for them. */
  readonly signal?: AbortSignal | undefined
  /** Called for each task when it is done, in the order in which they end. */
  readonly onDone?: (task: Task<Input>, result: Result) => void
}

export interface TaskQueue<Input, Result> {
  /**
   * Does all tasks.
   * @throws the first error of a task: threads begin none after it, in a database it comes when all others are done; PocketPhiError `aborted`
   */
  run(tasks: readonly Task<Input>[], options?: TaskOptions<Input, Result>): Promise<void>
  close(): Promise<void>
}

/** What a worker says of a task. */
export type TaskAnswer = { readonly result: unknown } | { readonly error: ErrorData }

/**
 * A queue over threads of this process.
 *
 * @param module the address of what exports `runTask`
 * @param threads with 0, tasks run on the caller's thread, one after the other
 */
export function openTaskThreads<Input, Result>(module: URL, threads: number): TaskQueue<Input, Result> {
  return threads === 0 ? inThisThread(module) : new TaskThreads(module, threads)
}

function inThisThread<Input, Result>(module: URL): TaskQueue<Input, Result> {
  return {
    async run(tasks, { signal, onDone } = {}) {
      const { runTask } = (await import(module.href)) as { runTask: TaskHandler<Input, Result> }
      for (const task of tasks) {
        throwIfAborted(signal)
        const result = await runTask(task.input)
        onDone?.(task, result)
      }
    },
    async close() {},
  }
}

class TaskThreads<Input, Result> implements TaskQueue<Input, Result> {
  readonly #module: URL
  readonly #threads: number
  readonly #idle: Worker[] = []
  readonly #all = new Set<Worker>()

  constructor(module: URL, threads: number) {
    this.#module = module
    this.#threads = threads
  }

  async run(tasks: readonly Task<Input>[], { signal, onDone }: TaskOptions<Input, Result> = {}): Promise<void> {
    throwIfAborted(signal)
    const waiting = tasks.values()
    let failed = false
    const lane = async (): Promise<void> => {
      for (const task of waiting) {
        if (failed || signal?.aborted === true) return
        try {
          const result = await this.#do(task.input)
          onDone?.(task, result)
        } catch (error) {
          failed = true
          throw error
        }
      }
    }
    const giveUp = (): void => void this.close()
    signal?.addEventListener('abort', giveUp, { once: true })
    try {
      const lanes = Array.from({ length: Math.min(this.#threads, tasks.length) }, lane)
      const outcomes = await Promise.allSettled(lanes)
      throwIfAborted(signal)
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    } finally {
      signal?.removeEventListener('abort', giveUp)
    }
  }

  async #do(input: Input): Promise<Result> {
    const worker = this.#idle.pop() ?? this.#start()
    const { promise, resolve, reject } = Promise.withResolvers<TaskAnswer>()
    const lost = (code: number): void => reject(new Error(`defect: a thread ended with code ${code}`))
    worker.once('message', resolve).once('error', reject).once('exit', lost)
    try {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      worker.postMessage(input)
      const answer = await promise
      if ('error' in answer) throw errorFromData(answer.error)
      return answer.result as Result
    } finally {
      worker.off('message', resolve).off('error', reject).off('exit', lost)
      if (this.#all.has(worker)) this.#idle.push(worker)
    }
  }

  #start(): Worker {
    // The same ending as this file: sources run as they are, and built ones as built.
    const file = import.meta.url.replace(/queue(\.[jt]s)$/, 'task-worker$1')
    const worker = new Worker(new URL(file), { execArgv: [], workerData: this.#module.href })
    this.#all.add(worker)
    worker.once('exit', () => this.#all.delete(worker))
    return worker
  }

  async close(): Promise<void> {
    const workers = [...this.#all]
    this.#all.clear()
    this.#idle.length = 0
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}
