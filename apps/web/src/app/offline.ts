/** The service worker of the page: everything works without a network after the first visit. */
import { signal } from '@preact/signals'
import { isAnswering } from '../conversations/answering.ts'
import { draft } from '../conversations/composer.tsx'

/** Put in by the build: the development server has no service worker, which would keep old sources. */
declare const IS_BUILT: boolean

/** A reason to load the page again, and what does it. */
interface ReloadOffer {
  readonly reason: string
  readonly reload: () => void
}

export const reloadOffer = signal<ReloadOffer | undefined>(undefined)

const newer = 'A newer version is here.'
const reloadedKey = 'pocket-phi-reloaded'

/** Makes a newer version that of the page, which is then loaded again. */
function takeOver(waiting: ServiceWorker): void {
  navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true })
  waiting.postMessage('take-over')
}

/**
 * Threads need a page that is isolated by its headers. A host that cannot send them is helped by the service worker, which adds them to
 * everything from the second load on: so the page is loaded a second time, once, unless somebody is in the midst of something.
 */
function reloadForIsolation(): void {
  if (crossOriginIsolated || sessionStorage.getItem(reloadedKey) !== null) return
  const reload = (): void => {
    sessionStorage.setItem(reloadedKey, 'yes')
    location.reload()
  }
  if (!isAnswering.value && draft.value.trim() === '') reload()
  else reloadOffer.value = { reason: 'Loaded again, this page answers faster.', reload }
}

async function register(): Promise<void> {
  const { serviceWorker } = navigator
  let isControlled = serviceWorker.controller !== null
  serviceWorker.addEventListener('controllerchange', () => {
    // The version of this page is no longer there to be asked for what it has not loaded yet.
    if (isControlled) reloadOffer.value = { reason: newer, reload: () => location.reload() }
    else reloadForIsolation()
    isControlled = true
  })
  const registration = await serviceWorker.register(new URL('service-worker.js', document.baseURI), {
    type: 'module',
    // Asked for anew at every visit, past caches on the way.
    updateViaCache: 'none',
  })
  const watch = (): void => {
    const { waiting } = registration
    if (waiting === null || serviceWorker.controller === null) return
    reloadOffer.value = { reason: newer, reload: () => takeOver(waiting) }
  }
  watch()
  registration.addEventListener('updatefound', () => registration.installing?.addEventListener('statechange', watch))
  await serviceWorker.ready
  if (isControlled) reloadForIsolation()
}

/** Where there are no service workers (a page without TLS, private windows of some browsers) the page works while it is open. */
export function keepOffline(): void {
  if (IS_BUILT && 'serviceWorker' in navigator) void register().catch(() => undefined)
}
