/** Whether a disk has room for what is to be written (Node only), asked before hours of writing instead of after. */
import { PocketPhiError } from '../base/errors.ts'
import { nodeModule } from '../base/platform.ts'

/** Bytes that this user may still write where a path is or would be. */
export type FreeBytes = (path: string) => Promise<number>

/**
 * What the file system of a path has free, by its nearest folder that exists.
 * @throws PocketPhiError `not-supported` outside Node; errors of the system
 */
export const freeBytesAt: FreeBytes = async (path) => {
  const files = nodeModule('node:fs/promises')
  const paths = nodeModule('node:path')
  if (files === undefined || paths === undefined) {
    throw new PocketPhiError('not-supported', 'The space on a disk is only known in Node.')
  }
  for (let folder = paths.resolve(path); ; folder = paths.dirname(folder)) {
    try {
      const { bavail, bsize } = await files.statfs(folder)
      return bavail * bsize
    } catch (error) {
      if (folder === paths.dirname(folder)) throw error
    }
  }
}

/**
 * @param path of the file or folder that will be written
 * @param needed bytes
 * @throws PocketPhiError `out-of-memory` naming what is needed and what is there
 */
export async function checkDiskSpace(path: string, needed: number, freeBytes: FreeBytes = freeBytesAt): Promise<void> {
  const free = await freeBytes(path)
  if (needed <= free) return
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(3)} GB`
  throw new PocketPhiError('out-of-memory', `There is not enough room on the disk for "${path}".`, {
    expected: `${gigabytes(needed)} free`,
    found: gigabytes(free),
    remedy: 'Free some space, or choose a folder on another disk.',
  })
}
