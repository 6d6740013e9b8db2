/** Files that are chosen or dropped, also those in folders. */

/** A file, and where it lies: its name, after those of the folders that it came in. */
export interface GivenFile {
  readonly name: string
  /** @throws DOMException where it cannot be read */
  readonly open: () => Promise<File>
}

/** Called with what cannot be read; all else is still taken. */
export type ReportUnread = (name: string, error: unknown) => void

export function chosenFiles(files: Iterable<File>): GivenFile[] {
  return Array.from(files, (file) => ({
    name: file.webkitRelativePath || file.name,
    open: () => Promise.resolve(file),
  }))
}

/**
 * What was dropped, with all that is in folders among it but what is hidden there. To be called while the event is
 * handled: the browser forgets what was dropped when that is over.
 */
export async function droppedFiles({ items, files }: DataTransfer, report: ReportUnread): Promise<GivenFile[]> {
  const given = chosenFiles(files)
  const entries = Array.from(items, (item) => item.webkitGetAsEntry()).filter((entry) => entry !== null)
  // What was made by a script has no entries.
  if (!entries.some(({ isDirectory }) => isDirectory)) return given
  return (await Promise.all(entries.map((entry) => filesUnder(entry, report)))).flat()
}

/** Of folders, whose names begin with a dot, and packages that somebody has installed. */
export function isHidden(name: string): boolean {
  return name.startsWith('.') || name === 'node_modules'
}

async function filesUnder(entry: FileSystemEntry, report: ReportUnread): Promise<GivenFile[]> {
  const name = entry.fullPath.replace(/^\//, '')
  if (isFile(entry)) {
    return [{ name, open: () => new Promise((resolve, reject) => entry.file(resolve, reject)) }]
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  const files: GivenFile[] = []
  try {
    for (;;) {
      // Some entries at a time, until there are no more.
      const entries = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
      if (entries.length === 0) return files
      const seen = entries.filter((found) => !isHidden(found.name))
      for (const found of await Promise.all(seen.map((one) => filesUnder(one, report)))) files.push(...found)
    }
  } catch (error) {
    report(name, error)
    return files
  }
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile
}
