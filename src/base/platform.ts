/**
 * The one place that asks where we run. Node's own modules are reached through `process.getBuiltinModule`, which no
 * bundler sees, so that the same sources work in Node and in a browser bundle.
 */
interface NodeProcess {
  readonly platform: string
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
