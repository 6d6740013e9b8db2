import { conversation, document } from './index.ts'

export interface KindStatistics {
  readonly kind: string
  readonly items: number
  readonly characters: number
  /** Words, digits and marks: close to the tokens of a vocabulary in which every digit stands alone. */
  readonly pieces: number
}

export interface WorldStatistics {
  readonly items: number
  readonly characters: number
  readonly pieces: number
  readonly kinds: readonly KindStatistics[]
  /** Every distinct word with its count, the most frequent first. */
  readonly words: readonly (readonly [string, number])[]
}

const piecePattern = /\d|[\p{L}']+|[^\s\p{L}\d']/gu
const wordPattern = /[\p{L}']+/gu

/** Counts the first `count` documents or conversations of a seed. */
export function worldStatistics(what: 'documents' | 'conversations', seed: number, count: number): WorldStatistics {
  const kinds = new Map<string, { items: number; characters: number; pieces: number }>()
  const words = new Map<string, number>()
  let characters = 0
  let pieces = 0
  for (let index = 0; index < count; index++) {
    const { kind, text } = what === 'documents' ? document(seed, index) : flat(seed, index)
    const row = kinds.get(kind) ?? { items: 0, characters: 0, pieces: 0 }
    kinds.set(kind, row)
    const own = text.match(piecePattern)?.length ?? 0
    row.items++
    row.characters += text.length
    row.pieces += own
    characters += text.length
    pieces += own
    for (const word of text.match(wordPattern) ?? []) words.set(word, (words.get(word) ?? 0) + 1)
  }
  return {
    items: count,
    characters,
    pieces,
    kinds: [...kinds].map(([kind, row]) => ({ kind, ...row })).toSorted((one, two) => two.pieces - one.pieces),
    words: [...words].toSorted((one, two) => two[1] - one[1]),
  }
}

function flat(seed: number, index: number): { kind: string; text: string } {
  const { kind, messages } = conversation(seed, index)
  return { kind, text: messages.map((message) => message.content).join('\n') }
}
