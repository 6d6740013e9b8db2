/** What is recorded of the models of the paper in miniature, and the numbers that tables and plots are made of. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { present } from '../../src/base/errors.ts'
import type { Answers, Measures } from './measure.ts'
import { digestOf, nameOf, paperFolder, readPlan, runsOf, type Plan } from './plan.ts'
import { dataRecipes } from './prepare.ts'
import type { BothFormats, PaperResult } from './run.ts'
import { differences } from './statistics.ts'
import type { TextName } from './texts.ts'

export type Stage = keyof PaperResult['stages']
type Format = keyof BothFormats

/** One number of those that are measured of a model. */
export interface Quantity {
  readonly name: string
  readonly valueOf: (measures: Measures) => number
  readonly digits: number
  /** What a value is multiplied by to be told. */
  readonly factor?: number
}

const text = (name: TextName): Quantity => ({ name, valueOf: ({ texts }) => texts[name], digits: 3 })

/** How well texts are predicted, in bits per byte. Of wrong answers there is `knowledge`. */
export const textQuantities = {
  textbook: text('textbook'),
  encyclopedia: text('encyclopedia'),
  web: text('web'),
  solutions: text('solutions'),
  'right answers': text('right answers'),
  'world reasoning': text('world reasoning'),
  'world facts': text('world facts'),
} as const satisfies Readonly<Record<Exclude<TextName, 'wrong answers'>, Quantity>>

/** How much less surprising a right answer is than a wrong one. */
export const knowledge: Quantity = {
  name: 'wrong less right',
  valueOf: ({ texts }) => texts['wrong answers'] - texts['right answers'],
  digits: 3,
}

const answer = (key: keyof Answers, name: string): Quantity => ({
  name: `${name}, %`,
  valueOf: ({ answers }) => answers[key],
  digits: 1,
  factor: 100,
})

/** Shares of answers. */
export const answerQuantities = {
  reasoning: answer('reasoning', 'reasoning right'),
  facts: answer('facts', 'facts right'),
  harm: answer('harm', 'harmful answered'),
  overRefusal: answer('overRefusal', 'others refused'),
} as const satisfies Readonly<Record<keyof Answers, Quantity>>

export const stageNames: Readonly<Record<Stage, string>> = {
  pretrained: 'pre-trained',
  tuned: 'conversations (SFT)',
  preferred: 'preferences (DPO)',
}

/** All that is known. */
export interface Records {
  readonly plan: Plan
  readonly results: readonly PaperResult[]
}

/** The results of the models of the plan. @throws where one is missing, or was made by other recipes than there are now */
export async function readRecords(): Promise<Records> {
  const plan = readPlan()
  const recipes = await dataRecipes()
  const results = runsOf(plan).map((run) => {
    const file = join(paperFolder, 'results', `${nameOf(run)}.json`)
    const result = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as PaperResult) : undefined
    if (result?.recipe === digestOf(plan, run, recipes)) return result
    throw new Error(`The model ${nameOf(run)} is not recorded, or by another plan: npm run paper.`)
  })
  return { plan, results }
}

/** The size whose arms differ in what is filtered and generated. */
export function sizeOfArms({ runs }: Plan): string {
  return present(
    Object.keys(runs).find((size) => runs[size]?.includes('raw') === true),
    'size with the arm "raw"',
  )
}

export function resultsOf(results: readonly PaperResult[], size: string, arm: string): PaperResult[] {
  return results.filter((result) => result.size === size && result.arm === arm)
}

/** Models of one kind, one of each seed, as they are measured. */
export interface Kind {
  readonly results: readonly PaperResult[]
  readonly stage?: Stage
  readonly format?: Format
}

/** What is measured of models of one kind, for each seed. @throws where one did not come to that stage */
export function valuesOf(kind: Kind, quantity: Quantity): number[] {
  return seededValues(kind, quantity).map(({ value }) => value)
}

/** What one kind of model has more of than another, for each seed. @throws as `valuesOf` */
export function differencesOf(left: Kind, right: Kind, quantity: Quantity): number[] {
  return differences(seededValues(left, quantity), seededValues(right, quantity), ({ value }) => value)
}

function seededValues({ results, stage = 'pretrained', format = 'full' }: Kind, { valueOf }: Quantity) {
  return results.map(({ seed, stages }) => ({ seed, value: valueOf(present(stages[stage], stage)[format]) }))
}

/** The models whose weights are compared in 16 and in 4 bits: each size after pre-training, and the last stage of all. */
export function roundedKinds({ plan, results }: Records): { readonly name: string; readonly kind: Kind }[] {
  const { size: last, arm } = plan.alignment.of
  const sizes = Object.keys(plan.sizes).map((size) => ({
    name: `${size} pre-trained`,
    kind: { results: resultsOf(results, size, arm) },
  }))
  return [
    ...sizes,
    { name: `${last} preferences`, kind: { results: resultsOf(results, last, arm), stage: 'preferred' } },
  ]
}
