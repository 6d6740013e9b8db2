/**
 * Keeps the page on this device: everything that it is made of is stored at the first visit and answered from there ever after,
 * with the headers that isolate it and hold it to its policy, whatever the host sends. Requests to other origins (downloads of
 * models) pass by untouched.
 */
import { headersOf } from '../../build/headers.ts'

declare const self: ServiceWorkerGlobalScope
/** Put in by the build. */
declare const HUB_ORIGINS: readonly string[]
declare const PAGE_VERSION: string
/** The files of this version with their digests, in the form of `integrity`. */
declare const PAGE_FILES: Readonly<Record<string, string>>

const scope = new URL('./', self.location.href)
/** Caches belong to the origin, where other copies of the page may lie in other folders. A path has no blanks. */
const prefix = `pocket-phi-page ${scope.pathname} `
const cacheName = `${prefix}${PAGE_VERSION}`

/**
 * Brings a file as it was built. While a new version spreads over a host, some of its files are still those of the one before:
 * an index.html among them would name scripts that are no more.
 *
 * @throws TypeError where the host has none, or another one
 */
async function bring(url: URL, integrity: string): Promise<Response> {
  // What the page has loaded just now is taken from the browser's own cache; where a name says nothing of the version, the host
  // is asked whether it is still the same.
  const isNamedByContent = url.pathname.startsWith(`${scope.pathname}assets/`)
  try {
    return await fetch(url, { integrity, cache: isNamedByContent ? 'default' : 'no-cache' })
  } catch {
    // That cache may itself have come from a host amid a change.
    return await fetch(url, { integrity, cache: 'reload' })
  }
}

/** Stores this version, whole or not at all: where that fails the version before stays, and the next visit tries again. */
async function store(): Promise<void> {
  const files = await Promise.all(
    Object.entries(PAGE_FILES).map(async ([file, integrity]) => {
      const url = new URL(file, scope)
      return [url, await bring(url, integrity)] as const
    }),
  )
  const cache = await caches.open(cacheName)
  await Promise.all(files.map(([url, response]) => cache.put(url, response)))
}

async function forgetOthers(): Promise<void> {
  const names = await caches.keys()
  await Promise.all(
    names.filter((name) => name.startsWith(prefix) && name !== cacheName).map((name) => caches.delete(name)),
  )
  await self.clients.claim()
}

async function answer(request: Request): Promise<Response> {
  const cache = await caches.open(cacheName)
  // Whatever address is navigated to gets the page, and so the headers of the page.
  const asked = request.mode === 'navigate' ? scope.href : request.url
  const stored = await cache.match(asked, {
    ignoreSearch: true,
    // Hosts that compress vary by headers that requests of the page do not share.
    ignoreVary: true,
  })
  const response = stored ?? (await fetch(request))
  // An answer without a body or a status of its own is passed on as it is.
  if (response.type === 'opaqueredirect' || response.type === 'error' || response.status === 304) return response
  const headers = new Headers(response.headers)
  for (const [name, value] of Object.entries(headersOf(new URL(asked).pathname, HUB_ORIGINS))) {
    headers.set(name, value)
  }
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
