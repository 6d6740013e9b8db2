import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compilePattern } from './pattern.ts'
import { alternationCost, atomicCost, isAffordable, repetitionCost, sequenceCost, stepCost } from './pattern-cost.ts'
import type { Cost } from './pattern-cost.ts'
import { tiktokenPatterns } from './tiktoken.ts'

type Node =
  | { readonly kind: 'letter'; readonly letter: string }
  | { readonly kind: 'sequence' | 'alternatives'; readonly parts: readonly Node[] }
  | { readonly kind: 'repeat'; readonly body: Node; readonly least: number; readonly most: number }
  | { readonly kind: 'atomic' | 'ahead' | 'notAhead'; readonly body: Node }

/** A backtracking matcher that counts the letters it looks at: what an engine does, without an engine. */
class StepCounter {
  steps = 0
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  match(node: Node, at: number, then: (end: number) => boolean): boolean {
    switch (node.kind) {
      case 'letter':
        this.steps++
        return this.#text[at] === node.letter && then(at + 1)
      case 'sequence':
        return this.#sequence(node.parts, 0, at, then)
      case 'alternatives':
        return node.parts.some((part) => this.match(part, at, then))
      case 'repeat':
        return this.#repeat(node, 0, at, then)
      case 'atomic': {
        const end = this.#first(node.body, at)
        return end !== undefined && then(end)
      }
      case 'ahead':
        return this.#first(node.body, at) !== undefined && then(at)
      case 'notAhead':
        return this.#first(node.body, at) === undefined && then(at)
    }
  }

  #first(node: Node, at: number): number | undefined {
    let found: number | undefined
    this.match(node, at, (end) => {
      found = end
      return true
    })
    return found
  }

  #sequence(parts: readonly Node[], index: number, at: number, then: (end: number) => boolean): boolean {
    const part = parts[index]
    if (part === undefined) return then(at)
    return this.match(part, at, (end) => this.#sequence(parts, index + 1, end, then))
  }

  #repeat(node: Node & { kind: 'repeat' }, round: number, at: number, then: (end: number) => boolean): boolean {
    const again =
      round < node.most &&
      this.match(node.body, at, (end) => (end > at || round < node.least) && this.#repeat(node, round + 1, end, then))
    return again || (round >= node.least && then(at))
  }
}

function sourceOf(node: Node): string {
  switch (node.kind) {
    case 'letter':
      return node.letter
    case 'sequence':
      return `(?:${node.parts.map(sourceOf).join('')})`
    case 'alternatives':
      return `(?:${node.parts.map(sourceOf).join('|')})`
    case 'repeat':
      return `(?:${sourceOf(node.body)}){${node.least},${node.most === Infinity ? '' : node.most}}`
    case 'atomic':
      return `(?>${sourceOf(node.body)})`
    case 'ahead':
      return `(?=${sourceOf(node.body)})`
    case 'notAhead':
      return `(?!${sourceOf(node.body)})`
  }
}

function costOf(node: Node): Cost {
  switch (node.kind) {
    case 'letter':
      return stepCost
    case 'sequence':
      return sequenceCost(node.parts.map(costOf))
    case 'alternatives':
      return alternationCost(node.parts.map(costOf))
    case 'repeat':
      return repetitionCost(costOf(node.body), node.least, node.most)
    case 'atomic':
      return atomicCost(costOf(node.body))
    case 'ahead':
    case 'notAhead':
      return atomicCost(costOf(node.body), true)
  }
}

const counts = [
  [0, 1],
  [0, Infinity],
  [1, Infinity],
  [2, Infinity],
  [1, 3],
  [2, 2],
] as const

const { node: nodes } = fc.letrec<{ node: Node }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<Node>({ kind: 'letter', letter: 'a' }, { kind: 'letter', letter: 'b' }),
    fc.record({ kind: fc.constant('sequence' as const), parts: fc.array(tie('node'), { minLength: 1, maxLength: 3 }) }),
    fc.record({
      kind: fc.constant('alternatives' as const),
      parts: fc.array(tie('node'), { minLength: 2, maxLength: 3 }),
    }),
    fc
      .tuple(tie('node'), fc.constantFrom(...counts))
      .map(([body, [least, most]]): Node => ({ kind: 'repeat', body, least, most })),
    fc.record({ kind: fc.constantFrom('atomic' as const, 'ahead' as const, 'notAhead' as const), body: tie('node') }),
  ),
}))

