/** Which screen is open. It stands in the address, so that the buttons of the browser work. */
import { signal } from '@preact/signals'

export type Route = { readonly screen: 'chat'; readonly conversation: string | undefined } | { readonly screen: Place }

/** The screens beside the chat. */
const places = ['models', 'documents', 'settings', 'benchmark'] as const
type Place = (typeof places)[number]

function isPlace(screen: string): screen is Place {
  return (places as readonly string[]).includes(screen)
}

function routeOf(hash: string): Route {
  const [, screen = '', conversation] = hash.split('/')
  if (isPlace(screen)) return { screen }
  return { screen: 'chat', conversation: screen === 'c' ? conversation : undefined }
}

export const route = signal(routeOf(location.hash))

addEventListener('hashchange', () => {
  route.value = routeOf(location.hash)
})

export function addressOf(to: Route): string {
  if (to.screen !== 'chat') return `#/${to.screen}`
  return to.conversation === undefined ? '#/' : `#/c/${to.conversation}`
}

/** @param replace leaves no entry in the history of the browser */
export function open(to: Route, { replace = false } = {}): void {
  const address = addressOf(to)
  if (replace) history.replaceState(undefined, '', address)
  else if (location.hash !== address) history.pushState(undefined, '', address)
  route.value = to
}
