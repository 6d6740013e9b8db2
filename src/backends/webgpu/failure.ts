import { PocketPhiError } from '../../base/errors.ts'

/** Node has the classes of these errors, but not as globals. */
function isOutOfMemory({ constructor }: GPUError): boolean {
  return constructor.name === 'GPUOutOfMemoryError'
}

function noRoom(what: string, { message }: GPUError, expected?: string): PocketPhiError {
  return new PocketPhiError('out-of-memory', `The GPU has no room for ${what}.`, {
    ...(expected === undefined ? {} : { expected }),
    found: message,
    remedy: 'Close other programs, use fewer weight bits or a shorter context, or the wasm backend.',
  })
}

/** @throws what `work` throws; else what `refusal` says of an error of this kind that `work` made the GPU report */
async function scoped<T>(
  device: GPUDevice,
  filter: GPUErrorFilter,
  work: () => Promise<T>,
  refusal: (error: GPUError) => PocketPhiError,
): Promise<T> {
  device.pushErrorScope(filter)
  const [done] = await Promise.allSettled([work()])
  const error = await device.popErrorScope()
  if (done.status === 'rejected') throw done.reason
  if (error !== null) throw refusal(error)
  return done.value
}

/**
 * What comes of work that the GPU may refuse; errors of WebGPU are reported later and elsewhere, unless they are waited for. One at a
 * time.
 *
 * @param what it is about, as in "no room for these programs"
 * @param expected the memory that it takes, in words
 * @throws PocketPhiError `out-of-memory`, `not-supported`; what `work` throws
 */
export async function unlessRefused<T>(
  device: GPUDevice,
  what: string,
  work: () => Promise<T>,
  expected?: string,
): Promise<T> {
  const refused = ({ message }: GPUError): PocketPhiError =>
    new PocketPhiError('not-supported', `The GPU refused ${what}.`, {
      found: message,
      remedy: 'Use the wasm backend, and report this with the name of the GPU.',
    })
  // Memory is asked about within: what it is missing for is then refused as invalid as well.
  const inMemory = (): Promise<T> => scoped(device, 'out-of-memory', work, (error) => noRoom(what, error, expected))
  return await scoped(device, 'internal', () => scoped(device, 'validation', inMemory, refused), refused)
}

/** Milliseconds within which a lost GPU is known to be lost. */
const noticeMilliseconds = 1000

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, noticeMilliseconds))
}

/** What ended a device: everything that waits for the GPU is told, and everything afterwards refused. */
export class DeviceFailure {
  /** What tells those who wait. One promise for all of them would keep what every wait has left on it for as long as the device lives. */
  readonly #waiting = new Set<(error: PocketPhiError) => void>()
  #lost: PocketPhiError | undefined
  #error: PocketPhiError | undefined

  constructor(device: GPUDevice) {
    void this.#hear(device.lost)
    device.addEventListener('uncapturederror', ({ error }) => {
      this.#error ??= isOutOfMemory(error)
        ? noRoom('what it was told to do', error)
        : new PocketPhiError('device-lost', 'The GPU refused a command.', { found: error.message })
    })
  }

  async #hear(lost: Promise<GPUDeviceLostInfo>): Promise<void> {
    const { reason, message } = await lost
    this.#error ??= new PocketPhiError('device-lost', 'The GPU was lost.', {
      found: message === '' ? reason : message,
      remedy: 'Load the model again; if it happens again, update the driver or use the wasm backend.',
    })
    this.#lost = this.#error
    // When nobody waits for the GPU, the next call will hear of it.
    for (const tell of this.#waiting) tell(this.#lost)
  }

  /** @throws PocketPhiError `device-lost` when something has failed */
  refuse(): void {
    if (this.#error !== undefined) throw this.#error
  }

  /**
   * What the GPU does, or the reason why it will not.
   * @throws PocketPhiError `device-lost`; what `work` throws of these
   */
  async orLost<T>(work: Promise<T>): Promise<T> {
    try {
      return await this.#untilLost(work)
    } catch (cause) {
      // A browser ends what waits for a GPU before it says that this was lost.
      if (!(cause instanceof PocketPhiError)) await this.#untilLost(pause())
      this.refuse()
      if (cause instanceof PocketPhiError) throw cause
      throw new PocketPhiError('device-lost', 'The GPU did not finish.', { found: String(cause), cause })
    } finally {
      this.refuse()
    }
  }

  async #untilLost<T>(work: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>()
    this.#waiting.add(reject)
    if (this.#lost !== undefined) reject(this.#lost)
    try {
      return await Promise.race([work, promise])
    } finally {
      this.#waiting.delete(reject)
    }
  }
}