const evil = [
  '(a|a)*b',
  '(a+)+b',
  '(a*)*b',
  '(a|aa)+$',
  '(a|a?)+b',
  '(ab?)*c',
  '(?:a?){30}a{30}',
  '(a|a){30}b',
  '((a|a){8}){8}b',
  '(?:(?:(?:a{1,64}){1,64}){1,64}){1,64}b',
  'a*a*b',
  '.*.*.*=',
  String.raw`\s+\s+$`,
  '(?=(a|a)*b)c',
  '(?!(a+)+b)a',
  '(?<=(a|a)*b)c',
  '(?>(a|a)*b)c',
  '(?:(a|a)*b)++c',
  '(?i:(a|A)*b)',
  '(?:a(?=a*b))*c',
  '(a|b|ab)*c',
  '(.*a){12}',
]

const published = {
  ...tiktokenPatterns,
  gpt2: String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
  llama3:
    String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*` +
    String.raw`|\s*[\r\n]+|\s+(?!\S)|\s+`,
  qwen2:
    String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*` +
    String.raw`|\s*[\r\n]+|\s+(?!\S)|\s+`,
  'cl100k, possessive':
    String.raw`'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$` +
    String.raw`|\s*[\r\n]|\s+(?!\S)|\s`,
  'digits in threes from the right': String.raw`\p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N}))|\P{N}+`,
}

describe('compilePattern on patterns that take long', () => {
  it.each(evil)('refuses %s', (source) => {
    expect(() => compilePattern(source, 'test')).toThrow(expect.objectContaining({ code: 'not-supported' }))
  })

  it.each(Object.entries(published))('accepts the published pattern %s', (_, source) => {
    expect(() => compilePattern(source, 'test', 'rust')).not.toThrow()
  })

  it('counts steps as they are: (a|a)*b doubles them with every letter', () => {
    const a: Node = { kind: 'letter', letter: 'a' }
    const body: Node = { kind: 'alternatives', parts: [a, a] }
    const node: Node = {
      kind: 'sequence',
      parts: [
        { kind: 'repeat', body, least: 0, most: Infinity },
        { kind: 'letter', letter: 'b' },
      ],
    }
    const steps = [6, 7].map((length) => {
      const counter = new StepCounter('a'.repeat(length))
      expect(counter.match(node, 0, () => true)).toBe(false)
      return counter.steps
    })
    expect(steps).toEqual([3 * 2 ** 7 - 3, 3 * 2 ** 8 - 3])
  })
})

describe('bounds of costs', () => {
  it('are never below the steps and ways that a backtracking matcher counts', () => {
    let affordable = 0
    const holds = (node: Node, text: string): void => {
      const cost = costOf(node)
      const limit = ({ constant, perCharacter }: Cost['work']): number =>
        constant + (perCharacter === 0 ? 0 : perCharacter * text.length)
      if (isAffordable(cost)) affordable++
      // What grows faster than linearly has no bound to compare with, and could take for ever.
      if (Number.isFinite(cost.first.perCharacter)) {
        const counter = new StepCounter(text)
        const found = counter.match(node, 0, () => true)
        expect(counter.steps).toBeLessThanOrEqual(limit(found ? cost.first : cost.failure))
        if (!cost.fallible) expect(found).toBe(true)
      }
      if (!Number.isFinite(cost.work.perCharacter + cost.paths.perCharacter)) return
      const counter = new StepCounter(text)
      let ways = 0
      counter.match(node, 0, () => {
        ways++
        return false
      })
      expect(counter.steps).toBeLessThanOrEqual(limit(cost.work))
      expect(ways).toBeLessThanOrEqual(limit(cost.paths))
    }
    const texts = fc.oneof(
      fc.constantFrom('', 'a', 'aaaaaaa', 'a'.repeat(40), `${'a'.repeat(30)}b`, 'ab'.repeat(20)),
      fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 }),
    )
    fc.assert(fc.property(nodes, texts, holds), { seed: 7, numRuns: 3000 })
    expect(affordable).toBeGreaterThan(1500)
  })

  it('decide what is compiled', () => {
    const agrees = (node: Node): void => {
      const compile = (): RegExp => compilePattern(sourceOf(node), 'test')
      if (isAffordable(costOf(node))) expect(compile).not.toThrow()
      else expect(compile).toThrow(expect.objectContaining({ code: 'not-supported' }))
    }
    fc.assert(fc.property(nodes, agrees), { seed: 8, numRuns: 1000 })
  })
})
