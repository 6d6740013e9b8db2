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
declare const PAGE_FILES: readonly string[]

const scope = new URL('./', self.location.href)
/** Caches belong to the origin, where other copies of the page may lie in other folders. A path has no blanks. */
const prefix = `pocket-phi-page ${scope.pathname} `
const cacheName = `${prefix}${PAGE_VERSION}`

async function store(): Promise<void> {
  const cache = await caches.open(cacheName)
  // What the page has loaded just now is taken from the browser's own cache; where a name says nothing of the version, the host
  // is asked whether it is still the same.
  const requests = PAGE_FILES.map((file) => {
    return new Request(new URL(file, scope), { cache: file.startsWith('assets/') ? 'default' : 'no-cache' })
  })
  await cache.addAll(requests)
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
