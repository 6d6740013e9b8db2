/**
 * The layer rules: which room of `src/` may import which, and what a finding looks like. Pure functions, so that a test
 * can show that a violation is caught; `check-layers.ts` applies them to the working tree.
 */
import path from 'node:path'

import { parseSync, Visitor } from 'oxc-parser'

export interface Room {
  /** Rooms that its files may import; what those rooms name may be imported as well. */
  readonly rooms: readonly string[]
  /** Packages that it may import when it runs. Everything else is bundled for the browser, so the list is short. */
  readonly packages?: readonly string[]
  /** Whether it may import `node:*`. All other rooms also run in a browser. */
  readonly node?: boolean
}

/**
 * The one table of the architecture. A key is a path under `src/`; the longest key that fits a file decides. The files
 * directly in `src/` (the public entry points) are the room named by the empty key.
 */
export const rooms: Readonly<Record<string, Room>> = {
  base: { rooms: [] },
  blocks: { rooms: ['base'] },
  formats: { rooms: ['base', 'blocks'] },
  text: { rooms: ['base', 'formats'], packages: ['@huggingface/jinja'] },
  program: { rooms: ['base', 'blocks'] },
  backends: { rooms: ['base', 'blocks', 'program'] },
  models: { rooms: ['base', 'program'] },
  grammar: { rooms: ['base', 'text'] },
  engine: { rooms: ['models', 'backends', 'formats', 'text', 'grammar', 'vision'] },
  quant: { rooms: ['engine'] },
  vision: { rooms: ['base'] },
  jobs: { rooms: ['base'], packages: ['@electric-sql/pglite', 'pg-boss'], node: true },
  endpoint: { rooms: ['base'], packages: ['zod'] },
  data: { rooms: ['engine', 'jobs', 'data/world', 'data/recall'], packages: ['yaml', 'zod'], node: true },
  'data/world': { rooms: ['base', 'search'] },
  'data/recall': { rooms: ['base'] },
  'data/shards': { rooms: ['formats'], node: true },
  'data/documents': { rooms: ['formats'] },
  'data/pipeline': {
    rooms: [
      'data',
      'jobs',
      'formats',
      'text',
      'data/documents',
      'data/pipeline/stages/main-text',
      'data/shards',
      'endpoint',
    ],
    packages: ['eld', 'hyparquet', 'yaml', 'zod'],
    node: true,
  },
  'data/pipeline/stages/main-text': { rooms: ['base'], packages: ['@mozilla/readability', 'linkedom'] },
  train: { rooms: ['engine', 'data', 'data/shards', 'train/step'], packages: ['yaml', 'zod'], node: true },
  'train/step': { rooms: ['engine'] },
  tune: { rooms: ['engine', 'train/step'] },
  make: { rooms: ['data/pipeline', 'train', 'eval'], packages: ['yaml', 'zod'], node: true },
  safety: { rooms: ['make', 'endpoint'], packages: ['zod'], node: true },
  longrope: { rooms: ['engine', 'data', 'train'], packages: ['yaml', 'zod'], node: true },
  sandbox: { rooms: ['base'], packages: ['quickjs-emscripten-core', 'zod'], node: true },
  eval: {
    rooms: ['engine', 'data', 'data/pipeline', 'eval/world', 'endpoint', 'hub', 'sandbox'],
    packages: ['yaml', 'zod'],
    node: true,
  },
  'eval/world': { rooms: ['base', 'data/world', 'search'] },
  hub: { rooms: ['base', 'formats'] },
  'hub/cache': { rooms: ['hub'], node: true },
  search: { rooms: ['base', 'formats'] },
  'search/mcp': { rooms: ['search'], packages: ['@modelcontextprotocol/client'], node: true },
  'search/memory': { rooms: ['search', 'search/reading'], packages: ['minisearch', 'stemmer'] },
  'search/reading': { rooms: ['search', 'data/documents', 'data/pipeline/stages/main-text'] },
  'search/store': { rooms: ['search', 'search/reading', 'data/pipeline'], node: true },
  server: { rooms: ['engine', 'search', 'openai'], packages: ['hono'] },
  'server/page': { rooms: ['server', 'worker'] },
  'server/node': { rooms: ['server'], packages: ['@hono/node-server'], node: true },
  worker: { rooms: ['engine'] },
  openai: { rooms: ['engine'] },
  '': { rooms: ['engine', 'quant', 'search', 'search/memory', 'server', 'server/page', 'worker', 'openai', 'tune'] },
  cli: {
    rooms: [
      '',
      'hub/cache',
      'data/pipeline',
      'server/node',
      'train',
      'longrope',
      'make',
      'safety',
      'eval',
      'sandbox',
      'search/mcp',
      'search/store',
    ],
    packages: ['@clack/prompts', 'commander', 'yaml', 'zod'],
    node: true,
  },
}

/** The one file that names `node:*` types without importing the modules: the bridge to Node. */
const bridge = 'src/base/platform.ts'

/** Tests, and what only they and the workshop use (kernel-harness.ts, kernel-cases.ts, testing.ts). None is shipped. */
const isTest = (file: string): boolean => /(?:\.test|-harness|-cases|\btesting)\.ts$/.test(file)

export interface Import {
  readonly specifier: string
  readonly line: number
  /** `import type`, `typeof import()` and the like: gone when the program runs. */
  readonly typeOnly: boolean
}

