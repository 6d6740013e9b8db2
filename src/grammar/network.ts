/** A grammar as nodes to walk from: what regular expressions become by Thompson's construction, with calls between them. */
import { PocketPhiError } from '../base/errors.ts'
import { firstControl, mostControls, type Expression, type Grammar } from './expression.ts'

export type Node =
  /** Goes on to `next` with any of these bytes, a bit each. */
  | { readonly kind: 'bytes'; readonly bytes: Uint32Array; next: number }
  | { readonly kind: 'split'; readonly next: number[] }
  /** Goes through a rule, then on to `next`. */
  | { readonly kind: 'call'; readonly rule: string; next: number }
  /** The end of a rule, or of the text. */
  | { readonly kind: 'return' }

export interface Network {
  readonly nodes: readonly Node[]
  /** For each node, the fewest bytes from it to the end of its rule; Infinity for those through which no text leads. */
  readonly distances: readonly number[]
  readonly start: number
  readonly rules: ReadonlyMap<string, number>
}

/** More than any schema that a person writes; it bounds what a hostile one takes. */
const mostNodes = 200_000

/**
 * @throws PocketPhiError `invalid-argument` for a grammar that is too large, or whose rules call themselves before anything
 * is written
 */
export function compileNetwork(grammar: Grammar): Network {
  const nodes: Node[] = []
  const add = (node: Node): number => {
    if (nodes.length >= mostNodes) throw tooLarge()
    return nodes.push(node) - 1
  }
  /** Adds the nodes of an expression that goes on to `next`; returns the first. */
  const compile = (expression: Expression, next: number): number => {
    switch (expression.kind) {
      case 'bytes':
        return add({ kind: 'bytes', bytes: bitsOf(expression.ranges), next })
      case 'sequence':
        return expression.parts.reduceRight((after, part) => compile(part, after), next)
      case 'choice':
        return add({ kind: 'split', next: expression.options.map((option) => compile(option, next)) })
      case 'call':
        return add({ kind: 'call', rule: expression.rule, next })
      case 'repeat':
        return compileRepeat(expression, next)
    }
  }
  const compileRepeat = ({ part, least, most }: Expression & { readonly kind: 'repeat' }, next: number): number => {
    let first = next
    if (most === Infinity) {
      const loop: Node = { kind: 'split', next: [next] }
      first = add(loop)
      loop.next.unshift(compile(part, first))
    } else {
      for (let count = most; count > least; count--) first = add({ kind: 'split', next: [compile(part, first), next] })
    }
    for (let count = 0; count < least; count++) first = compile(part, first)
    return first
  }
  const end = add({ kind: 'return' })
  const rules = new Map([...grammar.rules].map(([name, rule]) => [name, compile(rule, end)]))
  const start = compile(grammar.start, end)
  const network = { nodes, start, rules, distances: distancesToEnd(nodes, rules) }
  checkCalls(network)
  return network
}

/** From the ends backwards, again and again until nothing shorter is found: rules may need each other. */
function distancesToEnd(nodes: readonly Node[], rules: ReadonlyMap<string, number>): number[] {
  const found = nodes.map(({ kind }) => (kind === 'return' ? 0 : Infinity))
  const from = (place: number | undefined): number => found[place ?? -1] ?? Infinity
  const distance = (node: Node): number => {
    switch (node.kind) {
      case 'return':
        return 0
      case 'bytes':
        return 1 + from(node.next)
      case 'split':
        return Math.min(...node.next.map(from))
      case 'call':
        return from(rules.get(node.rule)) + from(node.next)
    }
  }
  for (let hasChanged = true; hasChanged;) {
    hasChanged = false
    // A node goes on to nodes that were made before it, but for loops and calls.
    for (const [place, node] of nodes.entries()) {
      const shorter = distance(node)
      if (shorter >= from(place)) continue
      found[place] = shorter
      hasChanged = true
    }
  }
  return found
}

function tooLarge(): PocketPhiError {
  return new PocketPhiError('invalid-argument', 'The grammar is too large.', {
    expected: `at most ${mostNodes} places in a text`,
    remedy: 'Use smaller lengths and counts.',
  })
}

function bitsOf(ranges: readonly (readonly [number, number])[]): Uint32Array {
  const bits = new Uint32Array((firstControl + mostControls) / 32)
  for (const [first, last] of ranges) {
    for (let byte = first; byte <= last; byte++) bits[byte >>> 5] = (bits[byte >>> 5] as number) | (1 << (byte & 31))
  }
  return bits
}

/** The node at a place, which is there. */
export function nodeAt({ nodes }: Pick<Network, 'nodes'>, place: number): Node {
  const node = nodes[place]
  if (node === undefined) throw new Error('defect: no such node')
  return node
}

/** Where a rule begins. */
export function ruleStart({ rules }: Pick<Network, 'rules'>, rule: string): number {
  const start = rules.get(rule)
  if (start === undefined) throw new Error(`defect: no rule "${rule}"`)
  return start
}

/** Refuses rules that come back to themselves without a byte between: there would be no end to what may come next. */
function checkCalls(network: Network): void {
  const isEmpty = emptyRules(network)
  const calls = new Map([...network.rules].map(([name, start]) => [name, callsBeforeBytes(network, start, isEmpty)]))
  for (const name of calls.keys()) {
    const seen = new Set<string>()
    const waiting = [...(calls.get(name) ?? [])]
    for (let rule = waiting.pop(); rule !== undefined; rule = waiting.pop()) {
      if (rule === name) {
        throw new PocketPhiError('invalid-argument', 'The grammar refers to itself before anything is written.', {
          found: name,
          remedy: 'Put the reference inside of an object or an array.',
        })
      }
      if (!seen.has(rule)) waiting.push(...(calls.get(rule) ?? []))
      seen.add(rule)
    }
  }
}

/** The rules that can be passed without a byte. */
function emptyRules(network: Network): ReadonlySet<string> {
  const empty = new Set<string>()
  for (let size = -1; size !== empty.size;) {
    size = empty.size
    for (const [name, start] of network.rules) {
      if (reach(network, start, empty).some((place) => nodeAt(network, place).kind === 'return')) empty.add(name)
    }
  }
  return empty
}

function callsBeforeBytes(network: Network, start: number, empty: ReadonlySet<string>): string[] {
  return reach(network, start, empty).flatMap((place) => {
    const node = nodeAt(network, place)
    return node.kind === 'call' ? [node.rule] : []
  })
}

/** The places that are reached without a byte, within a rule. */
function reach(network: Network, start: number, empty: ReadonlySet<string>): number[] {
  const seen = new Set<number>([start])
  for (const place of seen) {
    const node = nodeAt(network, place)
    if (node.kind === 'split') for (const next of node.next) seen.add(next)
    if (node.kind === 'call' && empty.has(node.rule)) seen.add(node.next)
  }
  return [...seen]
}
