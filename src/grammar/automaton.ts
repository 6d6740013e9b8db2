/** Walks a network byte by byte. States are made when they are first met and kept: an automaton that is built as far as it is used. */
import type { Grammar } from './expression.ts'
import { compileNetwork, nodeAt, ruleStart, type Network } from './network.ts'

/** Where a rule that was called goes on, and what called that one. Equal stacks are the same object. */
interface Stack {
  readonly id: number
  readonly returns: number
  readonly below: Stack | undefined
  /** The fewest bytes from there to the end of the text. */
  readonly distance: number
}

/** A node that waits for a byte. */
interface Waiting {
  readonly bytes: Uint32Array
  readonly next: number
  readonly stack: Stack | undefined
}

/** All that may come next at some point of a text. Equal ones are the same object, until the automaton forgets. */
export interface State {
  readonly waiting: readonly Waiting[]
  /** Whether the text may end here. */
  readonly isComplete: boolean
  /** What was found to follow a byte: a state, or null for none. */
  readonly steps: (State | null | undefined)[]
}

/** States to keep. With limits of length every place in a text is one. */
const mostStates = 20_000

export class Automaton {
  readonly #network: Network
  readonly #stacks = new Map<string, Stack>()
  readonly #states = new Map<string, State>()
  #stackCount = 0
  readonly start: State

  /** @throws PocketPhiError as `compileNetwork` */
  constructor(grammar: Grammar) {
    this.#network = compileNetwork(grammar)
    this.start = this.#stateFrom([{ place: this.#network.start, stack: undefined }])
  }

  /** The state after one more byte or control token, or undefined where no text that fits goes on with it. */
  step(state: State, byte: number): State | undefined {
    const known = state.steps[byte]
    if (known !== undefined) return known ?? undefined
    const places = state.waiting.filter(({ bytes }) => (((bytes[byte >>> 5] as number) >>> (byte & 31)) & 1) === 1)
    const next =
      places.length === 0 ? null : this.#stateFrom(places.map((one) => ({ place: one.next, stack: one.stack })))
    state.steps[byte] = next
    return next ?? undefined
  }

  /** The fewest bytes that make a text whole. */
  bytesToEnd({ isComplete, waiting }: State): number {
    if (isComplete) return 0
    return Math.min(...waiting.map(({ next, stack }) => 1 + this.#distance(next) + (stack?.distance ?? 0)))
  }

  #distance(place: number): number {
    return this.#network.distances[place] ?? Infinity
  }

  /** Whether a whole text fits. */
  accepts(bytes: Iterable<number>): boolean {
    let state: State | undefined = this.start
    for (const byte of bytes) {
      state = this.step(state, byte)
      if (state === undefined) return false
    }
    return state.isComplete
  }

  /** Everything that is reached from here without a byte. */
  #stateFrom(places: readonly { readonly place: number; readonly stack: Stack | undefined }[]): State {
    const waiting = new Map<string, Waiting>()
    const seen = new Set<string>()
    const open = [...places]
    let isComplete = false
    for (let entry = open.pop(); entry !== undefined; entry = open.pop()) {
      const { place, stack } = entry
      const key = keyOf(place, stack)
      if (seen.has(key) || this.#distance(place) === Infinity) continue
      seen.add(key)
      const node = nodeAt(this.#network, place)
      if (node.kind === 'bytes') waiting.set(key, { bytes: node.bytes, next: node.next, stack })
      else if (node.kind === 'split') for (const next of node.next) open.push({ place: next, stack })
      else if (node.kind === 'call') {
        open.push({ place: ruleStart(this.#network, node.rule), stack: this.#push(node.next, stack) })
      } else if (stack === undefined) isComplete = true
      else open.push({ place: stack.returns, stack: stack.below })
    }
    return this.#kept([...waiting.keys()].sort().join(' ') + (isComplete ? '.' : ''), [...waiting.values()], isComplete)
  }

  #kept(key: string, waiting: readonly Waiting[], isComplete: boolean): State {
    const known = this.#states.get(key)
    if (known !== undefined) return known
    if (this.#states.size >= mostStates) this.#forget()
    const state = { waiting, isComplete, steps: [] }
    this.#states.set(key, state)
    return state
  }

  /** Lets go of all but the start; states in use stay with those who use them, and are met again as new ones. */
  #forget(): void {
    this.#states.clear()
    this.#stacks.clear()
    this.start.steps.length = 0
  }

  /** A call that is the last thing of its rule needs no place to come back to. */
  #push(returns: number, below: Stack | undefined): Stack | undefined {
    if (nodeAt(this.#network, returns).kind === 'return') return below
    const key = keyOf(returns, below)
    const known = this.#stacks.get(key)
    if (known !== undefined) return known
    const distance = this.#distance(returns) + (below?.distance ?? 0)
    const stack = { id: ++this.#stackCount, returns, below, distance }
    this.#stacks.set(key, stack)
    return stack
  }
}

function keyOf(place: number, stack: Stack | undefined): string {
  return `${place}:${stack?.id ?? 0}`
}
