/** The files of a model, wherever they are: a local folder, blobs of a browser, or the files below a URL. */
import { quoted } from '../base/describe.ts'
import { PocketPhiError } from '../base/errors.ts'
import { nodeModule } from '../base/platform.ts'
import { httpSource, type HttpOptions } from './http.ts'
import { decodeText, parseJson } from './json.ts'
import { blobSource, bytesSource, fileSource, type ByteSource } from './source.ts'

/** Files by name: a folder on disk, of a browser or below a URL, or files in memory. */
export interface FileTree {
  /** For error messages. */
  readonly name: string
  /**
   * The names of the files, sorted; of a folder those directly in it.
   * @throws PocketPhiError `not-supported` for a URL whose file names were not given
   */
  list(): Promise<string[]>
  /** Whether there is a file of this name. */
  has(name: string): Promise<boolean>
  /**
   * @param name relative, parts separated by `/`
   * @throws PocketPhiError `not-found`, or `invalid-argument` for a name that leaves the folder
   */
  open(name: string): Promise<ByteSource>
  /** The whole text of a file: at most 256 MB of valid UTF-8, without a byte order mark. */
  readText(name: string): Promise<string>
  /** A whole JSON file; a key twice in one object is an error. */
  readJson(name: string): Promise<unknown>
}

const largestText = 2 ** 28

/** @throws PocketPhiError `invalid-argument` unless the name stays within its folder on every platform */
function checkName(name: string): void {
  const parts = name.split('/')
  if (/[\\:\0]/.test(name) || parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw new PocketPhiError('invalid-argument', `${quoted(name)} is no name of a file within a model.`, {
      expected: 'a relative path, its parts separated by "/"',
    })
  }
}

interface TreeParts {
  readonly name: string
  list(): Promise<string[]>
  open(name: string): Promise<ByteSource>
}

function treeOf(parts: TreeParts): FileTree {
  const open = async (name: string): Promise<ByteSource> => {
    checkName(name)
    return await parts.open(name)
  }
  const readText = async (name: string): Promise<string> => {
    const source = await open(name)
    try {
      if (source.size > largestText) {
        throw new PocketPhiError('invalid-file', `"${name}" is too large for a text file.`, {
          expected: `at most ${largestText} bytes`,
          found: `${source.size}`,
        })
      }
      return decodeText(await source.read(0, source.size), name).replace(/^\uFEFF/, '')
    } finally {
      await source.close()
    }
  }
  return {
    name: parts.name,
    list: async () => (await parts.list()).sort(),
    open,
    async has(name) {
      try {
        await (await open(name)).close()
        return true
      } catch (error) {
        if (error instanceof PocketPhiError && error.code === 'not-found') return false
        throw error
      }
    },
    readText,
    readJson: async (name) => parseJson(await readText(name), name),
  }
}

/**
 * A folder of Node.
 * @throws PocketPhiError `not-supported` outside Node; `not-found` from `list` when there is no such folder
 */
export function localFolder(path: string): FileTree {
  const files = nodeModule('node:fs/promises')
  const paths = nodeModule('node:path')
  if (files === undefined || paths === undefined) {
    throw new PocketPhiError('not-supported', 'Folders by path can only be read in Node.')
  }
  return treeOf({
    name: path,
    async list() {
      const entries = await files.readdir(path, { withFileTypes: true }).catch((cause: unknown) => {
        throw new PocketPhiError('not-found', `The folder "${path}" cannot be read.`, { cause })
      })
      const isFile = async (name: string): Promise<boolean> => (await files.stat(paths.join(path, name))).isFile()
      const names: string[] = []
      for (const entry of entries) {
        if (entry.isFile() || (entry.isSymbolicLink() && (await isFile(entry.name).catch(() => false)))) {
          names.push(entry.name)
        }
      }
      return names
    },
    open: (name) => fileSource(paths.join(path, name)),
  })
}

function noFile(file: string, folder: string, names: readonly string[]): PocketPhiError {
  return new PocketPhiError('not-found', `There is no file ${quoted(file)} in "${folder}".`, {
    found: names.length === 0 ? 'no files' : names.slice(0, 10).map(quoted).join(', '),
  })
}

/** Files that are at hand: chosen by the user of a browser, or in memory. */
export function memoryFolder(files: ReadonlyMap<string, Blob | Uint8Array>, name = 'files'): FileTree {
  return treeOf({
    name,
    list: async () => [...files.keys()],
    async open(file) {
      const content = files.get(file)
      if (content === undefined) throw noFile(file, name, [...files.keys()])
      return content instanceof Uint8Array ? bytesSource(content, file) : blobSource(content, file)
    },
  })
}

/** The part of FileSystemDirectoryHandle that is used here. */
export interface DirectoryHandle {
  readonly name: string
  /** The names of what is directly in it. */
  keys(): AsyncIterable<string>
  /** A file that is directly in it. */
  getFileHandle(name: string): Promise<{
    /** The file as it is now. */
    getFile(): Promise<File>
  }>
  /** A folder that is directly in it. */
  getDirectoryHandle(name: string): Promise<DirectoryHandle>
}

/** A folder of a browser: of its private file system, or one that the user chose. */
export function handleFolder(handle: DirectoryHandle): FileTree {
  return treeOf({
    name: handle.name,
    async list() {
      const names: string[] = []
      for await (const name of handle.keys()) {
        if (await handle.getFileHandle(name).catch(() => undefined)) names.push(name)
      }
      return names
    },
    async open(name) {
      const parts = name.split('/')
      try {
        let folder = handle
        for (const part of parts.slice(0, -1)) folder = await folder.getDirectoryHandle(part)
        const file = await folder.getFileHandle(parts.at(-1) ?? name)
        return blobSource(await file.getFile(), name)
      } catch (cause) {
        throw new PocketPhiError('not-found', `The file "${name}" cannot be opened in "${handle.name}".`, { cause })
      }
    },
  })
}

/** How the files of a web server are read. */
export interface HttpFolderOptions extends HttpOptions {
  /** What `list` answers, as a web server cannot be asked. */
  readonly files?: readonly string[]
}

/**
 * The files below a URL, whose path is taken as a folder; its query goes with every request. What is read throws
 * `PocketPhiError`s: `not-found`, `not-supported` for a server without ranges, `network`, `invalid-file` for another file than was opened.
 */
export function httpFolder(base: string, options: HttpFolderOptions = {}): FileTree {
  const query = base.indexOf('?')
  const folder = (query < 0 ? base : base.slice(0, query)).replace(/\/+$/, '')
  const search = query < 0 ? '' : base.slice(query)
  return treeOf({
    name: base,
    async list() {
      if (options.files !== undefined) return [...options.files]
      throw new PocketPhiError('not-supported', `The files below "${base}" cannot be listed: HTTP has no folders.`, {
        remedy: 'Pass their names as `files`, or open files by name.',
      })
    },
    open: (name) => httpSource(`${folder}/${name.split('/').map(encodeURIComponent).join('/')}${search}`, options),
  })
}
