/** How fast the model is on this device, and whether that lasts: phones slow down when they get warm. */
import type { Execution, MemoryPlan, RemoteModel } from 'pocket-phi/worker'
import { deviceMemory } from '../models/device.ts'

export interface BenchmarkPlan {
  /** Before those that count. */
  readonly warmUps: number
  /** Rounds go on for so many seconds, and there are at least so many. */
  readonly seconds: number
  readonly leastRounds: number
  readonly promptTokens: number
  readonly generatedTokens: number
}

export interface BenchmarkRound {
  /** Seconds since the benchmark began. */
  readonly at: number
  readonly promptTokensPerSecond: number
  readonly generatedTokensPerSecond: number
  readonly firstTokenSeconds: number
}

export interface BenchmarkReport {
  readonly format: 'pocket-phi-benchmark'
  readonly version: 1
  readonly date: string
  readonly model: string
  readonly backend: string
  readonly execution: Execution
  readonly memory: MemoryPlan
  readonly context: number
  readonly device: {
    readonly userAgent: string
    readonly cores: number
    readonly memoryGigabytes: number | undefined
    readonly isIsolated: boolean
  }
  readonly plan: BenchmarkPlan
  readonly rounds: readonly BenchmarkRound[]
  /** The speed of writing in the last third of the rounds over that in the first; below 1 the device has slowed down. */
  readonly drift: number
}

export const usualPlan: BenchmarkPlan = {
  warmUps: 1,
  seconds: 30,
  leastRounds: 6,
  promptTokens: 128,
  generatedTokens: 128,
}

/** Ids that every vocabulary of the family has, other ones in every round, so that nothing is found in the cache. */
function promptOf(round: number, length: number): number[] {
  return Array.from({ length }, (_, index) => 300 + ((index * 31 + round * 97) % 1500))
}

/**
 * A signal ends it early; the report is then about the rounds until there.
 *
 * @param onRound hears of every round when it has ended
 * @throws PocketPhiError as `generate`
 */
export async function runBenchmark(
  model: RemoteModel,
  name: string,
  plan: BenchmarkPlan,
  signal: AbortSignal,
  onRound: (rounds: readonly BenchmarkRound[]) => void,
): Promise<BenchmarkReport> {
  const rounds: BenchmarkRound[] = []
  const since = (time: number): number => (performance.now() - time) / 1000
  let start = performance.now()
  for (let round = 0; !signal.aborted; round++) {
    if (rounds.length >= plan.leastRounds && since(start) >= plan.seconds) break
    if (round === plan.warmUps) start = performance.now()
    const at = since(start)
    const options = { maxTokens: plan.generatedTokens, stopIds: [], temperature: 0, speculate: false, signal }
    const { usage, finish } = await model.generate(promptOf(round, plan.promptTokens), options).result()
    if (finish === 'aborted') break
    if (round < plan.warmUps) continue
    const { promptTokensPerSecond, generatedTokensPerSecond, promptSeconds } = usage
    rounds.push({ at, promptTokensPerSecond, generatedTokensPerSecond, firstTokenSeconds: promptSeconds })
    onRound([...rounds])
  }
  return {
    format: 'pocket-phi-benchmark',
    version: 1,
    date: new Date().toISOString(),
    model: name,
    backend: model.backend,
    execution: model.execution,
    memory: model.memory,
    context: model.context,
    device: {
      userAgent: navigator.userAgent,
      cores: navigator.hardwareConcurrency,
      memoryGigabytes: deviceMemory(),
      isIsolated: crossOriginIsolated,
    },
    plan,
    rounds,
    drift: driftOf(rounds.map(({ generatedTokensPerSecond }) => generatedTokensPerSecond)),
  }
}

/** The middle of the last third over the middle of the first. */
export function driftOf(speeds: readonly number[]): number {
  const third = Math.max(1, Math.floor(speeds.length / 3))
  const [first, last] = [medianOf(speeds.slice(0, third)), medianOf(speeds.slice(-third))]
  return first > 0 ? last / first : 1
}

export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const [low = 0, high = low] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  return (low + high) / 2
}
