/** The service worker of the page: everything works without a network after the first visit. */
import { signal } from '@preact/signals'

/** Put in by the build: the development server has no service worker, which would keep old sources. */
declare const IS_BUILT: boolean

/** A newer version of the page that waits until it may take over. */
const waiting = signal<ServiceWorker | undefined>(undefined)

export { waiting as newerVersion }

const reloadedKey = 'pocket-phi-reloaded'

/** Makes the newer version that of the page, which is then loaded again. */
export function takeOver(): void {
  navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true })
  waiting.value?.postMessage('take-over')
}

/**
 * Threads need a page that is isolated by its headers. A host that cannot send them is helped by the service worker, which adds them to
 * everything from the second load on: so the page is loaded a second time, once.
 */
function reloadForIsolation(): void {
  if (crossOriginIsolated || sessionStorage.getItem(reloadedKey) !== null) return
  sessionStorage.setItem(reloadedKey, 'yes')
  location.reload()
}

async function register(): Promise<void> {
  const registration = await navigator.serviceWorker.register(new URL('service-worker.js', document.baseURI), {
    type: 'module',
    // Asked for anew at every visit, past caches on the way.
    updateViaCache: 'none',
  })
  const watch = (): void => {
    const worker = registration.waiting
    if (worker !== null && navigator.serviceWorker.controller !== null) waiting.value = worker
  }
  watch()
  registration.addEventListener('updatefound', () => registration.installing?.addEventListener('statechange', watch))
  await navigator.serviceWorker.ready
  if (navigator.serviceWorker.controller !== null) reloadForIsolation()
  else navigator.serviceWorker.addEventListener('controllerchange', reloadForIsolation, { once: true })
}

/** Where there are no service workers (a page without TLS, private windows of some browsers) the page works while it is open. */
export function keepOffline(): void {
  if (IS_BUILT && 'serviceWorker' in navigator) void register().catch(() => undefined)
}
