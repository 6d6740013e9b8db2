import { describe, expect, it } from 'vitest'
import samplers from '../../tests/fixtures/samplers.json' with { type: 'json' }
import { Random } from '../base/random.ts'
import {
  candidatesAreEnough,
  checkSampling,
  distributionOf,
  distributionOfCandidates,
  draw,
  logProbabilities,
  type Candidates,
  type SamplingOptions,
} from './sampling.ts'

const names: Readonly<Record<string, string>> = {
  temperature: 'temperature',
  top_k: 'topK',
  top_p: 'topP',
  min_p: 'minP',
  repetition_penalty: 'repetitionPenalty',
}

describe('distributionOf', () => {
  samplers.sets.forEach((set, index) =>
    it.each(set.cases)(`agrees with the reference library: set ${index}, $name`, ({ params, probs, kept }) => {
      const given = Object.entries(params).map(([name, value]) => [names[name], value])
      const options: SamplingOptions = { temperature: 1, ...Object.fromEntries(given) }
      const { ids, probabilities } = distributionOf(set.logits, set.previous_token_ids, options)
      expect(ids.length).toBe(kept)
      const all = new Array<number>(probs.length).fill(0)
      ids.forEach((id, at) => (all[id] = probabilities[at] ?? NaN))
      all.forEach((probability, id) => expect(Math.abs(probability - (probs[id] ?? NaN))).toBeLessThan(1e-6))
    }),
  )

  it('keeps what a full sort keeps, ties included', () => {
    const random = new Random(5)
    for (let round = 0; round < 200; round++) {
      const count = random.integer(1, 60)
      // Few different values, so that there are many ties.
      const logits = Array.from({ length: count }, () => random.integer(0, 6) / 2)
      const k = random.integer(1, count + 2)
      const descending = logits.toSorted((left, right) => right - left)
      const threshold = descending[Math.min(k, count) - 1] ?? NaN
      const expected = [...logits.keys()].filter((id) => (logits[id] ?? NaN) >= threshold)
      expect([...distributionOf(logits, [], { temperature: 1, topK: k }).ids]).toEqual(expected)
    }
  })

  it('lets the fewest tokens through that reach top-p, the later of equals first', () => {
    const logits = [0, 1, 1, 1, 0].map((weight) => Math.log(1 + weight))
    // 1/8 + 2/8 * 3 + 1/8
    expect([...distributionOf(logits, [], { temperature: 1, topP: 0.2 }).ids]).toEqual([3])
    expect([...distributionOf(logits, [], { temperature: 1, topP: 0.4 }).ids]).toEqual([2, 3])
    expect([...distributionOf(logits, [], { temperature: 1, topP: 0.8 }).ids]).toEqual([1, 2, 3, 4])
  })

  it('is the first of the greatest at temperature 0, after the penalty', () => {
    expect([...distributionOf([1, 3, 3, 2], [], {}).ids]).toEqual([1])
    expect([...distributionOf([1, 3, 3, 2], [1, 1], { repetitionPenalty: 1.5 }).ids]).toEqual([2])
    expect([...distributionOf([-1, -2], [0], { repetitionPenalty: 3 }).ids]).toEqual([1])
  })

  it('adds a bias to logits before the penalty multiplies or divides them', () => {
    expect([...distributionOf([1, 3, 2], [], { logitBias: new Map([[2, 1.5]]) }).ids]).toEqual([2])
    // (-1 + 2) / 2 and not -1 * 2 + 2.
    const { scores } = distributionOf([-1, -9], [0], { logitBias: new Map([[0, 2]]), repetitionPenalty: 2 })
    expect([...scores]).toEqual([0.5])
    const forbidden = distributionOf([5, 1], [], { temperature: 1, logitBias: new Map([[0, -100]]) })
    expect(forbidden.probabilities[0]).toBeLessThan(1e-40)
  })

  it('keeps what a full sort keeps of top-p and min-p', () => {
    const random = new Random(6)
    for (let round = 0; round < 200; round++) {
      const logits = Array.from(
        { length: random.integer(1, 300) },
        () => 4 * random.normal() - (random.float() < 0.1 ? 60 : 0),
      )
      const topP = random.float() * 0.999 + 0.001
      const minP = random.float() / 4
      const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0)
      const order = [...logits.keys()].toSorted((left, right) => (logits[right] ?? NaN) - (logits[left] ?? NaN))
      const probability = (id: number | undefined): number => Math.exp(logits[id ?? -1] ?? NaN) / total
      let mass = 0
      const expected = order.filter((id) => {
        const isKept = mass < topP
        mass += probability(id)
        return isKept && probability(id) >= minP * probability(order[0])
      })
      const { ids } = distributionOf(logits, [], { temperature: 1, topP, minP })
      expect([...ids]).toEqual(expected.toSorted((left, right) => left - right))
    }
  })

  it('refuses logits that are no numbers', () => {
    for (const options of [{}, { temperature: 1 }, { temperature: 1, topK: 1 }, { temperature: 1, topP: 0.5 }]) {
      expect(() => distributionOf([NaN, NaN], [], options)).toThrowError(/no usable logits/)
    }
  })

  it('refuses options out of range', () => {
    for (const options of [{ temperature: -1 }, { topK: 1.5 }, { topP: 0 }, { minP: 2 }, { repetitionPenalty: NaN }]) {
      expect(() => checkSampling(options, 4)).toThrowError(/cannot be used/)
    }
    for (const [id, bias] of [
      [4, 1],
      [-1, 1],
      [0.5, 1],
      [0, Infinity],
    ] as const) {
      expect(() => checkSampling({ logitBias: new Map([[id, bias]]) }, 4)).toThrowError(/"logitBias" cannot be used/)
    }
  })
})

