/** The web, through a SearXNG server: a search engine that people run themselves, and that asks others for them. */
import { PocketPhiError, throwIfAborted } from '../base/errors.ts'
import { isJsonObject } from '../formats/json.ts'
import type { FindOptions, Passage, SearchProvider } from './passage.ts'

/** Milliseconds that a server may take: it asks several others. */
const patience = 15_000

/** Characters of an answer; a page of results has some ten thousand. */
const largestAnswer = 4_000_000

const remedy = 'Its operator has to allow JSON: "formats: [html, json]" under "search" in settings.yml.'

/**
 * @param url of the server, such as `http://127.0.0.1:8888`
 */
export function searxng(url: string): SearchProvider {
  const base = url.replace(/\/+$/, '')
  return {
    name: base,
    async find(query, { count, signal }: FindOptions) {
      throwIfAborted(signal)
      const address = `${base}/search?${new URLSearchParams({ q: query, format: 'json' }).toString()}`
      const text = await fetchText(address, signal)
      return resultsIn(text, address).slice(0, count)
    },
    close: () => Promise.resolve(),
  }
}

async function fetchText(address: string, signal: AbortSignal | undefined): Promise<string> {
  const patient = AbortSignal.timeout(patience)
  try {
    const response = await fetch(address, {
      signal: signal === undefined ? patient : AbortSignal.any([signal, patient]),
    })
    if (!response.ok) throw refusal(address, response.status)
    return await response.text()
  } catch (cause) {
    if (cause instanceof PocketPhiError) throw cause
    throwIfAborted(signal)
    throw new PocketPhiError('network', `The search engine at ${address} cannot be reached.`, {
      found: patient.aborted ? `no answer within ${patience / 1000} s` : String(cause),
      remedy: 'Check the address, and that the server runs.',
      cause,
    })
  }
}

function refusal(address: string, status: number): PocketPhiError {
  if (status === 403) {
    return new PocketPhiError('no-access', `${address} gives no JSON.`, { found: `status ${status}`, remedy })
  }
  return new PocketPhiError('network', `The search engine at ${address} does not answer.`, {
    found: `status ${status}`,
    remedy: 'Try again later: it may ask others no more than so often.',
  })
}

/** Titles, addresses and excerpts; what has no address or says nothing is left out. */
function resultsIn(text: string, address: string): Passage[] {
  let answer: unknown
  try {
    if (text.length <= largestAnswer) answer = JSON.parse(text)
  } catch {
    // What it is instead is said below.
  }
  const results = isJsonObject(answer) ? answer.results : undefined
  if (!Array.isArray(results)) {
    throw new PocketPhiError('invalid-file', `The answer of ${address} is none of SearXNG.`, {
      expected: 'JSON with "results"',
      found: text.slice(0, 100),
      remedy,
    })
  }
  return results.flatMap((result: unknown) => {
    if (!isJsonObject(result)) return []
    const { title, url, content } = result
    if (typeof url !== 'string' || !/^https?:/.test(url) || typeof content !== 'string' || content.trim() === '')
      return []
    return [{ title: typeof title === 'string' ? title : url, address: url, text: content.trim() }]
  })
}
