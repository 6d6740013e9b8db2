/**
 * Files and folders that are there completely or not at all (Node only). Everything is written under a temporary name in
 * the same folder, synchronised to the disk, and then renamed: whenever the process or the machine dies, a reader finds
 * the old state or the new one, never a torn one. What a dead process left behind is removed by `cleanTemporaries`.
 *
 * A file replaces its predecessor in one step. POSIX cannot do that for folders, so the old folder is renamed aside first: in
 * that instant it is found by `currentFolder`. A reader that opens the files of a folder one by one while it is
 * replaced may meet both states; a checkpoint that is written while others read gets a new name instead.
 */
import { PocketPhiError } from '../base/errors.ts'
import { nodeModule } from '../base/platform.ts'
import { isAlive } from '../base/process-alive.ts'
import { type ByteChunks } from './safetensors-writer.ts'

export type FileOperation = 'write' | 'sync' | 'rename' | 'remove'

/** Lets a test die before any operation: what `before` throws ends the work as a crash would. */
export interface FaultInjector {
  before(operation: FileOperation, path: string): void | Promise<void>
}

export interface AtomicOptions {
  readonly faults?: FaultInjector
}

/** What may be written: bytes, text (UTF-8), or chunks. */
export type FileData = Uint8Array | string | ByteChunks

/** A folder that is being filled. */
export interface AtomicFolder {
  /**
   * Writes and synchronises one file.
   * @param name without separators
   */
  readonly writeFile: (name: string, data: FileData) => Promise<void>
}

interface Context {
  readonly files: NonNullable<ReturnType<typeof nodeModule<'node:fs/promises'>>>
  readonly paths: NonNullable<ReturnType<typeof nodeModule<'node:path'>>>
  readonly before: (operation: FileOperation, path: string) => Promise<void>
}

type Mark = 'tmp' | 'old' | 'scratch'

/**
 * A name with the process that made it and a random number: `model.tmp-4711-3`; `.old-` for a folder on its way out,
 * `.scratch-` for what is needed only meanwhile.
 */
const temporaryName = /^(.+)\.(tmp|old|scratch)-(\d+)-(\d+)$/s

/** Temporaries that this thread is writing now. */
const active = new Set<string>()

function contextOf(options: AtomicOptions): Context {
  const files = nodeModule('node:fs/promises')
  const paths = nodeModule('node:path')
  if (files === undefined || paths === undefined) {
    throw new PocketPhiError('not-supported', 'Files can only be written in Node.')
  }
  return {
    files,
    paths,
    before: async (operation, path) => {
      await options.faults?.before(operation, path)
    },
  }
}

