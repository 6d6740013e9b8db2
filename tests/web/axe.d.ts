/** What `axe.source` puts into a page. */
declare var axe: typeof import('axe-core')
