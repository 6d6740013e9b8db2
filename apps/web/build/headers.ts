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

function workerPolicy(connect: string): string {
  return policy({
    'default-src': `'none'`,
    'script-src': `'self' 'wasm-unsafe-eval'`,
    'connect-src': connect,
    'worker-src': `'self'`,
  })
}

function policy(directives: Readonly<Record<string, string>>): string {
  return Object.entries(directives)
    .map(([name, value]) => `${name} ${value}`)
    .join('; ')
}

function policyOf(path: string, hub: readonly string[]): string {
  if (downloadsScript.test(path)) return workerPolicy([`'self'`, ...hub].join(' '))
  if (path.endsWith('.js')) return workerPolicy(`'self'`)
  return `${pagePolicy()}; frame-ancestors 'none'`
}

/**
 * @param path of a file of the page
 * @param hub the origins that models are downloaded from
 */
export function headersOf(path: string, hub: readonly string[]): Readonly<Record<string, string>> {
  return {
    // Threads share memory only in a page that is isolated from others.
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
    'cross-origin-resource-policy': 'same-origin',
    'content-security-policy': policyOf(path, hub),
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  }
}