/** Turns the errors of the system into ours and lets all others through. */
export function systemError(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return error
  const codes: Readonly<Record<string, 'not-found' | 'out-of-memory'>> = {
    ENOENT: 'not-found',
    ENOSPC: 'out-of-memory',
    EDQUOT: 'out-of-memory',
  }
  const code = codes[String(error.code)] ?? 'invalid-argument'
  // Without the call and its path, which is that of a temporary.
  const reason = error.message.replace(/, \w+(?: '.*)?$/s, '')
  return new PocketPhiError(code, `"${path}" cannot be written: ${reason}.`, {
    remedy: code === 'out-of-memory' ? 'Free some space on the disk.' : 'Check that the folder exists and is writable.',
    cause: error,
  })
}

function processId(): number {
  return globalThis.process.pid
}

/**
 * Runs with a fresh temporary path, which `cleanTemporaries` of this thread leaves alone meanwhile, and removes what is left
 * there when the action fails. Errors of the system become ours.
 */
async function withTemporary(
  context: Context,
  path: string,
  action: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = markedPath(path, 'tmp')
  active.add(temporary)
  try {
    await action(temporary)
  } catch (error) {
    await remove(context, temporary).catch(() => undefined)
    throw systemError(path, error)
  } finally {
    active.delete(temporary)
  }
}

/** The number is random because the threads of a process share its id. */
function markedPath(path: string, mark: Mark): string {
  return `${path}.${mark}-${processId()}-${Math.floor(Math.random() * 2 ** 48)}`
}

async function remove(context: Context, path: string): Promise<void> {
  await context.before('remove', path)
  await context.files.rm(path, { recursive: true, force: true })
}

async function rename(context: Context, from: string, to: string): Promise<void> {
  await context.before('rename', to)
  await context.files.rename(from, to)
}

/** Makes renames in a folder durable. Windows cannot open folders and needs no such thing. */
async function syncFolder(context: Context, folder: string): Promise<void> {
  await context.before('sync', folder)
  if (context.paths.sep === '\\') return
  const handle = await context.files.open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function chunksOf(data: FileData): ByteChunks {
  if (typeof data === 'string') return [new TextEncoder().encode(data)]
  return data instanceof Uint8Array ? [data] : data
}

/** Writes a new file and synchronises it. */
async function writeNew(context: Context, path: string, data: FileData): Promise<void> {
  await context.before('write', path)
  const handle = await context.files.open(path, 'wx')
  try {
    for await (const chunk of chunksOf(data)) {
      await context.before('write', path)
      await handle.writeFile(chunk)
    }
    await context.before('sync', path)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * Writes a file so that its path holds the old contents or the new ones, whatever happens.
 * @throws PocketPhiError `not-found` without the folder, `out-of-memory` for a full disk, `not-supported` outside Node; what
 * the chunks throw. The path keeps its old contents then.
 */
export async function writeFileAtomic(path: string, data: FileData, options: AtomicOptions = {}): Promise<void> {
  const context = contextOf(options)
  const target = context.paths.resolve(path)
  await withTemporary(context, target, async (temporary) => {
    await writeNew(context, temporary, data)
    await rename(context, temporary, target)
    await syncFolder(context, context.paths.dirname(target))
  })
}

/**
 * Fills a new folder and gives it its name when all is written, so that the path holds a whole folder or none.
 *
 * @param fill writes the files; when it throws, nothing is left
 * @param options with `replace`, a folder of that name is replaced: until the new one is in place, the old one is found by
 * `currentFolder`
 * @throws PocketPhiError `invalid-argument` when the folder exists and is not to be replaced, and as `writeFileAtomic`
 */
export async function writeFolderAtomic(
  path: string,
  fill: (folder: AtomicFolder) => Promise<void>,
  options: AtomicOptions & { readonly replace?: boolean } = {},
): Promise<void> {
  const context = contextOf(options)
  const target = context.paths.resolve(path)
  if (options.replace !== true && (await currentFolder(path)) !== undefined) {
    throw new PocketPhiError('invalid-argument', `The folder "${path}" exists already.`, {
      remedy: 'Choose another name, or allow it to be replaced.',
    })
  }
  await withTemporary(context, target, async (temporary) => {
    await context.before('write', temporary)
    await context.files.mkdir(temporary)
    await fill({ writeFile: (name, data) => writeNew(context, memberPath(context, temporary, name), data) })
    await syncFolder(context, temporary)
    await moveIn(context, temporary, target)
  })
}

/**
 * Runs with an empty folder beside a path, for what is needed until that is written, and removes it.
 * @throws PocketPhiError as `writeFileAtomic`; what the work throws
 */
export async function withScratchFolder<T>(path: string, work: (folder: string) => Promise<T>): Promise<T> {
  const context = contextOf({})
  const folder = markedPath(context.paths.resolve(path), 'scratch')
  active.add(folder)
  try {
    await context.files.mkdir(folder).catch((error: unknown) => {
      throw systemError(path, error)
    })
    return await work(folder)
  } finally {
    await remove(context, folder)
    active.delete(folder)
  }
}

/** Puts a whole folder in the place of another, if there is one, and removes that. */
async function moveIn(context: Context, from: string, target: string): Promise<void> {
  const stale = await oldFolders(context, target)
  const aside = markedPath(target, 'old')
  active.add(aside)
  try {
    if (await exists(context, target)) {
      // What an interrupted replacement left must not be found while the path is empty.
      for (const old of stale.splice(0)) await discard(context, old)
      await rename(context, target, aside)
      stale.push(aside)
    }
    await rename(context, from, target).catch(async (error: unknown) => {
      if (stale.includes(aside)) await rename(context, aside, target).catch(() => undefined)
      throw error
    })
    await syncFolder(context, context.paths.dirname(target))
    for (const old of stale) await discard(context, old)
  } finally {
    active.delete(aside)
  }
}

function memberPath(context: Context, folder: string, name: string): string {
  if (/[\\/:\0]/.test(name) || name === '' || name === '.' || name === '..') {
    throw new PocketPhiError('invalid-argument', `${JSON.stringify(name)} is no name of a file.`)
  }
  return context.paths.join(folder, name)
}

async function exists(context: Context, path: string): Promise<boolean> {
  return await context.files.lstat(path).then(
    () => true,
    () => false,
  )
}

/** Removes an old folder, under a name first by which nobody takes what is left of it for a whole one. */
async function discard(context: Context, old: string): Promise<void> {
  const match = temporaryName.exec(old)
  const doomed = markedPath(match?.[1] ?? old, 'tmp')
  await rename(context, old, doomed)
  await remove(context, doomed)
}

/**
 * Removes a folder so that its path holds all of it or nothing, whatever happens.
 * @throws PocketPhiError `not-found` when there is none, `not-supported` outside Node
 */
export async function removeFolderAtomic(path: string, options: AtomicOptions = {}): Promise<void> {
  const context = contextOf(options)
  try {
    await discard(context, context.paths.resolve(path))
  } catch (error) {
    throw systemError(path, error)
  }
}

/**
 * Where the folder of this path is now: the path itself, or its predecessor while it is being replaced or when a crash
 * interrupted that.
 * @returns undefined when there is none
 */
export async function currentFolder(path: string): Promise<string | undefined> {
  const context = contextOf({})
  const target = context.paths.resolve(path)
  if (await exists(context, target)) return target
  const [old] = await oldFolders(context, target)
  if (old !== undefined) return old
  // A replacement may have ended between the two looks.
  return (await exists(context, target)) ? target : undefined
}

/** What was at this path and was renamed aside. */
async function oldFolders(context: Context, target: string): Promise<string[]> {
  const folder = context.paths.dirname(target)
  const names = await context.files.readdir(folder).catch(() => [])
  const isOld = (name: string): boolean => {
    const match = temporaryName.exec(name)
    return match?.[1] === context.paths.basename(target) && match[2] === 'old'
  }
  return names.filter(isOld).map((name) => context.paths.join(folder, name))
}

/**
 * Removes from a folder what writers that died left in it, and finishes or takes back what they had begun. To be called
 * before a folder is written to. Temporaries of living processes and of this thread stay.
 * @returns the names that were removed or renamed, sorted
 * @throws PocketPhiError `not-found` without the folder, `not-supported` outside Node
 */
export async function cleanTemporaries(folder: string, options: AtomicOptions = {}): Promise<string[]> {
  return await cleanNames(folder, options, () => true)
}

/**
 * The same for one file or folder: its neighbours stay as they are. Nothing to do where there is no folder that it could be in.
 * @throws PocketPhiError as `cleanTemporaries`, but for `not-found`
 */
export async function cleanTemporariesOf(path: string, options: AtomicOptions = {}): Promise<string[]> {
  const context = contextOf(options)
  const target = context.paths.resolve(path)
  const folder = context.paths.dirname(target)
  if (!(await exists(context, folder))) return []
  return await cleanNames(folder, options, (name) => name === context.paths.basename(target))
}

/** @param isMeant whether what writers left of the file or folder of this name is to be removed */
async function cleanNames(
  folder: string,
  options: AtomicOptions,
  isMeant: (name: string) => boolean,
): Promise<string[]> {
  const context = contextOf(options)
  const root = context.paths.resolve(folder)
  try {
    const cleaned: string[] = []
    // In this order an old folder whose successor never came is back before anything is removed.
    for (const name of (await context.files.readdir(root)).sort()) {
      const match = temporaryName.exec(name)
      const path = context.paths.join(root, name)
      if (match === null || !isMeant(match[1] as string) || !isLeftover(path, Number(match[3]))) continue
      const target = context.paths.join(root, match[1] as string)
      if (match[2] !== 'old') await remove(context, path)
      else if (await exists(context, target)) await discard(context, path)
      else await rename(context, path, target)
      cleaned.push(name)
    }
    if (cleaned.length > 0) await syncFolder(context, root)
    return cleaned
  } catch (error) {
    throw systemError(folder, error)
  }
}

function isLeftover(path: string, writer: number): boolean {
  if (active.has(path)) return false
  return writer === processId() || !isAlive(writer)
}
