/** Which tokens of a vocabulary may come next: a walk over all of them at once, along the bytes that they share. */
import type { Tokenizer } from '../text/tokenizer.ts'
import type { Automaton, State } from './automaton.ts'
import { firstControl } from './expression.ts'

/** A beginning of tokens. Children are those with one byte more. */
interface TrieNode {
  readonly ids: number[]
  readonly children: Map<number, TrieNode>
}

/** Lists of ids that are kept: those of long texts between quotes are as long as the vocabulary. */
const mostLists = 32

const tries = new WeakMap<Tokenizer, TrieNode>()

function trieOf(tokenizer: Tokenizer): TrieNode {
  const known = tries.get(tokenizer)
  if (known !== undefined) return known
  const root = newNode()
  // Added tokens steer a conversation, whatever they spell.
  const added = new Set(tokenizer.addedTokens.map(({ id }) => id))
  for (let id = 0; id < tokenizer.vocabularySize; id++) {
    if (added.has(id) || tokenizer.pieceOf(id) === undefined) continue
    const bytes = tokenizer.tokenBytes(id)
    if (bytes.length > 0) placeOf(root, bytes).ids.push(id)
  }
  tries.set(tokenizer, root)
  return root
}

function newNode(): TrieNode {
  return { ids: [], children: new Map() }
}

function placeOf(root: TrieNode, bytes: Uint8Array): TrieNode {
  let node = root
  for (const byte of bytes) {
    let child = node.children.get(byte)
    if (child === undefined) node.children.set(byte, (child = newNode()))
    node = child
  }
  return node
}

/** Tokens that fit into a grammar, by the state of its automaton. */
export class TokenMasks {
  readonly #automaton: Automaton
  readonly #root: TrieNode
  readonly #controls: readonly number[]
  readonly #known = new Map<State, Int32Array>()

  /** @param controls ids of the control tokens that the grammar has */
  constructor(automaton: Automaton, tokenizer: Tokenizer, controls: readonly number[]) {
    this.#automaton = automaton
    this.#controls = controls
    this.#root = trieOf(tokenizer)
  }

  /** Ids in ascending order. */
  allowed(state: State): Int32Array {
    const known = this.#known.get(state)
    // What was asked for last is forgotten last.
    this.#known.delete(state)
    const ids = known ?? this.#collect(state, [this.#root])
    this.#known.set(state, ids)
    for (const oldest of this.#known.keys()) if (this.#known.size > mostLists) this.#known.delete(oldest)
    return ids
  }

  /** The same where a space that a token begins with is not written. */
  allowedAfterSpace(state: State): Int32Array {
    const children = new Map(this.#root.children)
    const space = children.get(0x20)
    children.delete(0x20)
    const ids = this.#collect(state, [{ ids: [], children }, ...(space === undefined ? [] : [space])])
    return space === undefined ? ids : Int32Array.from([...ids, ...space.ids]).sort()
  }

  /** The bytes that a token adds to a text, or what stands for it in the grammar. */
  symbolsOf(id: number, tokenizer: Tokenizer): Iterable<number> {
    const control = this.#controls.indexOf(id)
    return control < 0 ? tokenizer.tokenBytes(id) : [firstControl + control]
  }

  #collect(start: State, roots: readonly TrieNode[]): Int32Array {
    const ids = this.#controls.filter((_, index) => this.#automaton.step(start, firstControl + index) !== undefined)
    const visit = (node: TrieNode, state: State): void => {
      for (const [byte, child] of node.children) {
        const next = this.#automaton.step(state, byte)
        if (next === undefined) continue
        for (const id of child.ids) ids.push(id)
        visit(child, next)
      }
    }
    for (const root of roots) visit(root, start)
    return Int32Array.from(ids).sort()
  }
}
