import type { Random } from '../../../base/random.ts'
import { capitalise } from '../grammar.ts'
import { worldHash } from '../held-out.ts'
import { generic, type Thing } from '../tables/parse.ts'
import type { Exchange, Split } from '../types.ts'
import { sizeComparisonFrames, sizeYesNoFrames } from '../wordings/equations.ts'
import { factsByProperty } from './thing-facts.ts'

const ranks: Readonly<Record<string, number>> = { tiny: 0, small: 1, big: 2, huge: 3 }

interface Sized {
  readonly thing: Thing
  readonly rank: number
}

const sized: readonly Sized[] = (factsByProperty.get('size') ?? [])
  .filter((fact) => fact.thing.form === 'count')
  .map((fact) => ({ thing: fact.thing, rank: ranks[fact.value] ?? 1 }))

/** One pair of things in ten is compared in evaluation only. */
export function isHeldOutComparison(first: Thing, second: Thing): boolean {
  return worldHash([first.name, second.name].toSorted().join('<>')) % 10 === 0
}

const trainingQuestions: readonly string[] = [
  'Which is {word}, {a} or {b}?',
  'What is {word}, {a} or {b}?',
  'Is {a} {word} than {b}?',
  'Tell me which is {word}, {a} or {b}.',
  ...sizeComparisonFrames,
  ...sizeYesNoFrames,
]
/** After these the answer begins with yes or no. */
const yesNoQuestions = new Set(['Is {a} {word} than {b}?', ...sizeYesNoFrames])
const heldOutQuestions = ['Of {a} and {b}, which one is {word}?', '{A} or {b}: which of them is {word}?']

/** Compares the sizes of two things that are at least two ranks apart. */
export function comparisonExchange(random: Random, split: Split): Exchange & { readonly winner: string } {
  for (;;) {
    const one = random.pick(sized)
    const two = random.pick(sized)
    if (Math.abs(one.rank - two.rank) < 2) continue
    if (isHeldOutComparison(one.thing, two.thing) !== (split === 'heldOut')) continue
    const word = random.pick(['bigger', 'smaller'])
    const first = generic(one.thing)
    const second = generic(two.thing)
    const firstWins = word === 'bigger' ? one.rank > two.rank : one.rank < two.rank
    const template = random.pick(split === 'training' ? trainingQuestions : heldOutQuestions)
    const question = capitalise(
      template
        .replaceAll('{a}', first)
        .replaceAll('{A}', capitalise(first))
        .replaceAll('{b}', second)
        .replaceAll('{B}', capitalise(second))
        .replaceAll('{word}', word),
    )
    const [winner, loser] = firstWins ? [first, second] : [second, first]
    const fact = `${winner} is ${word} than ${loser}.`
    if (!yesNoQuestions.has(template)) return { question, answer: capitalise(fact), winner }
    return { question, answer: firstWins ? `Yes, ${fact}` : `No, ${fact}`, winner }
  }
}
