/** The service worker of the test's page: what a user of the package writes. */
import { routeToPages } from '../../../src/server/page/service-worker.ts'

/** The types of service workers and of pages cannot be had in one program. */
const scope = globalThis as unknown as { skipWaiting(): Promise<void>; clients: { claim(): Promise<void> } }

routeToPages()
addEventListener('install', () => void scope.skipWaiting())
addEventListener('activate', (event) => {
  ;(event as Event & { waitUntil(work: Promise<void>): void }).waitUntil(scope.clients.claim())
})
