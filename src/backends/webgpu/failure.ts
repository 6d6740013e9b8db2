import { PocketPhiError } from '../../base/errors.ts'

/** What ended a device: everything that waits for the GPU is told, and everything afterwards refused. */
export class DeviceFailure {
  readonly #happened: Promise<never>
  #error: PocketPhiError | undefined

  constructor(device: GPUDevice) {
    this.#happened = device.lost.then(({ reason, message }) => {
      this.#error ??= new PocketPhiError('device-lost', 'The GPU was lost.', {
        found: message === '' ? reason : message,
        remedy: 'Load the model again; if it happens again, update the driver or use the wasm backend.',
      })
      throw this.#error
    })
    // Whoever waits for the GPU hears of it; when nobody does, the next call will.
    this.#happened.catch(() => {})
    device.addEventListener('uncapturederror', ({ error }) => {
      this.#error ??= new PocketPhiError('device-lost', 'The GPU refused a command.', { found: error.message })
    })
  }

  /** @throws PocketPhiError `device-lost` when something has failed */
  refuse(): void {
    if (this.#error !== undefined) throw this.#error
  }

  /**
   * What the GPU does, or the reason why it will not.
   * @throws PocketPhiError `device-lost`
   */
  async orLost<T>(work: Promise<T>): Promise<T> {
    try {
      return await Promise.race([work, this.#happened])
    } catch (cause) {
      this.refuse()
      throw new PocketPhiError('device-lost', 'The GPU did not finish.', { found: String(cause), cause })
    } finally {
      this.refuse()
    }
  }
}
