/** Options that several commands share, and how their values are read. */
import { availableParallelism } from 'node:os'
import { InvalidArgumentError, Option, type Command } from 'commander'
import type { Backend } from '../backends/backend.ts'
import type { WasmOptions } from '../backends/wasm/index.ts'
import type { Arithmetic } from '../backends/webgpu/steps.ts'
import { backendNames, selectBackend, type BackendName } from '../engine/select-backend.ts'
import type { SamplingOptions } from '../engine/sampling.ts'
import { cacheDTypes, type CacheDType } from '../program/ops/cache.ts'
import { addWideOptions, type WideOptions } from './wide.ts'

/** Reads an integer of a range; commander prints what it throws. */
export function integer(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN
    if (Number.isSafeInteger(value) && value >= least && value <= most) return value
    const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`
    throw new InvalidArgumentError(`Expected an integer ${range}.`)
  }
}

/** Reads a number of a range; `open` leaves the lower end out. */
export function decimal(least: number, most = Infinity, open = false): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    if (Number.isFinite(value) && (open ? value > least : value >= least) && value <= most) return value
    const lower = open ? `above ${least}` : `of at least ${least}`
    throw new InvalidArgumentError(`Expected a number ${lower}${most === Infinity ? '' : `, at most ${most}`}.`)
  }
}

/** Reads an integer that is one of a few. */
export function among<T extends number>(...allowed: readonly T[]): (text: string) => T {
  return (text) => {
    const match = allowed.find((candidate) => String(candidate) === text)
    if (match === undefined) throw new InvalidArgumentError(`Expected one of ${allowed.join(', ')}.`)
    return match
  }
}

const byteUnits: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
}

/** Reads a number of bytes: 5GB and 4.5 GiB as on the hub, 1000 for bytes. */
export function byteSize(text: string): number {
  const [, amount, unit = 'B'] = /^(\d+(?:\.\d+)?)\s*([kmgt]?i?b)?$/i.exec(text) ?? []
  const bytes = Math.floor(Number(amount) * (byteUnits[unit.toUpperCase()] ?? Number.NaN))
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes
  throw new InvalidArgumentError('Expected a size such as 5GB or 500MiB.')
}

/** Collects an option that may be given several times. */
export function repeated(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text]
}

export interface BackendOptions {
  readonly backend: BackendName
  readonly threads?: number
}

/** Adds `--backend` and `--threads`. */
export function addBackendOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--backend <name>', 'what computes: "webgpu", "wasm", or "ref", the slow float64 reference')
        .choices(backendNames)
        .default('auto'),
    )
    .option('--threads <n>', `worker threads (default: the cores, at most 8; here ${threadCount()})`, integer(0, 64))
}

function threadCount(): number {
  return Math.min(8, availableParallelism())
}

/**
 * The backend of a command other than one that answers, for which `auto` is wasm: the numbers of a training or a measurement
 * should not depend on the machine that it happens to run on.
 *
 * @throws PocketPhiError `not-supported` where a GPU is asked for and there is none
 */
export async function chooseBackend(
  { backend, threads }: BackendOptions,
  options: Pick<WasmOptions, 'wide' | 'profile'> = {},
): Promise<Backend> {
  return await selectBackend(backend === 'auto' ? 'wasm' : backend, {
    wasm: () => ({ ...given({ threads }), ...options }),
  })
}

export interface MemoryOptions {
  /** Bytes that a model may take. */
  readonly memory?: number
}

/** Adds `--memory`. */
export function addMemoryOption(command: Command): Command {
  return command.option('--memory <size>', 'what the model may take, as 4GB (default: what is free)', byteSize)
}

export interface ExpertCacheOption {
  /** Bytes for experts, of which the others are read when they are chosen. */
  readonly expertCache?: number
}

/** `--expert-cache`. */
export function expertCacheOption(): Option {
  const help =
    'of a mixture of experts, keep so much of them in memory and read the others when they are chosen (default: where the model does not fit otherwise, what there is room for)'
  return new Option('--expert-cache <size>', help).argParser(byteSize)
}

export interface EngineOptions extends BackendOptions, MemoryOptions, ExpertCacheOption, WideOptions {
  readonly gpuArithmetic?: Arithmetic
  readonly context?: number
  readonly exact?: boolean
  readonly cacheType?: CacheDType
}

/** `--cache-type`. */
export function cacheTypeOption(): Option {
  const help =
    'what keys and values are kept in: kv8 and kv4 are 8 and 4 bits with scales (default: f16, with --exact f32)'
  return new Option('--cache-type <type>', help).choices(cacheDTypes)
}

/** Adds what decides how a model is loaded. */
export function addEngineOptions(command: Command): Command {
  const when = 'for weights above 250 MB, or 50 MB where several answers are computed at once'
  return addWideOptions(addMemoryOption(addBackendOptions(command)), when)
    .option(
      '--context <n>',
      'tokens of prompt and answer together (default: what the model takes and there is room for, at most 4096)',
      integer(1),
    )
    .option('--exact', 'do not round activations to int8 where weights are packed: slower')
    .addOption(cacheTypeOption())
    .addOption(expertCacheOption())
    .addOption(
      new Option(
        '--gpu-arithmetic <type>',
        'what a GPU multiplies in where that may be less than exact (default: f32)',
      ).choices(['f32', 'f16']),
    )
}

export interface GenerationOptions {
  readonly temperature?: number
  readonly topK?: number
  readonly topP?: number
  readonly minP?: number
  readonly repetitionPenalty?: number
  readonly seed?: number
  readonly maxTokens?: number
  readonly stop?: string[]
  readonly speculate?: boolean
  readonly draft?: string
}

/** Adds what decides how tokens are chosen. */
export function addGenerationOptions(command: Command): Command {
  return command
    .option(
      '--temperature <t>',
      'randomness; 0 takes the most likely token (default: generation_config.json, else 0)',
      decimal(0),
    )
    .option('--top-k <n>', 'only the n most likely tokens; 0 for all', integer(0))
    .option('--top-p <p>', 'only the most likely tokens that together reach p', decimal(0, 1, true))
    .option('--min-p <p>', 'only tokens at least p times as likely as the most likely one', decimal(0, 1))
    .option(
      '--repetition-penalty <r>',
      'make tokens that were there before less likely; 1 for none',
      decimal(0, Infinity, true),
    )
    .option('--seed <n>', 'the same seed gives the same answer (default: drawn anew)', integer(0, 2 ** 32 - 1))
    .option('--max-tokens <n>', 'tokens of an answer (default: as many as the context holds)', integer(1))
    .option('--stop <text>', 'end the answer before this text; may be given several times', repeated)
    .option('--speculate', 'guess tokens from what the text says already (default: for weights above 128 MB)')
    .option('--no-speculate', 'guess none; the answer is the same')
    .option('--draft <model>', 'a smaller model of the same vocabulary that guesses instead; the answer is the same')
}

/** Keys whose value is not undefined, for functions that tell a missing option from an undefined one. */
export function given<T extends object>(options: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]?: Exclude<T[Key], undefined>
  }
}

/** The part of the options that sampling takes. */
export function samplingOf(options: GenerationOptions): SamplingOptions {
  const { temperature, topK, topP, minP, repetitionPenalty } = options
  return given({ temperature, topK, topP, minP, repetitionPenalty })
}
