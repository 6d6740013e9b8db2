/** Where the answers of a conversation are. */
import { personaNamed } from './personas.ts'
import type { Message, Probe } from './types.ts'

/** The places of the assistant's messages. */
export function answerPlaces(messages: readonly Message[]): number[] {
  return messages.flatMap(({ role }, place) => (role === 'assistant' ? [place] : []))
}

/** The places of the answers that follow a request: what is said before one is small talk. */
export function answersToRequest({ persona }: Pick<Probe, 'persona'>, messages: readonly Message[]): number[] {
  const answers = answerPlaces(messages)
  const first = personaNamed(persona).script.findIndex((line) => line.includes('{request}'))
  return answers.slice(Math.min(first, answers.length - 1))
}
