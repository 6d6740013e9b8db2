/**
 * Bytes that are read at random: memory, a file of Node, a Blob of a browser (a chosen file, a file of its private file
 * system), or a file of an HTTP server (see http.ts). All formats read through this one interface.
 */
import { PocketPhiError } from '../base/errors.ts'
import { nodeModule } from '../base/platform.ts'

/** Bytes that are read piece by piece: a file, a Blob, memory, a URL that serves ranges. */
export interface ByteSource {
  /** For error messages: a file name, not a whole path. */
  readonly name: string
  /** Bytes in all. */
  readonly size: number
  /**
   * Reads exactly `length` bytes. With `into`, a view of that length (of WASM memory, say, which must not grow
   * meanwhile), they are read straight into it and it is returned; without, the result may share memory with the source and
   * must not be written to.
   *
   * @throws PocketPhiError `invalid-argument` for a range outside the source or a closed source, `invalid-file` when the
   * source turned out shorter than it was, and what the medium adds
   */
  read(offset: number, length: number, into?: Uint8Array): Promise<Uint8Array>
  /** Gives back what it holds (the handle of a file, say); reading fails from then on. */
  close(): Promise<void>
}

/** Bytes of one pread: below the limit of every system. */
const largestRead = 2 ** 30

/**
 * Checks the arguments of `ByteSource.read`.
 * @throws PocketPhiError `invalid-argument` for a range outside the source or a view of another length
 */
function checkRead(name: string, size: number, offset: number, length: number, into: Uint8Array | undefined): void {
  const inside = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0
  if (!inside || offset + length > size) {
    throw new PocketPhiError('invalid-argument', `A read leaves "${name}".`, {
      expected: `a range within ${size} bytes`,
      found: `${length} bytes from ${offset}`,
    })
  }
  if (into !== undefined && into.length !== length) {
    throw new PocketPhiError('invalid-argument', `The view to read "${name}" into has the wrong length.`, {
      expected: `${length} bytes`,
      found: `${into.length}`,
    })
  }
}

/** The error of a read from a source that was closed. */
function closedError(name: string): PocketPhiError {
  return new PocketPhiError('invalid-argument', `"${name}" was closed before this read.`)
}

/** The error of a source that ended before the size that it had when it was opened. */
export function truncatedError(name: string, expected: number, found: number): PocketPhiError {
  return new PocketPhiError('invalid-file', `"${name}" ended early: it is truncated or changed while it was read.`, {
    expected: `${expected} bytes`,
    found: `${found}`,
  })
}

/** A source that holds nothing which would have to be given back; `read` gets what was checked to be within it. */
export function checkedSource(name: string, size: number, read: ByteSource['read']): ByteSource {
  let closed = false
  return {
    name,
    size,
    async read(offset, length, into) {
      if (closed) throw closedError(name)
      checkRead(name, size, offset, length, into)
      return await read(offset, length, into)
    },
    async close() {
      closed = true
    },
  }
}

/** A source over bytes in memory; reads without `into` are views of them. */
export function bytesSource(bytes: Uint8Array, name = 'bytes'): ByteSource {
  return checkedSource(name, bytes.length, async (offset, length, into) =>
    inView(bytes.subarray(offset, offset + length), into),
  )
}

/** A source over a Blob or File, which is read lazily. */
export function blobSource(blob: Blob, name = 'name' in blob ? String(blob.name) : 'blob'): ByteSource {
  return checkedSource(name, blob.size, async (offset, length, into) => {
    const bytes = await readSlice(blob, name, offset, length)
    if (bytes.length !== length) throw truncatedError(name, length, bytes.length)
    return inView(bytes, into)
  })
}

/** The bytes, in the view where one is given. */
function inView(bytes: Uint8Array, into: Uint8Array | undefined): Uint8Array {
  into?.set(bytes)
  return into ?? bytes
}

async function readSlice(blob: Blob, name: string, offset: number, length: number): Promise<Uint8Array> {
  try {
    return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer())
  } catch (cause) {
    throw new PocketPhiError('invalid-file', `"${name}" can no longer be read.`, {
      remedy: 'It was changed, moved or removed after it was chosen; choose it again.',
      cause,
    })
  }
}

/**
 * A source over a file of Node.
 * @throws PocketPhiError `not-found` when it cannot be opened, `not-supported` outside Node
 */
export async function fileSource(path: string): Promise<ByteSource> {
  const files = nodeModule('node:fs/promises')
  const paths = nodeModule('node:path')
  if (files === undefined || paths === undefined) {
    throw new PocketPhiError('not-supported', 'Files by path can only be read in Node.', {
      remedy: 'In a browser, open a File or a URL.',
    })
  }
  const name = paths.basename(path)
  const handle = await files.open(path, 'r').catch((cause: unknown) => {
    throw new PocketPhiError('not-found', `The file "${path}" cannot be opened.`, { cause })
  })
  const stat = await handle.stat()
  if (!stat.isFile()) {
    await handle.close()
    throw new PocketPhiError('not-found', `"${path}" is no regular file.`)
  }
  const { size } = stat
  let closed = false
  return {
    name,
    size,
    async read(offset, length, into) {
      if (closed) throw closedError(name)
      checkRead(name, size, offset, length, into)
      const target = into ?? new Uint8Array(length)
      let done = 0
      while (done < length) {
        const part = Math.min(length - done, largestRead)
        const { bytesRead } = await handle.read(target, done, part, offset + done)
        if (bytesRead === 0) throw truncatedError(name, length, done)
        done += bytesRead
      }
      return target
    },
    async close() {
      if (closed) return
      closed = true
      await handle.close()
    },
  }
}
