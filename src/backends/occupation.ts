import { PocketPhiError } from '../base/errors.ts'

/** Something that a device does. */
interface Task {
  /** Follows the word "it". */
  readonly doing: string
  readonly kind: 'run' | 'run ahead' | 'other'
  /** Resolves when it has ended, however it did. */
  readonly ended: Promise<unknown>
}

/** What a device is doing: one thing at a time, but for runs that are enqueued, and nothing once it was disposed of. */
export class Occupation {
  readonly #tasks: Task[] = []
  #ended = false

  /** @throws PocketPhiError `invalid-argument` when the device is doing something, or was disposed of. */
  refuse(): void {
    this.#refuseUnless(this.#tasks.length === 0)
  }

  /** Does something alone; `doing` follows the word "it". A run that is ahead of one which has ended, and is perhaps wanted no more, is waited for. */
  async during<T>(doing: string, body: () => Promise<T>): Promise<T> {
    const [left, ...others] = this.#tasks
    this.#refuseUnless(left === undefined || (left.kind === 'run ahead' && others.length === 0))
    return await this.#do('other', doing, async () => {
      if (left !== undefined) {
        await left.ended
        this.throwIfEnded()
      }
      return await body()
    })
  }

  /** Runs a program, behind which another may be enqueued. */
  async running<T>(doing: string, body: () => Promise<T>): Promise<T> {
    this.refuse()
    return await this.#do('run', doing, body)
  }

  /** Enqueues a run behind the one that goes on, if one does. */
  async runningAhead<T>(doing: string, body: () => Promise<T>): Promise<T> {
    const isFree = this.#tasks.length === 0 || (this.#tasks.length === 1 && this.#tasks[0]?.kind !== 'other')
    this.#refuseUnless(isFree)
    return await this.#do('run ahead', doing, body)
  }

  /** Refuses everything from now on. */
  end(): void {
    this.#ended = true
  }

  /** Ends what goes on in a device that was disposed of in the meantime. */
  throwIfEnded(): void {
    if (this.#ended) throw new PocketPhiError('aborted', 'The device was disposed of while it ran.')
  }

  async #do<T>(kind: Task['kind'], doing: string, body: () => Promise<T>): Promise<T> {
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    const task: Task = { kind, doing, ended }
    this.#tasks.push(task)
    try {
      return await body()
    } finally {
      this.#tasks.splice(this.#tasks.indexOf(task), 1)
      resolve()
    }
  }

  #refuseUnless(isFree: boolean): void {
    if (this.#ended) throw new PocketPhiError('invalid-argument', 'The device was disposed.')
    if (isFree) return
    throw new PocketPhiError('invalid-argument', 'The device does one thing at a time.', {
      found: `it ${this.#tasks.map(({ doing }) => doing).join(' and ')} already`,
      remedy: 'Wait for the promise of what it does.',
    })
  }
}
