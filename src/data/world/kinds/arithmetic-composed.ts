/** Wordings that are put together from parts each time. */
import type { Random } from '../../../base/random.ts'
import * as parts from '../wordings/composed.ts'
import type { Shape } from './arithmetic-families.ts'

/** Every shape, as often as its families come. */
const shapes: readonly Shape[] = [
  ...(['add', 'add', 'add', 'subtract', 'subtract', 'subtract', 'multiply', 'multiply', 'divide', 'divide'] as const),
  ...(['add-subtract', 'add-add', 'multiply-add', 'multiply-subtract'] as const),
]

const event = (random: Random, events: readonly string[], slot: 'b' | 'c'): string =>
  random.pick(events).replace('{x}', `{${slot}}`)

/** A start, what happens to {b} and {c} of it, and a question. */
function account(random: Random, changes: readonly ('gains' | 'losses')[]): string[] {
  const { starts, asks, ...events } = random.pick(parts.accounts)
  const happens = changes.map((change, index) => event(random, events[change], index === 0 ? 'b' : 'c'))
  return [random.pick(starts), ...happens, random.pick(asks)]
}

const picked = (random: Random, ...lists: readonly (readonly string[])[]): string[] =>
  lists.map((list) => random.pick(list))

function sentencesOf(random: Random, shape: Shape): string[] {
  const chance = random.float()
  switch (shape) {
    case 'add':
      if (chance < 0.55) return account(random, ['gains'])
      return chance < 0.85 ? picked(random, parts.pairStarts, parts.pairTotals) : picked(random, parts.moreThan)
    case 'subtract':
      if (chance < 0.55) return account(random, ['losses'])
      return chance < 0.8 ? picked(random, parts.pairStarts, parts.pairDifferences) : picked(random, parts.fewerThan)
    case 'multiply':
      return picked(random, parts.groupStarts, parts.groupTotals)
    case 'divide':
      return chance < 0.6
        ? picked(random, parts.shareStarts, parts.shareAsks)
        : picked(random, parts.packStarts, parts.packAsks)
    case 'add-subtract':
      return account(random, ['gains', 'losses'])
    case 'add-add':
      return account(random, ['gains', 'gains'])
    case 'multiply-add':
      return picked(random, parts.groupStarts, parts.groupGains, parts.groupTotals)
    case 'multiply-subtract':
      return picked(random, parts.groupStarts, parts.groupLosses, parts.groupRests)
  }
}

/** A wording of a word problem as those of the families, "question || closing sentence", with the shape of its numbers. */
export function composedProblem(random: Random): { readonly shape: Shape; readonly wording: string } {
  const shape = random.pick(shapes)
  const sentences = sentencesOf(random, shape)
  // Before any sentence but the question, which goes on with "they" and "that".
  if (random.float() < 0.35)
    sentences.splice(random.integer(0, Math.max(1, sentences.length - 1)), 0, random.pick(parts.scenery))
  return { shape, wording: sentences.join(' ') }
}

/** A wording of an equation. */
export function composedEquation(random: Random, sign: keyof typeof parts.resultNames): string {
  const frame = random.pick(parts.resultFrames).replace('{e}', random.pick(parts.resultNames[sign]))
  return frame.charAt(0).toUpperCase() + frame.slice(1)
}
