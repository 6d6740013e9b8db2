import { PocketPhiError } from './errors.ts'

/** The oldest Node that has what these sources use. */
export const oldestNode = 24

/**
 * The one place that asks where we run. Node's own modules are reached through `process.getBuiltinModule`, which no
 * bundler sees, so that the same sources work in Node and in a browser bundle.
 */
interface NodeProcess {
  readonly platform: string
  readonly versions: Readonly<Record<string, string | undefined>>
  readonly env: Readonly<Record<string, string | undefined>>
  dlopen(module: object, file: string): void
  getBuiltinModule?<Name extends keyof NodeModules>(name: Name): NodeModules[Name]
}

interface NodeModules {
  'node:crypto': typeof import('node:crypto')
  'node:fs': typeof import('node:fs')
  'node:fs/promises': typeof import('node:fs/promises')
  'node:module': typeof import('node:module')
  'node:os': typeof import('node:os')
  'node:path': typeof import('node:path')
  'node:sqlite': typeof import('node:sqlite')
  'node:url': typeof import('node:url')
  'node:worker_threads': typeof import('node:worker_threads')
}

/** One of Node's modules, or undefined where there is no Node. */
export function nodeModule<Name extends keyof NodeModules>(name: Name): NodeModules[Name] | undefined {
  const host = (globalThis as { process?: NodeProcess }).process
  return host?.getBuiltinModule?.(name)
}

/** Whether this is Node (or a runtime that offers Node's modules). */
export function isNode(): boolean {
  return nodeModule('node:fs') !== undefined
}

/**
 * Refuses a Node in which some function would be missing sooner or later.
 *
 * @param version that of Node; undefined where there is none
 * @throws PocketPhiError `not-supported`
 */
export function checkNode(version = (globalThis as { process?: NodeProcess }).process?.versions['node']): void {
  if (version === undefined || Number(version.split('.')[0]) >= oldestNode) return
  throw new PocketPhiError('not-supported', 'Pocket Phi does not run in this version of Node.', {
    expected: `Node ${oldestNode} or newer`,
    found: `Node ${version}`,
    remedy: `Install a newer Node (https://nodejs.org), or one for your project, which its npm scripts and npx then use: npm install node@${oldestNode}`,
  })
}

/** `linux`, `darwin`, `win32` …; undefined where there is no Node. */
export function nodePlatform(): string | undefined {
  return isNode() ? (globalThis as { process?: NodeProcess }).process?.platform : undefined
}

/**
 * Whether the dynamic linker finds a native library by this name, as a module for Node that needs it will. Silent, unlike most of those
 * modules: Node opens the library and then complains that it is no module of its own, which is the answer.
 */
export function hasNativeLibrary(name: string): boolean {
  try {
    ;(globalThis as { process?: NodeProcess }).process?.dlopen({ exports: {} }, name)
    return true
  } catch (error) {
    return error instanceof Error && error.message.includes('did not self-register')
  }
}

/** A variable of the environment; undefined where there is none. */
export function environmentVariable(name: string): string | undefined {
  return (globalThis as { process?: NodeProcess }).process?.env[name]
}
