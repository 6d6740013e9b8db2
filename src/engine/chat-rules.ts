/** The rules of conversations that need no engine, for those too who reach one over a port. */
import { PocketPhiError } from '../base/errors.ts'
import type { ChatMessage } from '../text/templates.ts'
import type { PicturedMessage } from './picture-text.ts'
import type { Picture } from './pictures.ts'

/** Pictures are what stands for them on this side of a port. */
export interface ChatOptions<Shown = Picture> {
  /** What the model is told before the conversation. */
  readonly system?: string
  /** Tool definitions as JSON, for templates that have a place for them (Phi-4-mini). */
  readonly tools?: string
  /** A conversation to go on with, oldest first. */
  readonly messages?: readonly PicturedMessage<Shown>[]
}

/** The messages of a conversation before anything is said. */
export function firstMessages<Shown>({ system, tools, messages = [] }: ChatOptions<Shown>): PicturedMessage<Shown>[] {
  if (system === undefined && tools === undefined) return [...messages]
  return [{ role: 'system', content: system ?? '', ...(tools === undefined ? {} : { tools }) }, ...messages]
}

/** What the user says and shows. @throws PocketPhiError `invalid-argument` when that is nothing */
export function userMessage<Shown>(content: string, pictures?: readonly Shown[]): PicturedMessage<Shown> {
  if (content === '' && (pictures === undefined || pictures.length === 0)) {
    throw new PocketPhiError('invalid-argument', 'The message is empty.', { expected: 'a text, or pictures' })
  }
  return { role: 'user', content, ...(pictures === undefined ? {} : { pictures }) }
}

/** A conversation up to the last message that is not the model's own. */
export function lastQuestion<Asked extends ChatMessage>(messages: readonly Asked[]): readonly Asked[] {
  return messages.slice(0, messages.findLastIndex(({ role }) => role !== 'assistant') + 1)
}

/** Thrown when a conversation is changed or asked while an answer is being written. */
export function unreadAnswerError(): PocketPhiError {
  return new PocketPhiError('invalid-argument', 'The conversation is waiting for an answer to be read.', {
    remedy: 'Read it to its end, or abort it, before the next message.',
  })
}

/** Thrown when the history is no longer that after which a message was written. */
export function changedError(): PocketPhiError {
  return new PocketPhiError('invalid-argument', 'The conversation has changed since this message was sent.', {
    expected: 'that an answer is read before the next message is sent',
    remedy: 'Send the message again; it will be answered after what was said meanwhile.',
  })
}
