/**
 * The headers of the page, for our server, for the service worker (which adds them where a static host sends none) and for the
 * policy in index.html. The page and the engine may ask nobody but their own server; only the worker that downloads models may ask the
 * hub, and no conversation ever reaches that worker.
 */

/** The name, within the built page, of the script that downloads models. */
export const downloadsScript = /\/downloads\.worker-[\w-]+\.js$/

/** What the page itself may do. */
export function pagePolicy(): string {
  return policy({
    'default-src': `'none'`,
    'script-src': `'self' 'wasm-unsafe-eval'`,
    'style-src': `'self'`,
    // Pictures of conversations, which are on this device, and nothing from elsewhere.
    'img-src': `'self' blob:`,
    'connect-src': `'self'`,
    'worker-src': `'self'`,
    'manifest-src': `'self'`,
    'base-uri': `'none'`,
    'form-action': `'none'`,
    'require-trusted-types-for': `'script'`,
    'trusted-types': 'default',
  })
}

/** @param connect what the worker may ask */
export function workerPolicy(connect = `'self'`): string {
  return policy({
    'default-src': `'none'`,
    'script-src': `'self' 'wasm-unsafe-eval'`,
    'connect-src': connect,
    'worker-src': `'self'`,
  })
}

/** The text of a content security policy. */
export function policy(directives: Readonly<Record<string, string>>): string {
  return Object.entries(directives)
    .map(([name, value]) => `${name} ${value}`)
    .join('; ')
}

function policyOf(path: string, hub: readonly string[]): string {
  if (downloadsScript.test(path)) return workerPolicy([`'self'`, ...hub].join(' '))
  if (path.endsWith('.js')) return workerPolicy()
  return `${pagePolicy()}; frame-ancestors 'none'`
}

/** Whether the name of a file has a hash, so that it never changes its content. */
export function isNamedByContent(path: string): boolean {
  return /\/assets\/[^/]+-[\w-]{8}\.\w+$/.test(path)
}

/** What every file is sent with, whatever its own policy. */
export const commonHeaders = {
  // Threads share memory only in a page that is isolated from others.
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
} as const

/** The headers of a file, by its path. */
export type HeadersOf = (path: string) => Readonly<Record<string, string>>

/** The headers of the files of the chat page. @param hub the origins that models are downloaded from */
export function headersFor(hub: readonly string[]): HeadersOf {
  return (path) => ({ ...commonHeaders, 'content-security-policy': policyOf(path, hub) })
}
