/** What this device can hold, as far as a page is told. */

/** Gigabytes of memory, rounded down by the browser to a power of two; undefined in browsers that do not say. */
export function deviceMemory(): number | undefined {
  return (navigator as { readonly deviceMemory?: number }).deviceMemory
}

export type Verdict = 'fits' | 'tight' | 'too-large' | 'unknown'

/** The share of the memory that a page can usually have, beside the system and other pages. */
const usualShare = 0.6

/** Whether a model that takes so many bytes can be held. */
export function verdictOn(bytes: number, gigabytes = deviceMemory()): Verdict {
  if (gigabytes === undefined) return 'unknown'
  const all = gigabytes * 2 ** 30
  if (bytes <= all * usualShare) return 'fits'
  return bytes <= all ? 'tight' : 'too-large'
}

export const verdictTexts: Readonly<Record<Verdict, string>> = {
  fits: 'fits this device',
  tight: 'may be too much for this device',
  'too-large': 'too large for this device',
  unknown: 'this browser does not say how much memory there is',
}
