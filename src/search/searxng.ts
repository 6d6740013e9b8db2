/** The web, through a SearXNG server: a search engine that people run themselves, and that asks others for them. */
import { PocketPhiError, throwIfAborted } from '../base/errors.ts'
import { isJsonObject } from '../formats/json.ts'
import { passageOf, type FindOptions, type Passage, type SearchProvider } from './passage.ts'
import { beginningOf } from './split.ts'

/** Milliseconds that a server may take: it asks several others. */
const patience = 15_000

/** Bytes of an answer; a page of results has some ten thousand. */
const largestAnswer = 4_000_000

/** Characters of an excerpt. */
const longestText = 2000

/** Characters of a query: it is a part of an address. */
const longestQuery = 400

const remedy = 'Its operator has to allow JSON: "formats: [html, json]" under "search" in settings.yml.'

/**
 * @param url of the server, such as `http://127.0.0.1:8888`
 */
export function searxng(url: string): SearchProvider {
  const base = url.replace(/\/+$/, '')
  return {
    name: base,
    isLocal: false,
    async find(query, { count, signal }: FindOptions) {
      throwIfAborted(signal)
      const address = `${base}/search?${new URLSearchParams({ q: beginningOf(query, longestQuery), format: 'json' }).toString()}`
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
    return await readAnswer(response, address)
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

async function readAnswer({ body }: Response, address: string): Promise<string> {
  const decoder = new TextDecoder()
  let [text, bytes] = ['', 0]
  for await (const part of body ?? []) {
    bytes += part.length
    if (bytes > largestAnswer) throw noAnswer(address, `more than ${largestAnswer} bytes`)
    text += decoder.decode(part, { stream: true })
  }
  return text + decoder.decode()
}

function noAnswer(address: string, found: string): PocketPhiError {
  return new PocketPhiError('invalid-file', `The answer of ${address} is none of SearXNG.`, {
    expected: 'JSON with "results"',
    found,
    remedy,
  })
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
    answer = JSON.parse(text)
  } catch {
    // What it is instead is said below.
  }
  const results = isJsonObject(answer) ? answer.results : undefined
  if (!Array.isArray(results)) throw noAnswer(address, JSON.stringify(text.slice(0, 100)))
  return results.flatMap((result: unknown) => {
    if (!isJsonObject(result)) return []
    const { title, url, content } = result
    if (typeof url !== 'string' || !/^https?:/.test(url) || typeof content !== 'string' || content.trim() === '')
      return []
    return [
      passageOf({
        title: typeof title === 'string' ? title : url,
        address: url,
        text: beginningOf(content, longestText),
      }),
    ]
  })
}
