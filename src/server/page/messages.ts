/** What a service worker and the page that answers for it say to each other. */
import type { Call } from '../../worker/calls.ts'

/** The lock of the page that answers: those of one origin take turns. */
export const lockName = 'pocket-phi:serve'

/**
 * The lock by which the service worker finds that page, also after it was restarted itself.
 *
 * @param client the page's `Client.id`, which a lock does not tell by itself: Chromium gives lock holders other ids
 */
export function servingLock(client: string): string {
  return `${lockName}:serving:${client}`
}

/** The lock that a page has until all that it was asked is answered. Locks end with their page, whatever ends that. */
export function livingLock(client: string): string {
  return `${lockName}:living:${client}`
}

/** Asks the service worker for the page's `Client.id`, which it posts to the port that comes with it. */
export const identityMessage = 'pocket-phi:identity'

/** Comes with a port, at the other end of which `PageCalls` are made. */
export const portMessage = 'pocket-phi:request'

export interface SentRequest {
  readonly url: string
  readonly method: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Undefined where it has none. */
  readonly body: ArrayBuffer | undefined
}

/** What is heard of a response, in this order: its head, then its body piece by piece. */
export type ResponseNews =
  | {
      readonly kind: 'head'
      readonly status: number
      readonly headers: readonly (readonly [name: string, value: string])[]
    }
  | { readonly kind: 'data'; readonly bytes: Uint8Array<ArrayBuffer> }

/** The calls that the page answers. */
export interface PageCalls {
  readonly request: Call<SentRequest, void, ResponseNews>
}
