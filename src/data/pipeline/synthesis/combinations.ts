/** Which topic, audience and form are brought together, in an order of chance that holds when more are wanted. */
import { createHash } from 'node:crypto'
import { PocketPhiError } from '../../../base/errors.ts'
import { Random } from '../../../base/random.ts'
import { formNames, forms, type FormName } from './forms/index.ts'
import type { SynthesisPlan } from './plan.ts'

export interface Combination {
  /** Of topic, audience and form: the same in every plan. */
  readonly id: string
  readonly form: FormName
  readonly topic: string
  readonly audience: string
  /** How the text is to begin. */
  readonly opening: string
}

type Drawn = Pick<SynthesisPlan, 'seed' | 'count' | 'audiences' | 'forms'>

/**
 * Draws combinations without repetition, each form as often as its weight says (weighted sampling without replacement by exponential keys: Efraimidis
 * and Spirakis, 2006). A key depends on seed and combination alone: a greater count adds to those that there were, and new topics come between them.
 *
 * @throws PocketPhiError `invalid-config` where there are fewer than the plan counts on
 */
export function drawCombinations(plan: Drawn, topics: readonly string[]): readonly Combination[] {
  const keyed: { readonly key: number; readonly combination: Combination }[] = []
  for (const form of formNames) {
    const weight = plan.forms[form]
    if (weight === undefined) continue
    for (const topic of topics) {
      for (const audience of new Set(plan.audiences)) {
        const combination = combinationOf(form, topic, audience)
        keyed.push({ key: drawKey(plan.seed, combination.id, weight), combination })
      }
    }
  }
  if (keyed.length < plan.count) {
    throw new PocketPhiError('invalid-config', 'The plan counts on more combinations than there are.', {
      expected: `"count" of at most ${keyed.length}: topics times audiences times forms`,
      found: String(plan.count),
      remedy: 'Add topics or audiences, or lower "count".',
    })
  }
  keyed.sort((a, b) => a.key - b.key || (a.combination.id < b.combination.id ? -1 : 1))
  return keyed.slice(0, plan.count).map(({ combination }) => combination)
}

function combinationOf(form: FormName, topic: string, audience: string): Combination {
  const digest = createHash('sha256')
    .update(JSON.stringify([form, topic, audience]))
    .digest()
  const opening = new Random(digest.readInt32BE(0)).pick(forms[form].openings)
  return { id: digest.toString('hex', 0, 8), form, topic, audience, opening }
}

function drawKey(seed: number, id: string, weight: number): number {
  const digest = createHash('sha256').update(`${seed} ${id}`).digest()
  const uniform = (digest.readUIntBE(0, 6) + 0.5) / 2 ** 48
  return -Math.log(uniform) / weight
}
