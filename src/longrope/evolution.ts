/** The evolutionary search of LongRoPE (Ding et al., 2024, algorithm 1), apart from how a candidate is measured. */
import { Random } from '../base/random.ts'
import { cross, keyOf, mutate, type Candidate, type SearchSpace } from './candidates.ts'

export interface EvolutionSettings {
  /** Candidates of the first generation. */
  readonly population: number
  /** The best of a generation, which the next one consists of beside their children. */
  readonly parents: number
  /** Children of one parent in each generation. */
  readonly mutations: number
  /** Children of two parents in each generation. */
  readonly crossovers: number
  /** Generations after the first. */
  readonly generations: number
  /** Of each gene to be drawn anew. */
  readonly mutationProbability: number
  readonly seed: number
}

/** Those of the paper; it halves them for lengths above 512k. */
export const publishedSettings: EvolutionSettings = {
  population: 64,
  parents: 32,
  mutations: 16,
  crossovers: 16,
  generations: 40,
  mutationProbability: 0.3,
  seed: 0,
}

/** A candidate that was measured. */
export interface Measured extends Candidate {
  /** The generation that it was born in, counted from 0. */
  readonly generation: number
  /** Mean loss per token, in nats. */
  readonly loss: number
}

/** Measurements of a search that finds new candidates whenever it looks for them. */
export function plannedMeasurements(settings: EvolutionSettings): number {
  return settings.population + settings.generations * (settings.mutations + settings.crossovers)
}

/** The best first; of equal ones the one that was there first. */
export function ranked(measured: readonly Measured[]): Measured[] {
  return [...measured].sort((left, right) => left.loss - right.loss)
}

/** Draws of a child after which the space around its parent is taken to be exhausted. */
const mostDraws = 100

/** Draws candidates, none twice. */
class Breeder {
  readonly #known = new Set<string>()
  readonly #random: Random
  readonly #settings: EvolutionSettings
  readonly #space: SearchSpace

  constructor(settings: EvolutionSettings, space: SearchSpace) {
    this.#settings = settings
    this.#space = space
    this.#random = new Random(settings.seed)
  }

  /** The candidates that were not there yet. */
  admit(candidates: readonly Candidate[]): Candidate[] {
    return candidates.filter((candidate) => {
      const isNew = !this.#known.has(keyOf(candidate))
      this.#known.add(keyOf(candidate))
      return isNew
    })
  }

  /** Up to `count` new mutations of random parents. */
  mutations(parents: readonly Candidate[], count: number): Candidate[] {
    return this.#children(count, () => this.#mutation(this.#random.pick(parents)))
  }

  /** Up to `count` new children of pairs of parents, or mutations where a pair has none. */
  crossovers(parents: readonly Candidate[], count: number): Candidate[] {
    const { mutationProbability } = this.#settings
    return this.#children(count, () => {
      const first = this.#random.pick(parents)
      const others = parents.filter((parent) => parent !== first)
      const child =
        others.length === 0
          ? undefined
          : cross(first, this.#random.pick(others), mutationProbability, (found) => this.#isNew(found), this.#random)
      return child ?? this.#mutation(first)
    })
  }

  #isNew(candidate: Candidate): boolean {
    return !this.#known.has(keyOf(candidate))
  }

  #children(count: number, draw: () => Candidate | undefined): Candidate[] {
    const children: Candidate[] = []
    for (let index = 0; index < count; index++) {
      const child = draw()
      if (child !== undefined) children.push(...this.admit([child]))
    }
    return children
  }

  #mutation(parent: Candidate): Candidate | undefined {
    for (let attempt = 0; attempt < mostDraws; attempt++) {
      const child = mutate(parent, this.#settings.mutationProbability, this.#space, this.#random)
      if (this.#isNew(child)) return child
    }
    return undefined
  }
}

/**
 * Looks for the candidate of least loss. What is drawn depends on the settings and on the losses alone, so that a search whose
 * losses were written down can be told again to where it was broken off.
 *
 * @param seeds monotone candidates of the space
 * @param measure called one after the other, and never twice for the same candidate
 * @param onGeneration hears what was measured so far
 * @returns all that was measured, in order
 */
export async function evolve(
  seeds: readonly Candidate[],
  settings: EvolutionSettings,
  space: SearchSpace,
  measure: (candidate: Candidate, generation: number) => Promise<number>,
  onGeneration: (measured: readonly Measured[]) => Promise<void> = async () => {},
): Promise<readonly Measured[]> {
  const breeder = new Breeder(settings, space)
  const history: Measured[] = []
  const measureAll = async (candidates: readonly Candidate[], generation: number): Promise<Measured[]> => {
    const measured: Measured[] = []
    for (const candidate of candidates) {
      const loss = await measure(candidate, generation)
      measured.push({ ...candidate, generation, loss })
    }
    history.push(...measured)
    await onGeneration(history)
    return measured
  }
  const first = breeder.admit(seeds)
  const rest = breeder.mutations(first, settings.population - first.length)
  let population = await measureAll([...first, ...rest], 0)
  for (let generation = 1; generation <= settings.generations; generation++) {
    const parents = ranked(population).slice(0, settings.parents)
    const children = [
      ...breeder.mutations(parents, settings.mutations),
      ...breeder.crossovers(parents, settings.crossovers),
    ]
    population = [...parents, ...(await measureAll(children, generation))]
  }
  return history
}
