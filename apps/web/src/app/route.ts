/** Which screen is open. It stands in the address, so that the buttons of the browser work. */
import { signal } from '@preact/signals'

/** What can be opened. */
export type Destination =
  | { readonly screen: 'chat'; readonly conversation: string | undefined }
  | { readonly screen: Place }

export type Route = Destination | { readonly screen: 'unknown' }

/** The screens beside the chat. */
const places = ['models', 'documents', 'settings', 'benchmark'] as const
type Place = (typeof places)[number]

function isPlace(screen: string): screen is Place {
  return (places as readonly string[]).includes(screen)
}

function routeOf(hash: string): Route {
  const address = hash.replace(/^#?\/?/, '')
  if (address === '') return { screen: 'chat', conversation: undefined }
  if (isPlace(address)) return { screen: address }
  const [, conversation] = /^c\/([^/]+)$/.exec(address) ?? []
  return conversation === undefined ? { screen: 'unknown' } : { screen: 'chat', conversation }
}

export const route = signal(routeOf(location.hash))

addEventListener('hashchange', () => {
  route.value = routeOf(location.hash)
})

export function addressOf(to: Destination): string {
  if (to.screen !== 'chat') return `#/${to.screen}`
  return to.conversation === undefined ? '#/' : `#/c/${to.conversation}`
}

/** @param replace leaves no entry in the history of the browser */
export function open(to: Destination, { replace = false } = {}): void {
  const address = addressOf(to)
  if (replace) history.replaceState(undefined, '', address)
  else if (location.hash !== address) history.pushState(undefined, '', address)
  route.value = to
}
