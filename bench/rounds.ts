/** What main.ts and the rounds that it runs in processes of their own say to each other. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export interface Settings {
  readonly model: string
  readonly threads: number
  /** Tokens of the prompts whose reading is measured. */
  readonly prompts: readonly number[]
  /** Tokens before the answers that are measured. */
  readonly depths: readonly number[]
  /** Tokens of such an answer. */
  readonly tokens: number
  readonly cacheType: 'f16' | 'f32'
  readonly wide: boolean
  readonly context: number
  /** Of a peer. */
  readonly peer: { readonly folder: string; readonly flash: boolean }
}

/** Tokens a second, by the number of tokens. */
type Speeds = Record<number, number>

export interface Round {
  readonly prompts: Speeds
  readonly answers: Speeds
  readonly loadSeconds: number
}

/** What every round says at its end. */
export interface RoundCosts {
  readonly cpuSeconds: number
  readonly peakBytes: number
}

/** What the engine says of itself. */
export interface EngineFacts {
  readonly plannedBytes: number
  /** Weights that are read for each token of an answer, and cache for each token before it. */
  readonly readBytesPerToken: number
  readonly cacheBytesPerToken: number
  /** Multiply-adds of a token of a prompt, without attention. */
  readonly productsPerToken: number
}

export function readSettings(): Settings {
  return JSON.parse(process.argv[2] ?? '{}') as Settings
}

/** Ids that repeat nothing, so that no prefix is found in a cache. */
export function idsOf(count: number, vocabulary: number): number[] {
  return Array.from({ length: count }, (_, index) => (count + index * 7919) % vocabulary)
}

/** Seconds of processor time that the whole machine has spent; undefined where that is not known. */
function busySeconds(): number | undefined {
  try {
    const [, ...ticks] = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').split(/\s+/)
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = ticks.map(Number)
    return (user + nice + system + irq + softirq) / 100
  } catch {
    return undefined
  }
}

export interface ChildResult<T> {
  readonly result: T
  /** The share of one processor that others took meanwhile; undefined where that is not known. */
  readonly others: number | undefined
}

/** Runs a script of this folder, and parses the last line that it prints. */
export async function runChild<T extends { readonly cpuSeconds: number }>(
  script: string,
  argument: string,
  signal: AbortSignal,
): Promise<ChildResult<T>> {
  const before = busySeconds()
  const start = performance.now()
  const path = fileURLToPath(new URL(script, import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [path, argument], { signal, maxBuffer: 2 ** 26 })
  const result = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as T
  const after = busySeconds()
  const seconds = (performance.now() - start) / 1000
  const others =
    before === undefined || after === undefined ? undefined : (after - before - result.cpuSeconds) / seconds
  return { result, others }
}
