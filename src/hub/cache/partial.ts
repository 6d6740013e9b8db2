/** A file that is being downloaded: its beginning is on the disk. */
import { createHash, type Hash } from 'node:crypto'
import { constants, open, type FileHandle } from 'node:fs/promises'
import { throwIfAborted } from '../../base/errors.ts'
import { systemError, type FaultInjector } from '../../formats/atomic.ts'
import type { PartialContent } from '../download.ts'
import type { RemoteFile } from '../listing.ts'

export interface PartialOptions {
  readonly faults?: FaultInjector | undefined
  readonly signal?: AbortSignal | undefined
  /** Hears how far the checksum of what was there already is. */
  readonly onRead?: (bytes: number) => void
}

const readSize = 2 ** 20

/** Holds the open file; only one process at a time may, which a lock beside it sees to. */
export class PartialFile implements PartialContent, AsyncDisposable {
  readonly path: string
  readonly #file: RemoteFile
  readonly #handle: FileHandle
  readonly #faults: FaultInjector | undefined
  #hash: Hash
  #size = 0

  private constructor(path: string, file: RemoteFile, handle: FileHandle, faults: FaultInjector | undefined) {
    this.path = path
    this.#file = file
    this.#handle = handle
    this.#faults = faults
    this.#hash = newHash(file)
  }

  /** Opens what an earlier download left, or begins. What is longer than the file can be is thrown away. */
  static async open(path: string, file: RemoteFile, options: PartialOptions = {}): Promise<PartialFile> {
    // To read and write what is there or begin it; no letter means that ('a+' cannot be truncated on Windows).
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT).catch((error: unknown) => {
      throw systemError(path, error)
    })
    const partial = new PartialFile(path, file, handle, options.faults)
    try {
      const { size } = await handle.stat()
      if (size > file.size) await partial.restart()
      else await partial.#readBack(size, options)
    } catch (error) {
      await handle.close()
      throw error
    }
    return partial
  }

  /** How many bytes of the file are here. */
  get size(): number {
    return this.#size
  }

  async #readBack(size: number, { signal, onRead }: PartialOptions): Promise<void> {
    const buffer = new Uint8Array(Math.min(size, readSize))
    while (this.#size < size) {
      throwIfAborted(signal)
      const { bytesRead } = await this.#handle.read(buffer, 0, Math.min(buffer.length, size - this.#size), this.#size)
      if (bytesRead === 0) break
      this.#hash.update(buffer.subarray(0, bytesRead))
      this.#size += bytesRead
      onRead?.(this.#size)
    }
  }

  /** @throws PocketPhiError `out-of-memory` when the disk is full */
  async append(bytes: Uint8Array): Promise<void> {
    await this.#faults?.before('write', this.path)
    try {
      for (let at = 0; at < bytes.length;) {
        const { bytesWritten } = await this.#handle.write(bytes, at, bytes.length - at, this.#size + at)
        at += bytesWritten
      }
    } catch (error) {
      throw systemError(this.path, error)
    }
    this.#hash.update(bytes)
    this.#size += bytes.length
  }

  /** Throws away what is there. */
  async restart(): Promise<void> {
    await this.#faults?.before('remove', this.path)
    await this.#handle.truncate(0)
    this.#hash = newHash(this.#file)
    this.#size = 0
  }

  /** The checksum of what is here, of the kind that the hub gave. */
  digest(): string {
    return this.#hash.copy().digest('hex')
  }

  /** Waits until all is on the disk. */
  async sync(): Promise<void> {
    await this.#faults?.before('sync', this.path)
    await this.#handle.sync()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close()
  }
}

function newHash({ checksum, size }: RemoteFile): Hash {
  if (checksum.kind === 'sha256') return createHash('sha256')
  return createHash('sha1').update(`blob ${size}\0`)
}
