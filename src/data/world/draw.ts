/** How items of the world are drawn: by the seed, a label and an index alone, and by the weights of kinds. */
import { PocketPhiError } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import { worldHash } from './held-out.ts'

/** Weights by name of a kind; what is not named keeps its weight, 0 leaves a kind out. */
export type Mixture = Readonly<Record<string, number>>

interface Named {
  readonly name: string
}

/** A stream for one item; the label keeps documents, conversations and preferences of one index apart. */
export function itemStream(seed: number, label: string, index: number): Random {
  return new Random(worldHash(`${seed}/${label}/${index}`))
}

/** @throws PocketPhiError `invalid-argument` naming the kinds that there are */
export function kindNamed<Kind extends Named>(kinds: readonly Kind[], name: string): Kind {
  const kind = kinds.find((candidate) => candidate.name === name)
  if (kind === undefined) {
    throw new PocketPhiError('invalid-argument', `The world has no kind "${name}".`, {
      expected: `one of ${kinds.map((candidate) => candidate.name).join(', ')}`,
    })
  }
  return kind
}

/**
 * A kind by its weight.
 *
 * @throws PocketPhiError `invalid-argument` for a mixture with a kind that there is not, `invalid-config` where no weight is positive
 */
export function pickKind<Kind extends Named>(
  random: Random,
  kinds: readonly Kind[],
  usualWeight: (kind: Kind) => number,
  mixture: Mixture | undefined,
): Kind {
  for (const name of Object.keys(mixture ?? {})) kindNamed(kinds, name)
  const weightOf = (kind: Kind): number => mixture?.[kind.name] ?? usualWeight(kind)
  let point = random.float() * kinds.reduce((sum, kind) => sum + weightOf(kind), 0)
  for (const kind of kinds) {
    point -= weightOf(kind)
    if (point < 0) return kind
  }
  throw new PocketPhiError('invalid-config', 'The mixture of the world has no positive weight.')
}
