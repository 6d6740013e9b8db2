/**
 * Who may reach a server through a browser. A page of any site can send requests to an address of the machine that it is open on,
 * and with DNS rebinding (a name of the attacker that suddenly means 127.0.0.1) it could even read the answers, since the browser
 * takes them for those of the same site.
 */
import { Refusal } from './refusals.ts'

/** An address in numbers. Nobody can let it mean another machine. */
const isAddress = (hostname: string): boolean => /^\d+\.\d+\.\d+\.\d+$/.test(hostname) || hostname.startsWith('[')
const isLocal = (hostname: string): boolean => hostname === 'localhost' || hostname.endsWith('.localhost')

/**
 * @param hosts names, beside addresses and those of the machine itself, under which the server is reached
 * @throws Refusal `host_not_allowed`
 */
export function checkHost(request: Request, hosts: readonly string[]): void {
  const { hostname } = new URL(request.url)
  if (isAddress(hostname) || isLocal(hostname) || hosts.includes(hostname)) return
  throw new Refusal('host_not_allowed', 'This server is not reached under this name.', {
    expected: ['localhost, an address', ...hosts].join(', '),
    found: hostname,
    remedy: 'Whoever runs the server can allow the name (phi serve --allow-host NAME).',
  })
}

/**
 * @param origins of pages that may ask, beside those of the server itself
 * @throws Refusal `origin_not_allowed`
 */
export function checkOrigin(request: Request, origins: readonly string[]): void {
  const origin = request.headers.get('origin')
  if (origin === null || origins.includes(origin)) return
  // The scheme does not count: a proxy may have taken TLS off.
  if (URL.canParse(origin) && new URL(origin).host === new URL(request.url).host) return
  throw new Refusal('origin_not_allowed', 'Pages of this origin may not ask this server.', {
    found: origin,
    remedy: 'Whoever runs the server can allow the origin (phi serve --cors ORIGIN).',
  })
}
