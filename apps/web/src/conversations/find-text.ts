/** Whether words stand in a conversation, and where. */
import type { Heading, Thread } from './thread.ts'

export interface Found {
  readonly heading: Heading
  /** The text around the first place; empty where only the title has the words. */
  readonly excerpt: string
}

const around = 40

/** Letters without case and accents. */
function plain(text: string): string {
  return text.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase()
}

/** Where all words stand in the title and the messages together; undefined where one is missing. */
export function findIn(heading: Heading, thread: Thread, query: string): Found | undefined {
  const words = plain(query).split(/\s+/).filter(Boolean)
  const texts = thread.turns.map(({ content }) => content)
  const whole = [heading.title, ...texts].map(plain)
  if (words.length === 0 || !words.every((word) => whole.some((text) => text.includes(word)))) return undefined
  const text = texts.find((content) => words.some((word) => plain(content).includes(word)))
  return { heading, excerpt: text === undefined ? '' : excerptOf(text, words) }
}

function excerptOf(text: string, words: readonly string[]): string {
  const flat = text.replaceAll(/\s+/g, ' ')
  const place = Math.min(...words.map((word) => plain(flat).indexOf(word)).filter((index) => index >= 0))
  const from = Math.max(0, place - around)
  const part = flat.slice(from, place + 2 * around)
  return `${from > 0 ? '…' : ''}${part}${from + part.length < flat.length ? '…' : ''}`
}
