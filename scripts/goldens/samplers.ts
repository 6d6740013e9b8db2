/** Sampling distributions; no weights. */
import { distributionOf, type SamplingOptions } from '../../src/engine/sampling.ts'
import type { FileTree } from '../../src/formats/tree.ts'
import { largestDifference, tolerances, type Row } from './compare.ts'

/** The file of the reference library's results. */
export interface SamplersJson {
  readonly sets: readonly {
    readonly logits: readonly number[]
    readonly previous_token_ids: readonly number[]
    readonly cases: readonly {
      readonly name: string
      readonly params: Readonly<Record<string, number>>
      /** null is minus infinity. */
      readonly processed_logits: readonly (number | null)[]
      readonly probs: readonly number[]
      readonly kept: number
    }[]
  }[]
}

const optionNames: Readonly<Record<string, keyof SamplingOptions>> = {
  temperature: 'temperature',
  top_k: 'topK',
  top_p: 'topP',
  min_p: 'minP',
  repetition_penalty: 'repetitionPenalty',
}

/** The names of the reference library as ours; a temperature of 1 where none is given, as there. */
export function samplingOptions(params: Readonly<Record<string, number>>): SamplingOptions {
  const options: Record<string, number> = { temperature: 1 }
  for (const [name, value] of Object.entries(params)) {
    const ours = optionNames[name]
    if (ours === undefined) throw new Error(`unknown sampling parameter "${name}"`)
    options[ours] = value
  }
  return options
}

export async function samplersFolder(tree: FileTree, folder: string): Promise<Row[]> {
  const { sets } = (await tree.readJson('samplers.json')) as SamplersJson
  return sets.flatMap(({ logits, previous_token_ids: previous, cases }, index) =>
    cases.map((item): Row => {
      const { ids, scores, probabilities } = distributionOf(logits, previous, samplingOptions(item.params))
      const spread = (values: Float64Array, elsewhere: number): number[] => {
        const all = new Array<number>(logits.length).fill(elsewhere)
        ids.forEach((id, at) => (all[id] = values[at] as number))
        return all
      }
      const processed = item.processed_logits.map((score) => score ?? -Infinity)
      const measured = [
        { what: 'kept', difference: Math.abs(ids.length - item.kept), tolerance: 0 },
        { what: 'scores', difference: largestDifference(spread(scores, -Infinity), processed) },
        { what: 'probabilities', difference: largestDifference(spread(probabilities, 0), item.probs) },
      ]
      return {
        folder,
        name: `${index + 1} ${item.name}`,
        measured: measured.map((entry) => ({ tolerance: tolerances.probabilities, ...entry })),
        usesWeights: false,
      }
    }),
  )
}
