/**
 * Keeps a page on this device: everything that it is made of is stored at the first visit and answered from there ever after,
 * with the headers that isolate it and hold it to its policy, whatever the host sends. Requests to other origins (downloads of
 * models) pass by untouched.
 */
import { isNamedByContent, type HeadersOf } from '../../build/headers.ts'

declare const self: ServiceWorkerGlobalScope

export interface KeptPage {
  /** What its caches are called. Has no blanks. */
  readonly name: string
  /** Changes with any of the files. */
  readonly version: string
  /** The files of this version by their addresses below the service worker, with their digests in the form of `integrity`. */
  readonly files: Readonly<Record<string, string>>
  /** The address that is answered for one that is navigated to. */
  readonly pageFor: (address: URL, scope: URL) => string
  readonly headersOf: HeadersOf
}

/** To be called while the script of the service worker first runs. */
export function keep({ name, version, files, pageFor, headersOf }: KeptPage): void {
  const scope = new URL('./', self.location.href)
  // Caches belong to the origin, where other copies of the page may lie in other folders. A path has no blanks.
  const prefix = `${name} ${scope.pathname} `
  const cacheName = `${prefix}${version}`

  /**
   * Brings a file as it was built. While a new version spreads over a host, some of its files are still those of the one before:
   * an index.html among them would name scripts that are no more.
   *
   * @throws TypeError where the host has none, or another one
   */
  const bring = async (url: URL, integrity: string): Promise<Response> => {
    // What the page has loaded just now is taken from the browser's own cache; where a name says nothing of the version, the host
    // is asked whether it is still the same.
    try {
      return await fetch(url, { integrity, cache: isNamedByContent(url.pathname) ? 'default' : 'no-cache' })
    } catch {
      // That cache may itself have come from a host amid a change.
      return await fetch(url, { integrity, cache: 'reload' })
    }
  }

  /** Stores this version, whole or not at all: where that fails the version before stays, and the next visit tries again. */
  const store = async (): Promise<void> => {
    const brought = await Promise.all(
      Object.entries(files).map(async ([file, integrity]) => {
        const url = new URL(file, scope)
        return [url, await bring(url, integrity)] as const
      }),
    )
    const cache = await caches.open(cacheName)
    await Promise.all(brought.map(([url, response]) => cache.put(url, response)))
  }

  const forgetOthers = async (): Promise<void> => {
    const names = await caches.keys()
    await Promise.all(
      names.filter((other) => other.startsWith(prefix) && other !== cacheName).map((other) => caches.delete(other)),
    )
    await self.clients.claim()
  }

  const answer = async (request: Request): Promise<Response> => {
    const cache = await caches.open(cacheName)
    const asked = request.mode === 'navigate' ? pageFor(new URL(request.url), scope) : request.url
    const stored = await cache.match(asked, {
      ignoreSearch: true,
      // Hosts that compress vary by headers that requests of the page do not share.
      ignoreVary: true,
    })
    const response = stored ?? (await fetch(request))
    // An answer without a body or a status of its own is passed on as it is.
    if (response.type === 'opaqueredirect' || response.type === 'error' || response.status === 304) return response
    const headers = new Headers(response.headers)
    for (const [header, value] of Object.entries(headersOf(new URL(asked).pathname))) headers.set(header, value)
    const { status, statusText } = response
    return new Response(response.body, { status, statusText, headers })
  }

  self.addEventListener('install', (event) => event.waitUntil(store()))
  self.addEventListener('activate', (event) => event.waitUntil(forgetOthers()))
  self.addEventListener('message', ({ data }) => {
    if (data === 'take-over') void self.skipWaiting()
  })
  self.addEventListener('fetch', (event) => {
    const { request } = event
    const url = new URL(request.url)
    if (request.method === 'GET' && url.origin === scope.origin && url.pathname.startsWith(scope.pathname)) {
      event.respondWith(answer(request))
    }
  })
}
