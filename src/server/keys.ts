/** API keys of a server. */
import { Refusal } from './refusals.ts'

/** Knows keys by their SHA-256, so that a comparison takes as long whatever a stranger guesses. */
export class KeyRing {
  readonly #digests: Promise<readonly Uint8Array[]>

  constructor(keys: readonly string[]) {
    this.#digests = Promise.all(keys.map(digestOf))
  }

  /**
   * The number of the key that a request has, counted from 1 in the order in which they were given.
   *
   * @throws Refusal `invalid_api_key`
   */
  async check(request: Request): Promise<number> {
    const [, key] = /^Bearer (.+)$/i.exec(request.headers.get('authorization') ?? '') ?? []
    const number = key === undefined ? 0 : await this.#find(key)
    if (number > 0) return number
    throw new Refusal('invalid_api_key', 'This server wants a key.', {
      expected: 'the header "Authorization: Bearer KEY" with a key of this server',
      found: key === undefined ? 'none' : 'another key',
      headers: { 'www-authenticate': 'Bearer' },
    })
  }

  async #find(key: string): Promise<number> {
    const wanted = await digestOf(key)
    let found = 0
    // All of them, so that the time does not tell which one it was.
    for (const [index, digest] of (await this.#digests).entries()) if (isSame(digest, wanted)) found = index + 1
    return found
  }
}

async function digestOf(key: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key)))
}

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  let difference = 0
  for (let at = 0; at < left.length; at++) difference |= (left[at] as number) ^ (right[at] as number)
  return difference === 0
}
