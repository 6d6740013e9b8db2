/** Questions to judges and simulated users: each is asked once, and what was taken is taken again. */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { present } from '../base/errors.ts'
import type { Rejected } from '../data/pipeline/asking/answer.ts'
import type { Asker, Question } from '../data/pipeline/asking/asker.ts'
import type { Journal } from '../data/pipeline/asking/journal.ts'

/** A name for a text. */
export function keyOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

/** A question under a key of all that decides its answer. */
export function questionWith<Value>(model: string, question: Omit<Question<Value>, 'key' | 'seed'>): Question<Value> {
  const key = keyOf(JSON.stringify([model, question.messages]))
  return { ...question, key, seed: crc32(key) }
}

/** @throws PocketPhiError as `Asker.ask` */
export async function takenOrAsked<Value extends object>(
  asker: Asker<Value>,
  journal: Journal<Value>,
  question: Question<Value>,
  signal: AbortSignal,
): Promise<Value | Rejected> {
  const [known] = journal.taken(question.key)
  if (known !== undefined) return known
  const rejected = await asker.ask(question, signal)
  return rejected ?? present(journal.taken(question.key)[0], 'answer')
}
