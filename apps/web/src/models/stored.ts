/** Models that are kept in the private file system of this page: one folder each, with the files and a manifest. */
import type { RemoteFile } from 'pocket-phi/hub'

export interface StoredFile extends RemoteFile {
  /** Its name in the folder: that on the hub without folders. */
  readonly local: string
  /** Whether it is here and was verified by its checksum. */
  readonly isWhole: boolean
}

export interface Manifest {
  /** As on the hub: ORG/NAME, ORG/NAME:FILE … */
  readonly name: string
  readonly repository: string
  readonly commit: string
  readonly files: readonly StoredFile[]
}

export interface StoredModel extends Manifest {
  readonly bytes: number
  /** Bytes that are here already. */
  readonly received: number
  readonly isWhole: boolean
  /** The GGUF file, of a split one the first part; undefined for safetensors. */
  readonly weightsFile: string | undefined
}

/** A folder that does not say what is in it, by its name; all that can be done with it is to remove it. */
export interface BrokenFolder {
  readonly name: string
  readonly bytes: number
}

const topFolder = 'models'
const manifestFile = 'manifest.json'
/** The manifest while it is being written. */
const draftFile = 'manifest.json.new'

export async function modelsFolder(): Promise<FileSystemDirectoryHandle | undefined> {
  const top = await navigator.storage.getDirectory()
  return await top.getDirectoryHandle(topFolder).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'NotFoundError') return undefined
    throw error
  })
}

/** The name of a model's folder. Two models may have the same one (`a/b@c` and `a/b:c`): whose it is says its manifest. */
export function folderOf(name: string): string {
  return name.replaceAll(/[^\w.-]+/g, '--')
}

/** @returns the folder of a model, which is there from now on */
export async function makeFolder(name: string): Promise<FileSystemDirectoryHandle> {
  const top = await (await navigator.storage.getDirectory()).getDirectoryHandle(topFolder, { create: true })
  return await top.getDirectoryHandle(folderOf(name), { create: true })
}

export async function openFolder(name: string): Promise<FileSystemDirectoryHandle | undefined> {
  return await (await modelsFolder())?.getDirectoryHandle(folderOf(name)).catch(() => undefined)
}

/** @returns undefined where there is none that can be read; the files are then verified anew */
export async function readManifest(folder: FileSystemDirectoryHandle): Promise<Manifest | undefined> {
  try {
    const file = await (await folder.getFileHandle(manifestFile)).getFile()
    const manifest: unknown = JSON.parse(await file.text())
    return isManifest(manifest) ? { ...manifest, files: await checkedFiles(folder, manifest) } : undefined
  } catch {
    return undefined
  }
}

/** Whether this page may have written it: of its own files only those are told apart that were cut off or overwritten. */
function isManifest(value: unknown): value is Manifest {
  return (
    typeof value === 'object' && value !== null && 'name' in value && 'files' in value && Array.isArray(value.files)
  )
}

/** What was whole may have been cut off since, by whoever cleared this device. */
async function checkedFiles(folder: FileSystemDirectoryHandle, { files }: Manifest): Promise<StoredFile[]> {
  const check = async (file: StoredFile): Promise<StoredFile> => {
    return { ...file, isWhole: file.isWhole && (await sizeOf(folder, file.local)) === file.size }
  }
  return await Promise.all(files.map(check))
}

/** The manifest that was there stays until the new one is whole. */
export async function writeManifest(folder: FileSystemDirectoryHandle, manifest: Manifest): Promise<void> {
  const file = await folder.getFileHandle(draftFile, { create: true })
  const handle = await openForWriting(file)
  try {
    handle.truncate(0)
    handle.write(new TextEncoder().encode(JSON.stringify(manifest)), { at: 0 })
    handle.flush()
  } finally {
    handle.close()
  }
  await (file as unknown as MovableFile).move(manifestFile)
}

/** What files of the private file system can do in all browsers; TypeScript does not know it yet. */
interface MovableFile {
  move(name: string): Promise<void>
}

/** What workers can do with a file of the private file system; TypeScript has it only where there is no page. */
export interface SyncAccessHandle {
  read(into: Uint8Array, options: { at: number }): number
  write(bytes: Uint8Array, options: { at: number }): number
  truncate(size: number): void
  getSize(): number
  flush(): void
  close(): void
}

export async function openForWriting(file: FileSystemFileHandle): Promise<SyncAccessHandle> {
  return await (file as unknown as { createSyncAccessHandle(): Promise<SyncAccessHandle> }).createSyncAccessHandle()
}

/** Bytes of a file as it is kept; 0 where there is none. */
export async function sizeOf(folder: FileSystemDirectoryHandle, name: string): Promise<number> {
  try {
    return (await (await folder.getFileHandle(name)).getFile()).size
  } catch {
    return 0
  }
}

export async function describeStored(folder: FileSystemDirectoryHandle): Promise<StoredModel | undefined> {
  const manifest = await readManifest(folder)
  if (manifest === undefined) return undefined
  const { files } = manifest
  return {
    ...manifest,
    bytes: sum(files.map(({ size }) => size)),
    received: sum(await Promise.all(files.map(({ local }) => sizeOf(folder, local)))),
    isWhole: files.every(({ isWhole }) => isWhole),
    weightsFile: files.find(({ local }) => /\.gguf$/i.test(local))?.local,
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

async function describeBroken(folder: FileSystemDirectoryHandle): Promise<BrokenFolder> {
  const sizes: number[] = []
  for await (const name of folder.keys()) sizes.push(await sizeOf(folder, name))
  return { name: folder.name, bytes: sum(sizes) }
}

export interface Stored {
  readonly models: readonly StoredModel[]
  readonly broken: readonly BrokenFolder[]
}

export async function listStored(): Promise<Stored> {
  const top = await modelsFolder()
  const models: StoredModel[] = []
  const broken: BrokenFolder[] = []
  if (top === undefined) return { models, broken }
  for await (const handle of top.values()) {
    if (handle.kind !== 'directory') continue
    const model = await describeStored(handle)
    if (model === undefined) broken.push(await describeBroken(handle))
    else models.push(model)
  }
  return { models: models.sort((a, b) => a.name.localeCompare(b.name)), broken }
}
