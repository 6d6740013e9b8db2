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

const topFolder = 'models'
const manifestFile = 'manifest.json'

/** @param create makes the folder where there is none */
export async function modelsFolder(create = false): Promise<FileSystemDirectoryHandle | undefined> {
  const top = await navigator.storage.getDirectory()
  return await top.getDirectoryHandle(topFolder, { create }).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'NotFoundError') return undefined
    throw error
  })
}

/** The name of a model's folder. */
export function folderOf(name: string): string {
  return name.replaceAll(/[^\w.-]+/g, '--')
}

export async function openFolder(name: string): Promise<FileSystemDirectoryHandle | undefined> {
  return await (await modelsFolder())?.getDirectoryHandle(folderOf(name)).catch(() => undefined)
}

export async function readManifest(folder: FileSystemDirectoryHandle): Promise<Manifest | undefined> {
  try {
    const file = await (await folder.getFileHandle(manifestFile)).getFile()
    return JSON.parse(await file.text()) as Manifest
  } catch {
    // None, or one that was being written when the device went off: the files are verified anew.
    return undefined
  }
}

export async function writeManifest(folder: FileSystemDirectoryHandle, manifest: Manifest): Promise<void> {
  const handle = await openForWriting(await folder.getFileHandle(manifestFile, { create: true }))
  try {
    const bytes = new TextEncoder().encode(JSON.stringify(manifest))
    handle.truncate(0)
    handle.write(bytes, { at: 0 })
    handle.flush()
  } finally {
    handle.close()
  }
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
  const sizes = await Promise.all(manifest.files.map(({ local }) => sizeOf(folder, local)))
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
  return {
    ...manifest,
    bytes: sum(manifest.files.map(({ size }) => size)),
    received: sum(sizes),
    isWhole: manifest.files.every(({ isWhole }) => isWhole),
    weightsFile: manifest.files.find(({ local }) => /\.gguf$/i.test(local))?.local,
  }
}

export async function listStored(): Promise<StoredModel[]> {
  const top = await modelsFolder()
  const stored: StoredModel[] = []
  if (top === undefined) return stored
  for await (const handle of top.values()) {
    const model = handle.kind === 'directory' ? await describeStored(handle) : undefined
    if (model !== undefined) stored.push(model)
  }
  return stored.sort((a, b) => a.name.localeCompare(b.name))
}
