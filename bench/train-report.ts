/** Medians of rounds of training as tables. */
import { formatTable } from '../src/cli/terminal.ts'
import type { JaxTrainRound } from './jax-js-round.ts'
import type { Roofs } from './roofs.ts'
import { median } from './summary.ts'
import { isQuiet } from './verdict.ts'
import { batch, multiplyAddsOfStep, rows, shape, type TrainRound } from './train-model.ts'
import type { EngineTrainRound } from './train-round.ts'

export interface TrainMeasured {
  /** Of one thread. */
  readonly roofs: (Roofs & { readonly cpuSeconds: number })[]
  readonly plain: EngineTrainRound[]
  readonly wide: EngineTrainRound[]
  readonly jaxJs: JaxTrainRound[]
  /** Shares of one processor that others took, round by round. */
  readonly others: number[]
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
/** From multiply-adds. */
const gigaflops = (rate: number): string => ((2 * rate) / 1e9).toFixed(1)
const { products, attention } = multiplyAddsOfStep()

function speedRow(name: string, rounds: readonly (TrainRound & { readonly products: number })[], ofOne?: number) {
  const times = rounds.map(({ stepSeconds }) => stepSeconds)
  const step = median(times)
  const matmul = median(rounds.map((round) => round.products))
  // Of each round by its own rate, since both drift with the clock of the machine.
  const share = median(rounds.map((round) => (products + attention) / round.stepSeconds / round.products))
  return [
    name,
    ofOne === undefined ? '' : gigaflops(ofOne),
    gigaflops(matmul),
    (1000 * step).toFixed(0),
    `${(1000 * Math.min(...times)).toFixed(0)} to ${(1000 * Math.max(...times)).toFixed(0)}`,
    (rows / step).toFixed(0),
    gigaflops((products + attention) / step),
    percent(share),
  ]
}

function profileTable(contenders: readonly (readonly [name: string, rounds: readonly EngineTrainRound[]])[]): string {
  const kinds = Object.keys(contenders[0]?.[1][0]?.profile ?? {})
  const cells = kinds.map((kind) => [
    kind,
    ...contenders.flatMap(([, rounds]) => {
      const seconds = median(rounds.map(({ profile }) => profile[kind] ?? Number.NaN))
      const share = median(
        rounds.map(({ profile }) => (profile[kind] ?? 0) / Object.values(profile).reduce((sum, part) => sum + part, 0)),
      )
      return [(1000 * seconds).toFixed(1), percent(share)]
    }),
  ])
  return formatTable([['where a step goes, ms', ...contenders.flatMap(([name]) => [name, 'share'])], ...cells])
}

export function printTrainReport(threads: number, { roofs, plain, wide, jaxJs, others }: TrainMeasured): void {
  const engine = [['pocket-phi', plain] as const, ['pocket-phi, wide', wide] as const].filter(
    ([, list]) => list.length > 0,
  )
  const rowsOfTable = engine.map(([name, rounds]) =>
    speedRow(name, rounds, median(rounds.map(({ productsOfOneThread }) => productsOfOneThread))),
  )
  if (jaxJs.length > 0) rowsOfTable.push(speedRow('jax-js', jaxJs))
  const head = [
    '',
    'matmul 1 thread',
    `${threads} threads`,
    'step, ms',
    'range',
    'tokens/s',
    'of the step',
    'share of matmul',
  ]
  console.log(formatTable([head, ...rowsOfTable]))
  console.log(`
GFLOP/s where nothing else is said; medians of ${plain.length} rounds, wide ${wide.length}, jax-js ${jaxJs.length}. ${shape.layers} layers of ${shape.width}, vocabulary ${shape.vocabulary}, ${batch.sequences} sequences of
${batch.tokens} tokens; ${(products / 1e9).toFixed(1)} G multiply-adds of a step in matmuls, ${(attention / 1e9).toFixed(1)} in attention. f32 roof of a thread without wide vectors:
${gigaflops(median(roofs.map(({ f32Products }) => f32Products)))} GFLOP/s. ${others.every((share) => isQuiet({ others: share })) ? 'Valid' : 'Void'}: others took up to ${percent(Math.max(0, ...others))} of a processor.
`)
  console.log(profileTable(engine))
  const losses = (list: readonly TrainRound[]): string =>
    (list[0]?.losses ?? []).map((loss) => loss.toFixed(5)).join(' ')
  for (const [name, list] of [...engine, ['jax-js', jaxJs] as const]) {
    if (list.length > 0) console.log(`losses of ${name}: ${losses(list)}`)
  }
  if (jaxJs.length === 0) return
  const theirs = median(jaxJs.map(({ stepSeconds }) => stepSeconds))
  for (const [name, list] of engine) {
    const ours = median(list.map(({ stepSeconds }) => stepSeconds))
    console.log(`${name}: ${(theirs / ours).toFixed(2)} times as fast as jax-js`)
  }
}
