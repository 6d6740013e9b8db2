/**
 * The second wall, behind that of the interpreter: what a process could still do that Node's permissions (`--permission`) do not
 * cover, which is to use the network and to signal others.
 */
import dgram from 'node:dgram'
import dns from 'node:dns'
import { constants } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import net from 'node:net'

function shut(): never {
  throw new Error('Nothing leaves the sandbox.')
}

/** Replaces every function of an object for good. */
function shutAll(object: object, names: readonly string[] = Object.getOwnPropertyNames(object)): void {
  for (const name of names) {
    const { value }: PropertyDescriptor = Object.getOwnPropertyDescriptor(object, name) ?? {}
    if (name === 'constructor' || typeof value !== 'function') continue
    Object.defineProperty(object, name, { value: shut, writable: false, configurable: false })
  }
}

/**
 * What the permissions grant beyond reading some folders, by name: must be nothing.
 *
 * @returns undefined where the process was started without them
 */
function granted(): readonly string[] | undefined {
  const { permission } = process as { readonly permission?: { has(scope: string): boolean } }
  const scopes = ['fs.read', 'fs.write', 'child', 'worker', 'wasi', 'addon', 'inspector', 'net']
  return permission && scopes.filter((scope) => permission.has(scope))
}

/** Shuts them for good. @throws Error where the permissions of Node are not those of a sandbox */
export function shutDoors(): void {
  const open = granted()
  if (open === undefined || open.length > 0) {
    throw new Error(`The permissions of Node are not closed: ${open?.join(', ') ?? 'there are none'}.`)
  }
  // All that sends goes through these: http, tls and fetch connect sockets of net.
  shutAll(net.Socket.prototype, ['connect'])
  shutAll(net.Server.prototype, ['listen'])
  shutAll(dgram.Socket.prototype)
  shutAll(dns)
  shutAll(dns.promises)
  for (const { Resolver } of [dns, dns.promises]) shutAll(Resolver.prototype)
  shutAll(process, ['kill', '_kill', 'abort', '_debugProcess', '_debugEnd', 'dlopen', 'getBuiltinModule'])
  // Pyodide asks for the flags of files, which is all that there is of the bindings.
  Object.defineProperty(process, 'binding', { value: () => ({ fs: constants }), writable: false, configurable: false })
  for (const name of ['fetch', 'WebSocket', 'EventSource', 'BroadcastChannel', 'Worker']) {
    Object.defineProperty(globalThis, name, { value: undefined, writable: false, configurable: false })
  }
  syncBuiltinESMExports()
}
