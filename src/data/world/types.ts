import type { Random } from '../../base/random.ts'

/** One question and its answer. The first of a list stands alone; later ones may refer back ("And what colour is it?"). */
export interface Exchange {
  readonly question: string
  readonly answer: string
}

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

export interface WorldDocument {
  readonly kind: string
  readonly text: string
}

export interface WorldConversation {
  readonly kind: string
  readonly messages: readonly ChatMessage[]
}

/** `training` text may never contain what is reserved for `heldOut`, and evaluations draw from `heldOut` alone. */
export type Split = 'training' | 'heldOut'

/**
 * One kind of text. To add a kind, write one file in kinds/ that exports a WorldKind and list it in index.ts.
 * Both functions take all their chance from `random` and use training material only.
 */
export interface WorldKind {
  readonly name: string
  /** Relative frequency among documents. */
  readonly documentWeight: number
  /** Relative frequency among the topics of conversations. */
  readonly conversationWeight: number
  /** Textbook-like text for pre-training: one or more paragraphs, without a trailing newline. */
  document(random: Random): string
  /** One to `turns` exchanges on one topic. */
  exchanges(random: Random, turns: number): Exchange[]
}
