/** A conversation as a tree: an edited question or another answer is a branch, and nothing that was said is lost. */
import type { Passage } from 'pocket-phi/search'
import type { ErrorData, FinishReason, Usage } from 'pocket-phi/worker'

/** How an answer was made. */
export interface AnswerFacts {
  readonly model: string
  readonly finish: FinishReason
  readonly usage: Usage
  readonly seed: number
  /** Messages that were left out because the conversation no longer fitted the context. */
  readonly dropped: number
}

/** A picture of a question, which is kept apart from it. */
export interface ShownPicture {
  readonly id: string
  readonly name: string
  /** Pixels. */
  readonly width: number
  readonly height: number
}

/** A picture as it is kept: the file that was chosen. */
export interface KeptPicture {
  readonly id: string
  /** The conversation that it belongs to. */
  readonly conversation: string
  readonly file: Blob
}

export interface Turn {
  readonly id: number
  /** The turn before it; 0 at the beginning. */
  readonly parent: number
  readonly role: 'user' | 'assistant'
  readonly content: string
  /** Of a question, before its words. */
  readonly pictures?: readonly ShownPicture[]
  /** Milliseconds since 1970. */
  readonly at: number
  /** Of an answer: what it was to be taken from, in the order of their numbers. */
  readonly sources?: readonly Passage[]
  /** Of an answer that was written here and has ended. */
  readonly facts?: AnswerFacts
  /** While it is written; an answer that stays so was broken off when the page went away. */
  readonly isUnfinished?: boolean
  readonly error?: ErrorData
}

/** The messages of a conversation. */
export interface Thread {
  readonly id: string
  /** What the model is told before it begins. */
  readonly system: string
  readonly turns: readonly Turn[]
  /** Which of several branches is shown, by the turn that they follow. */
  readonly chosen: Readonly<Record<number, number>>
}

/** What the list of conversations shows of one. */
export interface Heading {
  readonly id: string
  readonly title: string
  readonly created: number
  readonly updated: number
}

export function newThread(id: string, system: string): Thread {
  return { id, system, turns: [], chosen: {} }
}

/** The turns that are shown, oldest first: at every fork the chosen branch, else the newest. */
export function shownTurns({ turns, chosen }: Thread): Turn[] {
  const shown: Turn[] = []
  for (let parent = 0; ;) {
    const branches = turns.filter((turn) => turn.parent === parent)
    const next = branches.find(({ id }) => id === chosen[parent]) ?? branches.at(-1)
    if (next === undefined) return shown
    shown.push(next)
    parent = next.id
  }
}

/** The turns that could stand in the place of this one, itself among them, oldest first. */
export function branchesOf({ turns }: Thread, { parent }: Turn): readonly Turn[] {
  return turns.filter((turn) => turn.parent === parent)
}

/** Adds a turn after `parent` and shows it. */
export function addTurn(thread: Thread, turn: Omit<Turn, 'id'>): { readonly thread: Thread; readonly turn: Turn } {
  const added = { ...turn, id: Math.max(0, ...thread.turns.map(({ id }) => id)) + 1 }
  const chosen = { ...thread.chosen, [turn.parent]: added.id }
  return { thread: { ...thread, turns: [...thread.turns, added], chosen }, turn: added }
}

export function changeTurn(thread: Thread, id: number, change: Partial<Omit<Turn, 'id' | 'parent'>>): Thread {
  return { ...thread, turns: thread.turns.map((turn) => (turn.id === id ? { ...turn, ...change } : turn)) }
}

/** Takes a turn back, with what follows it. */
export function removeTurn(thread: Thread, id: number): Thread {
  const gone = new Set([id])
  // Turns come after what they follow.
  for (const turn of thread.turns) if (gone.has(turn.parent)) gone.add(turn.id)
  const chosen = Object.entries(thread.chosen).filter(([, turn]) => !gone.has(turn))
  return { ...thread, turns: thread.turns.filter((turn) => !gone.has(turn.id)), chosen: Object.fromEntries(chosen) }
}

/** Shows the branch of which this turn is the first. */
export function chooseBranch(thread: Thread, { id, parent }: Turn): Thread {
  return { ...thread, chosen: { ...thread.chosen, [parent]: id } }
}

const longestTitle = 60

/** The first words of the first question. */
export function titleOf({ turns }: Thread): string {
  const { content = '', pictures = [] } = turns.find(({ role }) => role === 'user') ?? {}
  const words = content.trim().replaceAll(/\s+/g, ' ')
  if (words === '') return pictures.length === 0 ? 'New conversation' : 'A picture'
  if (words.length <= longestTitle) return words
  return `${words.slice(0, longestTitle).replace(/\s+\S*$/, '')} …`
}
