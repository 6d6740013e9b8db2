import { describe, expect, it } from 'vitest'
import { droppedFiles } from './given-files.ts'

/** As browsers give it; undefined for a file whose bytes cannot be had. */
function fileEntry(fullPath: string, text: string | undefined): FileSystemEntry {
  const name = fullPath.slice(fullPath.lastIndexOf('/') + 1)
  const give = (resolve: (file: File) => void, reject: (error: Error) => void): void => {
    if (text === undefined) reject(new DOMException('gone', 'NotFoundError'))
    else resolve(new File([text], name))
  }
  return { isFile: true, isDirectory: false, name, fullPath, file: give } as unknown as FileSystemEntry
}

/** Gives one entry at a time, then fails where a failure is named. */
function folderEntry(fullPath: string, entries: readonly FileSystemEntry[], failure?: Error): FileSystemEntry {
  const left = [...entries]
  const readEntries = (resolve: (found: FileSystemEntry[]) => void, reject: (error: Error) => void): void => {
    if (left.length === 0 && failure !== undefined) reject(failure)
    else resolve(left.splice(0, 1))
  }
  const name = fullPath.slice(fullPath.lastIndexOf('/') + 1)
  const createReader = (): unknown => ({ readEntries })
  return { isFile: false, isDirectory: true, name, fullPath, createReader } as unknown as FileSystemEntry
}

function dropOf(entry: FileSystemEntry): DataTransfer {
  return { items: [{ webkitGetAsEntry: () => entry }], files: [] } as unknown as DataTransfer
}

describe('dropped folders', () => {
  it('lose neither to a file that cannot be read nor to a folder what else is in them', async () => {
    const denied = new DOMException('denied', 'NotReadableError')
    const drop = dropOf(
      folderEntry('/notes', [
        fileEntry('/notes/first.txt', 'one'),
        fileEntry('/notes/gone.txt', undefined),
        folderEntry('/notes/closed', [fileEntry('/notes/closed/seen.txt', 'two')], denied),
        folderEntry('/notes/.git', [fileEntry('/notes/.git/config', 'hidden')]),
        fileEntry('/notes/last.txt', 'three'),
      ]),
    )
    const unread: [string, unknown][] = []
    const given = await droppedFiles(drop, (name, error) => unread.push([name, error]))
    expect(given.map(({ name }) => name)).toEqual([
      'notes/first.txt',
      'notes/gone.txt',
      'notes/closed/seen.txt',
      'notes/last.txt',
    ])
    expect(unread).toEqual([['notes/closed', denied]])
    const texts = await Promise.allSettled(given.map(async ({ open }) => await (await open()).text()))
    const values = texts.map((text) => (text.status === 'fulfilled' ? text.value : text.reason.name))
    expect(values).toEqual(['one', 'NotFoundError', 'two', 'three'])
  })
})