/** What a source file imports, re-exports, loads later or names as a type, in the order of the text. */
export function importsOf(file: string, source: string): Import[] {
  const { program, errors } = parseSync(file, source)
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message ?? 'cannot be parsed'}`)
  const found: { specifier: string; start: number; typeOnly: boolean }[] = []
  const add = (literal: { type: string; value?: unknown; start: number }, typeOnly: boolean): void => {
    if (typeof literal.value === 'string') found.push({ specifier: literal.value, start: literal.start, typeOnly })
  }
  new Visitor({
    ImportDeclaration: (node) => add(node.source, node.importKind === 'type'),
    ExportAllDeclaration: (node) => add(node.source, node.exportKind === 'type'),
    ExportNamedDeclaration: (node) => {
      if (node.source !== null) add(node.source, node.exportKind === 'type')
    },
    ImportExpression: (node) => add(node.source, false),
    TSImportType: (node) => add(node.source, true),
    // A worker is loaded by `new URL('./worker.ts', import.meta.url)`.
    NewExpression: (node) => {
      const [target] = node.arguments
      if (node.callee.type !== 'Identifier' || node.callee.name !== 'URL' || target === undefined) return
      if (target.type === 'Literal' && String(target.value).endsWith('.ts')) add(target, false)
    },
  }).visit(program)
  return found
    .sort((a, b) => a.start - b.start)
    .map(({ specifier, start, typeOnly }) => ({ specifier, line: source.slice(0, start).split('\n').length, typeOnly }))
}

/**
 * What is wrong with the imports of one file of `apps/` or `examples/`, one message each: an app is a user of the package like any other and sees
 * only its public entry points.
 *
 * @param entries the entry points, as they are imported: `pocket-phi`, `pocket-phi/worker` …
 */
export function appFaults(file: string, source: string, entries: readonly string[]): string[] {
  const app = file.split('/').slice(0, 2).join('/')
  return importsOf(file, source).flatMap(({ specifier, line }) => {
    const say = (message: string): string[] => [`${file}:${line}: ${message}`]
    if (specifier.startsWith('.')) {
      const target = path.posix.join(path.posix.dirname(file), specifier)
      if (target.startsWith(`${app}/`)) return []
      return say(`'${specifier}' leaves ${app}; import a public entry point of the package`)
    }
    if (packageOf(specifier) !== 'pocket-phi' || entries.includes(specifier)) return []
    return say(`'${specifier}' is no public entry point (there are: ${entries.join(', ')})`)
  })
}

/** The room of a file given by its path from the repository root, or undefined for a folder that has no row. */
export function roomOf(file: string, table: Readonly<Record<string, Room>> = rooms): string | undefined {
  const folders = path.posix.dirname(path.posix.relative('src', file)).split('/')
  if (folders[0] === '.') return ''
  for (let depth = folders.length; depth > 0; depth -= 1) {
    const key = folders.slice(0, depth).join('/')
    if (key in table) return key
  }
  return undefined
}

/** A room, the rooms that its row names, and all that those name in turn. */
export function reachable(room: string, table: Readonly<Record<string, Room>> = rooms): Set<string> {
  const reached = new Set([room])
  for (const next of reached) {
    for (const name of table[next]?.rooms ?? []) reached.add(name)
  }
  return reached
}

/** Rows that name no room, and rooms that reach themselves: mistakes in the table rather than in a file. */
export function tableFaults(table: Readonly<Record<string, Room>> = rooms): string[] {
  const faults: string[] = []
  for (const [room, row] of Object.entries(table)) {
    for (const name of row.rooms) {
      if (!(name in table)) faults.push(`scripts/layers.ts: the row of '${room}' names '${name}', which has no row`)
      else if (reachable(name, table).has(room)) {
        faults.push(`scripts/layers.ts: '${room}' names '${name}', which leads back to '${room}'`)
      }
    }
  }
  return faults
}

const label = (room: string): string => (room === '' ? 'src' : `src/${room}`)
const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

function packageFault(
  file: string,
  room: string,
  { specifier, typeOnly }: Import,
  { packages = [], node = false }: Room,
): string | undefined {
  if (specifier.startsWith('node:')) {
    if (node || (file === bridge && typeOnly)) return undefined
    return `${label(room)} also runs in a browser and may not import '${specifier}'; ask ${bridge} for the module`
  }
  if (packages.includes(packageOf(specifier))) return undefined
  return `${label(room)} may not import the package '${packageOf(specifier)}' (allowed: ${packages.join(', ') || 'none'})`
}

/**
 * What is wrong with the imports of one file of `src/`, one message each. Tests may import anything: they check one layer
 * with the help of others.
 */
export function fileFaults(file: string, source: string, table: Readonly<Record<string, Room>> = rooms): string[] {
  const room = roomOf(file, table)
  const row = room === undefined ? undefined : table[room]
  if (room === undefined || row === undefined) return [`${file}: its folder has no row in scripts/layers.ts; add one`]
  if (isTest(file)) return []
  const allowed = reachable(room, table)
  const faults: string[] = []
  for (const found of importsOf(file, source)) {
    const say = (message: string): unknown => faults.push(`${file}:${found.line}: ${message}`)
    if (!found.specifier.startsWith('.')) {
      const fault = packageFault(file, room, found, row)
      if (fault !== undefined) say(fault)
      continue
    }
    const target = path.posix.join(path.posix.dirname(file), found.specifier)
    const other = target.startsWith('src/') ? roomOf(target, table) : undefined
    if (other === undefined) {
      say(`'${found.specifier}' is in no room of src; shipped code imports only from there`)
    } else if (isTest(target)) {
      say(`'${found.specifier}' is for tests only and is not shipped`)
    } else if (!allowed.has(other)) {
      const others = [...allowed].filter((name) => name !== room).map(label)
      say(`${label(room)} may not import ${label(other)} (allowed: ${others.join(', ') || 'itself only'})`)
    }
  }
  return faults
}