describe('logits that are no numbers', () => {
  it('are refused wherever they are, at every temperature', () => {
    for (const temperature of [0, 0.7, 1]) {
      for (const wrong of [
        [NaN, 1, 2],
        [1, NaN, 2],
        [1, 2, NaN],
        [NaN, NaN],
        [1, Infinity],
        [-Infinity, -Infinity],
      ]) {
        expect(() => distributionOf(wrong, [], { temperature })).toThrowError(
          expect.objectContaining({ code: 'invalid-file' }),
        )
      }
      // A token that is ruled out is no mistake.
      expect(distributionOf([-Infinity, 2], [], { temperature }).probabilities.at(-1)).toBe(1)
    }
  })

  it('are refused where an extreme temperature or penalty makes them', () => {
    for (const options of [{ temperature: 1e-320 }, { temperature: 1, repetitionPenalty: 1e-320 }]) {
      expect(() => distributionOf([3, 2], [0], options)).toThrowError(
        expect.objectContaining({ code: 'invalid-argument' }),
      )
    }
    expect([...distributionOf([3, 2], [], { temperature: 1e-300 }).probabilities]).toEqual([1, 0])
  })
})

/** What the operation topK finds. */
function candidatesFrom(logits: Float32Array, count: number): Candidates {
  const ids = Int32Array.from(logits.keys()).sort(
    (left, right) => (logits[right] ?? 0) - (logits[left] ?? 0) || left - right,
  )
  return { ids: ids.slice(0, count), logits: Float32Array.from(ids.slice(0, count), (id) => logits[id] ?? NaN) }
}

