/** A file of the private file system that is being downloaded. */
import { sha1 } from '@noble/hashes/legacy.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import type { PartialContent, RemoteFile } from 'pocket-phi/hub'
import { PocketPhiError } from 'pocket-phi/worker'
import { openForWriting, type SyncAccessHandle } from './stored.ts'

const readSize = 2 ** 20

/** The platform's digest takes whole files only; these grow with them. */
function newHash({ checksum, size }: RemoteFile) {
  if (checksum.kind === 'sha256') return sha256.create()
  return sha1.create().update(utf8ToBytes(`blob ${size}\0`))
}

export class StoredPartial implements PartialContent {
  readonly #file: RemoteFile
  readonly #handle: SyncAccessHandle
  #hash: ReturnType<typeof newHash>
  #size = 0

  private constructor(file: RemoteFile, handle: SyncAccessHandle) {
    this.#file = file
    this.#handle = handle
    this.#hash = newHash(file)
  }

  /** Opens what an earlier download left, or begins. @param onRead hears how far the checksum of what was there is */
  static async open(
    handle: FileSystemFileHandle,
    file: RemoteFile,
    { signal, onRead }: { readonly signal: AbortSignal; readonly onRead: (bytes: number) => void },
  ): Promise<StoredPartial> {
    const partial = new StoredPartial(file, await openForWriting(handle))
    try {
      if (partial.#handle.getSize() > file.size) await partial.restart()
      else await partial.#readBack(signal, onRead)
    } catch (error) {
      partial.close()
      throw error
    }
    return partial
  }

  get size(): number {
    return this.#size
  }

  async #readBack(signal: AbortSignal, onRead: (bytes: number) => void): Promise<void> {
    const end = this.#handle.getSize()
    const buffer = new Uint8Array(Math.min(end, readSize))
    while (this.#size < end) {
      const count = this.#handle.read(buffer.subarray(0, end - this.#size), { at: this.#size })
      if (count === 0) break
      this.#hash.update(buffer.subarray(0, count))
      this.#size += count
      onRead(this.#size)
      // Word of an abort comes as a message.
      await nextTurn()
      if (signal.aborted) throw new PocketPhiError('aborted', 'The download was paused.')
    }
  }

  async append(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) {
        const count = this.#handle.write(bytes.subarray(at), { at: this.#size + at })
        if (count === 0) throw new DOMException('No byte was written.', 'QuotaExceededError')
        at += count
      }
    } catch (cause) {
      throw noRoom(cause)
    }
    this.#hash.update(bytes)
    this.#size += bytes.length
  }

  async restart(): Promise<void> {
    this.#handle.truncate(0)
    this.#hash = newHash(this.#file)
    this.#size = 0
  }

  digest(): string {
    return bytesToHex(this.#hash.clone().digest())
  }

  /** Writes what is in buffers to the device. @throws PocketPhiError `out-of-memory` */
  flush(): void {
    try {
      this.#handle.flush()
    } catch (cause) {
      throw noRoom(cause)
    }
  }

  close(): void {
    this.#handle.close()
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve)
  })
}

/** What a full device throws depends on the browser. */
export function noRoom(cause?: unknown): PocketPhiError {
  return new PocketPhiError('out-of-memory', 'This browser has no more room for the model.', {
    remedy: 'Delete another model, or free space on this device, and go on: what has come is kept.',
    cause,
  })
}
