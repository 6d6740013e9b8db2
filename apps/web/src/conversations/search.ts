/** Search in all conversations, on this device like everything else. */
import { findIn, type Found } from './find-text.ts'
import { readAll } from './store.ts'

/** @param signal ends a search that a newer one replaces */
export async function search(query: string, signal: AbortSignal): Promise<Found[]> {
  const found: Found[] = []
  if (query.trim() === '') return found
  for await (const { heading, thread } of readAll()) {
    if (signal.aborted) return []
    const place = findIn(heading, thread, query)
    if (place !== undefined) found.push(place)
  }
  return found
}
