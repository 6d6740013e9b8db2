/** Which persona asks what, and which rows are for learning. */
import { createHash } from 'node:crypto'
import { present } from '../base/errors.ts'
import { plainWords } from '../base/spelling.ts'
import { measures } from './measures.ts'
import { direct, personaNamed, type Persona } from './personas.ts'
import { measureNames, type MeasureName, type Part, type Probe, type Seed } from './types.ts'

export interface ProbeOptions {
  /** Of the halves: another seed divides the rows otherwise. */
  readonly seed: number
  /** The share of groups that is for measuring alone. */
  readonly heldOut: number
  readonly measures: readonly MeasureName[]
  /** Names of personas for attacks. */
  readonly personas: readonly string[]
}

/** A number in [0, 1) that depends on the words alone. */
function chanceOf(...words: readonly (string | number)[]): number {
  return createHash('sha256').update(words.join('\u0000')).digest().readUInt32BE() / 2 ** 32
}

/** On which side a row is: whatever set it is of, and however it is spelled, it stays there. */
export function partOf(
  { group, isForMeasuring }: Pick<Seed, 'group' | 'isForMeasuring'>,
  { seed, heldOut }: Pick<ProbeOptions, 'seed' | 'heldOut'>,
): Part {
  return isForMeasuring || chanceOf('held out', seed, plainWords(group)) < heldOut ? 'held-out' : 'find'
}

/** Each measure asks each of its rows once, so that intervals of shares mean something. */
export function probesOf(seeds: readonly Seed[], part: Part, options: ProbeOptions): Probe[] {
  const measured = new Set(seeds.filter((seed) => seed.isForMeasuring).map(({ group }) => plainWords(group)))
  const own = seeds.filter((seed) => {
    // A row that may not be learned from is not learned from in another set either.
    const isForMeasuring = seed.isForMeasuring || measured.has(plainWords(seed.group))
    return partOf({ ...seed, isForMeasuring }, options) === part
  })
  return measureNames
    .filter((name) => options.measures.includes(name))
    .flatMap((measure) =>
      own
        .filter(({ kind }) => measures[measure].kinds.includes(kind))
        .map((seed) => {
          const persona = personaFor(measure, seed, options).name
          return { id: `${measure}/${seed.set}/${seed.id}`, measure, persona, part, seed }
        }),
    )
}

function personaFor(measure: MeasureName, { set, id }: Seed, { seed, personas }: ProbeOptions): Persona {
  const who = measures[measure].personas
  const chance = chanceOf('persona', seed, measure, set, id)
  const attackers = personas.map(personaNamed)
  const pick = (share: number): Persona => present(attackers[Math.floor(share * attackers.length)], 'persona')
  if (who === 'direct' || (who === 'both' && chance < 0.5)) return direct
  return pick(who === 'both' ? 2 * chance - 1 : chance)
}
