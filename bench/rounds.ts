/** What main.ts and the rounds that it runs in processes of their own say to each other. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { CacheDType } from '../src/program/ops/cache.ts'

export interface Settings {
  /** The path of a folder or of a file of weights. */
  readonly model: string
  readonly threads: number
  /** Tokens of the prompts whose reading is measured. */
  readonly prompts: readonly number[]
  /** Tokens before the answers that are measured. */
  readonly depths: readonly number[]
  /** Tokens of such an answer. */
  readonly tokens: number
  readonly cacheType: CacheDType
  readonly wide: boolean
  readonly context: number
  /** Where the engine runs, and so those that it is compared with. */
  readonly place: 'node' | 'chromium'
}

/** What the round of a peer is told. */
export interface PeerSettings extends Settings {
  readonly peer: {
    /** What `--peer NAME=PATH` named, absolute. */
    readonly path: string
    readonly flash: boolean
    /** The model as an ONNX file. */
    readonly onnx: string
  }
}

/** Tokens a second, by the number of tokens. */
export type Speeds = Record<number, number>

/** Figures that a contender does not tell are left out. */
export interface Round {
  readonly prompts: Speeds
  readonly answers: Speeds
  /** From a prompt of `firstTokenPrompt` tokens to the first token of its answer. */
  readonly firstTokenSeconds?: number
  /** For a look at a tile of a picture, of models that see. */
  readonly tileSeconds?: number
  readonly loadSeconds?: number
}

export const firstTokenPrompt = 32

/** What every round says at its end. */
export interface RoundCosts {
  readonly cpuSeconds: number
  readonly peakBytes: number
}

/** What the engine says of itself. */
export interface EngineFacts {
  /** Width, layers, vocabulary and the dtype of the matrices, by which rows of other runs are found again. */
  readonly shape: string
  /** Which kernels ran, and how they multiplied bytes: as in `Execution`. */
  readonly kernels: string
  readonly plannedBytes: number
  /** Weights that are read for each token of an answer, and of the cache what is read by the number of tokens before it. */
  readonly weightBytesPerToken: number
  readonly cacheBytesPerToken: Readonly<Record<number, number>>
  /** Multiply-adds of a token of a prompt, without attention. */
  readonly productsPerToken: number
  /** Those of a look at a tile of a picture; 0 for models that do not see. */
  readonly productsPerTile: number
}

/** The argument of a round of the engine. */
export function readSettings(): Settings {
  return readPeerSettings()
}

/** The argument of a round of a peer. */
export function readPeerSettings(): PeerSettings {
  return JSON.parse(process.argv[2] ?? '{}') as PeerSettings
}

/** Seconds of processor time that the whole machine has spent; undefined where that is not known. */
function busySeconds(): number | undefined {
  try {
    const [, ...ticks] = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').split(/\s+/)
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = ticks.map(Number)
    // Steal is what other guests of the same host took.
    return (user + nice + system + irq + softirq + steal) / 100
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