describe('distributionOfCandidates', () => {
  it('is the distribution of all logits to the last bit, or says that equals may be missing', () => {
    const random = new Random(8)
    let [found, missing] = [0, 0]
    for (let round = 0; round < 1000; round++) {
      const isCoarse = round % 2 === 0
      const logits = Float32Array.from({ length: random.integer(20, 400) }, () =>
        isCoarse ? random.integer(-20, 21) / 4 : 3 * random.normal(),
      )
      const [count, topK] = [random.integer(10, 20), random.integer(1, 10)]
      const options: SamplingOptions = {
        temperature: random.pick([0, 0.3, 1, 1.7]),
        topK,
        topP: random.pick([1, 0.9, 0.5]),
        minP: random.pick([0, 0.05]),
      }
      expect(candidatesAreEnough(options, count)).toBe(true)
      const expected = distributionOf(logits, [], options)
      const few = distributionOfCandidates(candidatesFrom(logits, count), options)
      if (few !== undefined) expect(few).toEqual(expected)
      else
        expect(
          logits.filter((logit) => logit >= (candidatesFrom(logits, topK).logits.at(-1) ?? NaN)).length,
        ).toBeGreaterThanOrEqual(count)
      if (few === undefined) missing++
      else found++
    }
    expect(found).toBeGreaterThan(500)
    expect(missing).toBeGreaterThan(20)
  })

  it('is not asked where other logits count', () => {
    expect(candidatesAreEnough({}, 64)).toBe(true)
    expect(candidatesAreEnough({ temperature: 0, topK: 100 }, 64)).toBe(true)
    expect(candidatesAreEnough({ temperature: 0, repetitionPenalty: 1.1 }, 64)).toBe(false)
    expect(candidatesAreEnough({ temperature: 0, logitBias: new Map([[1, 1]]) }, 64)).toBe(false)
    expect(candidatesAreEnough({ temperature: 0, logitBias: new Map() }, 64)).toBe(true)
    expect(candidatesAreEnough({ temperature: 1 }, 64)).toBe(false)
    expect(candidatesAreEnough({ temperature: 1, topK: 63 }, 64)).toBe(true)
    expect(candidatesAreEnough({ temperature: 1, topK: 64 }, 64)).toBe(false)
  })

  it('refuses what the distribution of all logits refuses', () => {
    const of = (first: number, options: SamplingOptions) => () =>
      distributionOfCandidates({ ids: Int32Array.of(5, 1, 2), logits: Float32Array.of(first, 1, 0) }, options)
    for (const options of [{}, { temperature: 1, topK: 2 }]) {
      for (const first of [NaN, Infinity]) expect(of(first, options)).toThrow('no usable logits')
    }
    expect(of(3e38, { temperature: 1e-300, topK: 2 })).toThrow('range of numbers')
  })
})

describe('draw', () => {
  it('draws as often as the probabilities say, and the same for the same seed', () => {
    const distribution = distributionOf([0, 1, 2].map(Math.log1p), [], { temperature: 1 })
    const counts = [0, 0, 0]
    const random = new Random(7)
    for (let round = 0; round < 60_000; round++) {
      const id = draw(distribution, random)
      counts[id] = (counts[id] ?? NaN) + 1
    }
    counts.forEach((count, id) => expect(Math.abs(count / 60_000 - (id + 1) / 6)).toBeLessThan(0.01))
    const sequence = (seed: number): number[] => {
      const source = new Random(seed)
      return Array.from({ length: 20 }, () => draw(distribution, source))
    }
    expect(sequence(3)).toEqual(sequence(3))
    expect(sequence(3)).not.toEqual(sequence(4))
  })
})

describe('logProbabilities', () => {
  it('are those of the softmax, the likeliest first', () => {
    const { chosen, top } = logProbabilities([Math.log(1), Math.log(5), Math.log(2), Math.log(2)], 0, 3)
    expect(chosen.logprob).toBeCloseTo(Math.log(0.1), 12)
    expect(top.map(({ id }) => id)).toEqual([1, 2, 3])
    expect(top.map(({ logprob }) => Math.exp(logprob))).toEqual([
      expect.closeTo(0.5, 12),
      expect.closeTo(0.2, 12),
      expect.closeTo(0.2, 12),
    ])
    expect(logProbabilities([1, 2], 1, 0).top).toEqual([])
    expect(logProbabilities([1, 2], 1, 9).top).toHaveLength(2)
  })
})
