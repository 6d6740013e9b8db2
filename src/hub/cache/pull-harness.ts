/** What the tests of downloads share: a model, a clock that nobody waits for, and how to look into a cache. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { TestClock } from '../../base/clock-harness.ts'
import type { HubEnvironment } from './environment.ts'
import { HubServer } from '../hub-server-harness.ts'
import { pull, type Pulled, type PullOptions } from './pull.ts'

export const weights = 'model.safetensors'
/** How long they are. */
export const size = 300_000

/** Bytes that repeat nowhere, so that a piece in the wrong place is noticed. */
export function bytesOf(count: number, seed = 1): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < count; at += 32) {
    parts.push(createHash('sha256').update(`${seed}/${at}`).digest())
  }
  return Buffer.concat(parts).subarray(0, count)
}

export function modelFiles(weightBytes = size): Record<string, Buffer> {
  return {
    '.gitattributes': Buffer.from('*.safetensors filter=lfs\n'),
    'README.md': Buffer.from('# A model\n'),
    'config.json': Buffer.from('{"model_type":"phi3"}\n'),
    'tokenizer.json': bytesOf(2000, 2),
    'tokenizer_config.json': Buffer.from(''),
    [weights]: bytesOf(weightBytes),
    'onnx/model.onnx': bytesOf(5000, 3),
  }
}

/** What `phi pull` takes of them. */
export const needed = ['config.json', weights, 'tokenizer.json', 'tokenizer_config.json']

export interface Bench extends AsyncDisposable {
  readonly server: HubServer
  readonly clock: TestClock
  readonly cache: string
  readonly environment: HubEnvironment
  readonly pull: (options?: PullOptions) => Promise<Pulled>
}

/** A hub with a model, and an empty cache. */
export async function bench(files = modelFiles(), more: Partial<HubEnvironment> = {}): Promise<Bench> {
  const server = await HubServer.start(files)
  const folder = await mkdtemp(join(tmpdir(), 'pocket-phi-pull-'))
  const cache = join(folder, 'hub')
  const environment: HubEnvironment = {
    endpoint: server.endpoint,
    cache,
    token: undefined,
    offline: false,
    stallSeconds: 12_345,
    ...more,
  }
  server.keptOf = (name) => blobsOf(cache).partial[server.etag(name)] ?? 0
  const clock = new TestClock(environment.stallSeconds)
  return {
    server,
    clock,
    cache,
    environment,
    pull: (options = {}) => pull('org/model', environment, { clock, ...options }),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}

const rootOf = (cache: string): string => join(cache, 'models--org--model')

/** All paths below a folder that are no folders, sorted, parts separated by `/`. */
function pathsBelow(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort()
}

/** What stands for a content: of contents that differ a test would print every byte. */
const digest = (content: Buffer): string => createHash('sha256').update(content).digest('hex')

/** The files of all snapshots by their name within it; the last of the same name. Contents as digests. */
export function snapshotOf(cache: string): Record<string, string> {
  const folder = join(rootOf(cache), 'snapshots')
  return Object.fromEntries(
    pathsBelow(folder).map((path) => [path.slice(path.indexOf('/') + 1), digest(readFileSync(join(folder, path)))]),
  )
}

export function linksOf(cache: string): Record<string, string> {
  const folder = join(rootOf(cache), 'snapshots')
  return Object.fromEntries(pathsBelow(folder).map((path) => [path, readlinkSync(join(folder, path))]))
}

export function refsOf(cache: string): Record<string, string> {
  const folder = join(rootOf(cache), 'refs')
  return Object.fromEntries(pathsBelow(folder).map((path) => [path, readFileSync(join(folder, path), 'utf8')]))
}

/** Names of blobs, and sizes of what is not complete. */
export function blobsOf(cache: string): { blobs: string[]; partial: Record<string, number> } {
  const folder = join(rootOf(cache), 'blobs')
  const names = pathsBelow(folder)
  return {
    blobs: names.filter((name) => !name.endsWith('.incomplete')),
    partial: Object.fromEntries(
      names
        .filter((name) => name.endsWith('.phi.incomplete') && !name.startsWith('ref-'))
        .flatMap((name) => {
          // It may have become whole since the folder was listed.
          const found = statSync(join(folder, name), { throwIfNoEntry: false })
          return found === undefined ? [] : [[name.replace('.phi.incomplete', ''), found.size] as const]
        }),
    ),
  }
}

/** Everything under a final name has the content that its name promises. */
export function tornFiles(cache: string, files: Readonly<Record<string, Buffer>>): string[] {
  const folder = join(rootOf(cache), 'blobs')
  const torn = blobsOf(cache).blobs.filter((name) => {
    const content = readFileSync(join(folder, name))
    const hash = name.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${content.length}\0`)
    return hash.update(content).digest('hex') !== name
  })
  const wrong = Object.entries(snapshotOf(cache)).filter(
    ([name, content]) => content !== digest(files[name] ?? Buffer.alloc(0)),
  )
  return [...torn, ...wrong.map(([name]) => name)]
}

/** The files that `phi pull` takes, as `snapshotOf` has them. */
export function neededOf(files: Readonly<Record<string, Buffer>>): Record<string, string> {
  const taken = Object.entries(files).filter(([name]) => needed.includes(name))
  return Object.fromEntries(taken.map(([name, content]) => [name, digest(content)]))
}

/** The right files are in place, and nothing else. */
export function expectWhole(hub: Bench, files = modelFiles()): void {
  expect(snapshotOf(hub.cache)).toEqual(neededOf(files))
  expect(tornFiles(hub.cache, files)).toEqual([])
  expect(blobsOf(hub.cache).partial).toEqual({})
  expect(refsOf(hub.cache)).toEqual({ main: hub.server.commit })
}

/** Nothing that is wrong or half has a name under which anyone would take it for whole. */
export function expectNothingTorn(hub: Bench): void {
  expect(tornFiles(hub.cache, modelFiles())).toEqual([])
  expect(snapshotOf(hub.cache)).not.toHaveProperty([weights])
  expect(refsOf(hub.cache)).toEqual({})
}
