import { commonHeaders, workerPolicy, type HeadersOf } from '@pocket-phi/web/build/headers'

/** What files of the site are sent with. Its pages bring their policy; that of a worker is that of its own answer. */
export const siteHeaders: HeadersOf = (path) =>
  path.endsWith('.js') ? { ...commonHeaders, 'content-security-policy': workerPolicy() } : commonHeaders
