import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PocketPhiError } from '../base/errors.ts'
import { handleFolder, httpFolder, localFolder, memoryFolder, type DirectoryHandle, type FileTree } from './tree.ts'
import { rangeServer } from './testing.ts'

const encode = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)
const files = new Map([
  ['b.json', encode('{"a":[1,{"b":"\\"x"}],"c":{"a":2}}')],
  ['a.txt', encode('\ufefftést')],
  ['bad.json', encode('{"a":1,"\\u0061":2}')],
  ['bad.txt', Uint8Array.of(0x61, 0xff)],
  ['sub/deep.txt', encode('deep')],
])
const topLevel = ['a.txt', 'b.json', 'bad.json', 'bad.txt']
let root = ''

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'pocket-phi-tree-'))
  mkdirSync(join(root, 'model', 'sub'), { recursive: true })
  for (const [name, bytes] of files) writeFileSync(join(root, 'model', name), bytes)
  writeFileSync(join(root, 'secret'), 'secret')
})

afterAll(() => {
  rmSync(root, { recursive: true, force: true })
})

async function codeOf(action: () => Promise<unknown>): Promise<string> {
  try {
    await action()
  } catch (error) {
    if (error instanceof PocketPhiError) return error.code
    throw error
  }
  return 'no error'
}

function fakeHandle(name: string, prefix: string): DirectoryHandle {
  return {
    name,
    async *keys() {
      const below = [...files.keys()].filter((file) => file.startsWith(prefix)).map((file) => file.slice(prefix.length))
      yield* new Set(below.map((file) => file.split('/')[0] ?? file))
    },
    async getFileHandle(file) {
      const bytes = files.get(prefix + file)
      if (bytes === undefined) throw new DOMException('no file', 'NotFoundError')
      return { getFile: async () => new File([bytes], file) }
    },
    async getDirectoryHandle(folder) {
      return fakeHandle(folder, `${prefix}${folder}/`)
    },
  }
}

const serveFiles = (url: string, init: RequestInit): Promise<Response> => {
  const bytes = files.get(decodeURIComponent(url.replace('https://host/model/', '').replace('?token=1', '')))
  return bytes === undefined || !url.endsWith('?token=1')
    ? Promise.resolve(new Response(null, { status: 404 }))
    : rangeServer(bytes)(url, init)
}

const trees: readonly [string, () => FileTree, readonly string[]][] = [
  ['a local folder', () => localFolder(join(root, 'model')), topLevel],
  ['memory', () => memoryFolder(files), [...topLevel, 'sub/deep.txt']],
  [
    'blobs',
    () => memoryFolder(new Map([...files].map(([name, bytes]) => [name, new Blob([bytes])]))),
    [...topLevel, 'sub/deep.txt'],
  ],
  ['a folder handle', () => handleFolder(fakeHandle('model', '')), topLevel],
  ['a URL', () => httpFolder('https://host/model/?token=1', { fetch: serveFiles, files: topLevel }), topLevel],
]

describe.each(trees)('%s', (_, make, names) => {
  it('lists, opens and reads its files', async () => {
    const tree = make()
    expect(await tree.list()).toEqual(names)
    expect(await tree.readText('a.txt')).toBe('tést')
    expect(await tree.readText('sub/deep.txt')).toBe('deep')
    expect(await tree.readJson('b.json')).toEqual({ a: [1, { b: '"x' }], c: { a: 2 } })
    const source = await tree.open('a.txt')
    expect(await source.read(3, 1)).toEqual(encode('t'))
    await source.close()
    expect([await tree.has('a.txt'), await tree.has('z.txt')]).toEqual([true, false])
  })

  it('fails with typed errors', async () => {
    const tree = make()
    expect(await codeOf(() => tree.has('../secret'))).toBe('invalid-argument')
    expect(await codeOf(() => tree.open('z.txt'))).toBe('not-found')
    expect(await codeOf(() => tree.readText('bad.txt'))).toBe('invalid-file')
    expect(await codeOf(() => tree.readJson('a.txt'))).toBe('invalid-file')
    expect(await codeOf(() => tree.readJson('bad.json'))).toBe('invalid-file')
    for (const name of ['../secret', '/etc/passwd', 'sub/../a.txt', 'sub//deep.txt', '.', '', 'a\\b', 'c:x', 'a\0']) {
      expect(await codeOf(() => tree.open(name))).toBe('invalid-argument')
    }
  })
})

describe('a URL of a storage service', () => {
  it('lacks the files that it forbids, as these services do not tell the two apart', async () => {
    const tree = httpFolder('https://host/model/?token=1', {
      fetch: (url, init) =>
        url.includes('/z.txt') ? Promise.resolve(new Response('denied', { status: 403 })) : serveFiles(url, init),
    })
    expect([await tree.has('a.txt'), await tree.has('z.txt')]).toEqual([true, false])
  })
})

describe('a local folder', () => {
  it('lists links to files and nothing else', async () => {
    const folder = join(root, 'links')
    mkdirSync(folder)
    symlinkSync(join(root, 'secret'), join(folder, 'to-file'))
    symlinkSync(root, join(folder, 'to-folder'))
    symlinkSync(join(root, 'none'), join(folder, 'to-nothing'))
    expect(await localFolder(folder).list()).toEqual(['to-file'])
    expect(await codeOf(() => localFolder(join(root, 'none')).list())).toBe('not-found')
  })

  it('refuses to read gigabytes as text', async () => {
    const folder = join(root, 'large')
    mkdirSync(folder)
    writeFileSync(join(folder, 'config.json'), '{}')
    truncateSync(join(folder, 'config.json'), 2 ** 31)
    await expect(localFolder(folder).readJson('config.json')).rejects.toThrow(/too large for a text file/)
  })
})

describe('a URL', () => {
  it('cannot list what it was not told', async () => {
    expect(await codeOf(() => httpFolder('https://host').list())).toBe('not-supported')
  })

  it('escapes names', async () => {
    const asked: string[] = []
    const fetch = async (url: string, init: RequestInit): Promise<Response> => {
      asked.push(url)
      return await rangeServer(encode('x'))(url, init)
    }
    await httpFolder('https://host/m', { fetch }).readText('sub/a b?#.txt')
    expect(asked[0]).toBe('https://host/m/sub/a%20b%3F%23.txt')
  })
})
