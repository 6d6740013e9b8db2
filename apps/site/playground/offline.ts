/** Has the whole site kept on this device, the model with it: whoever plays with it reads on without a network. */

/** Where there are no service workers (a page without TLS, private windows of some browsers) the site works while there is a network. */
export function keepSite(): void {
  if (!('serviceWorker' in navigator)) return
  navigator.serviceWorker
    .register('../service-worker.js', { type: 'module', updateViaCache: 'none' })
    .catch(() => undefined)
}
