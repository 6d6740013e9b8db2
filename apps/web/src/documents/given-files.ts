/** Files that are chosen or dropped, also those in folders. */

/** A file, and where it lies: its name, after those of the folders that it came in. */
export interface GivenFile {
  readonly name: string
  readonly file: File
}

export function chosenFiles(files: Iterable<File>): GivenFile[] {
  return Array.from(files, (file) => ({ name: file.webkitRelativePath || file.name, file }))
}

/**
 * What was dropped, with all that is in folders among it but what is hidden there. To be called while the event is handled: the browser forgets what was dropped when that is over.
 *
 * @throws DOMException where a folder cannot be read
 */
export async function droppedFiles({ items, files }: DataTransfer): Promise<GivenFile[]> {
  const given = chosenFiles(files)
  const entries = Array.from(items, (item) => item.webkitGetAsEntry()).filter((entry) => entry !== null)
  // What was made by a script has no entries.
  if (!entries.some(({ isDirectory }) => isDirectory)) return given
  return (await Promise.all(entries.map(filesUnder))).flat()
}

/** Of folders, whose names begin with a dot, and packages that somebody has installed. */
export function isHidden(name: string): boolean {
  return name.startsWith('.') || name === 'node_modules'
}

async function filesUnder(entry: FileSystemEntry): Promise<GivenFile[]> {
  if (isFile(entry)) {
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject))
    return [{ name: entry.fullPath.replace(/^\//, ''), file }]
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  const files: GivenFile[] = []
  for (;;) {
    // Some entries at a time, until there are no more.
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (entries.length === 0) return files
    const seen = entries.filter(({ name }) => !isHidden(name))
    for (const found of await Promise.all(seen.map(filesUnder))) files.push(...found)
  }
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile
}
