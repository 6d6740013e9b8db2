/** `phi init`: a model with random weights. */
import { mkdir, readFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { InvalidArgumentError, type Command } from 'commander'
import type { BlockDType } from '../base/dtype.ts'
import { PocketPhiError } from '../base/errors.ts'
import { findModel } from '../engine/find-model.ts'
import { isJsonObject } from '../formats/json.ts'
import { localFolder } from '../formats/tree.ts'
import { publishedConfig, publishedNames } from '../models/published.ts'
import { modelFromConfig } from '../models/index.ts'
import { initModel } from '../quant/init.ts'
import { companionsIn, configFile } from './companions.ts'
import { UsageError } from './errors.ts'
import { interruptible } from './interrupt.ts'
import { among, given, integer } from './options.ts'
import { formatBytes, formatCount, print, printJson, progressOn, StatusLine } from './terminal.ts'
import { readTextFiles } from './text-files.ts'

interface InitCommandOptions {
  readonly seed: number
  readonly bits?: 4 | 8
  readonly group?: 32 | 64 | 128
  readonly shardSize?: number
  readonly tokenizer?: string
  readonly force?: boolean
  readonly json?: boolean
}

export function registerInit(program: Command): void {
  program
    .command('init')
    .description(
      'Make a model with random weights, of any size: for measuring, for tests, or to begin a training with.',
    )
    .argument('<config>', `a config.json, the folder of one, or ${publishedNames.join(', ')}`)
    .argument('[out]', 'the folder to write (default: the name of the configuration, and -random)')
    .option('--seed <n>', 'the same seed gives the same weights', integer(0, 2 ** 32 - 1), 0)
    .option('--bits <4|8>', 'round the matrices to blocks at once, as phi quantize does (default: bf16)', among(4, 8))
    .option('--group <32|64|128>', 'with --bits: weights that share a scale (default: 32)', among(32, 64, 128))
    .option(
      '--shard-size <size>',
      'cut the weights into files of at most this, as 5GB (default: 5GB for bf16)',
      byteSize,
    )
    .option('--tokenizer <folder>', 'copy tokenizer, chat template and stop tokens from the folder of this model')
    .option('--force', 'replace the folder if it is there')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ phi init phi-3-mini --seed 1
  $ phi init phi-3-medium medium-4bit --bits 4
  $ phi init my-config.json my-model --tokenizer models/phi-nano`,
    )
    .action(runInit)
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

async function runInit(name: string, out: string | undefined, options: InitCommandOptions): Promise<void> {
  const packed = packedFormat(options)
  const config = await readConfig(name)
  const companions = options.tokenizer === undefined ? new Map() : await tokenizerFiles(options.tokenizer, config)
  const target = out ?? defaultOut(name, packed)
  const status = new StatusLine(options.json !== true)
  const made = await interruptible(async (signal) => {
    try {
      await mkdir(dirname(resolve(target)), { recursive: true })
      return await initModel(config, target, {
        ...given({ packed, maxShardBytes: options.shardSize }),
        seed: options.seed,
        companions,
        replace: options.force === true,
        onProgress: progressOn(status),
        signal,
      })
    } finally {
      status.clear()
    }
  })
  if (options.json === true) return printJson({ model: target, seed: options.seed, ...made })
  const weightFiles = made.files.filter((file) => file.endsWith('.safetensors')).length
  print(`weights  ${formatCount(made.parameters)}, seed ${options.seed}`)
  print(`size     ${formatBytes(made.bytes)} in ${weightFiles === 1 ? 'one file' : `${weightFiles} files`}`)
  print(`model    ${target}`)
}

function packedFormat({ bits, group }: InitCommandOptions): BlockDType | undefined {
  if (bits !== undefined) return `q${bits}g${group ?? 32}`
  if (group === undefined) return undefined
  throw new UsageError('--group is how weights of --bits 4 or 8 share a scale; give --bits too.')
}

/** What is on disk goes before the names of published models. */
async function readConfig(name: string): Promise<Readonly<Record<string, unknown>>> {
  const place = await findModel(name).catch((error: unknown) => {
    if (error instanceof PocketPhiError && error.code === 'not-found') return undefined
    throw error
  })
  if (place === undefined) return publishedConfig(name)
  const config = await place.tree.readJson(place.weightsFile ?? configFile)
  if (isJsonObject(config)) return config
  throw new PocketPhiError('invalid-config', `"${name}" is no configuration of a model.`, {
    expected: 'a JSON object, as config.json holds it',
  })
}

/** `phi-3-mini-random`, `phi-3-mini-random-q4g32`, in the working folder. */
function defaultOut(name: string, packed: BlockDType | undefined): string {
  const path = resolve(name)
  const stem = basename(path) === configFile ? basename(dirname(path)) : basename(path).replace(/\.json$/, '')
  return [stem, 'random', packed].filter((part) => part !== undefined).join('-')
}

/**
 * The files of a folder that say how text becomes tokens and where answers end.
 *
 * @throws PocketPhiError `not-found` without a tokenizer; `invalid-argument` when it has more ids than the model
 */
async function tokenizerFiles(folder: string, config: unknown): Promise<Map<string, Uint8Array>> {
  const { tokenizer } = await readTextFiles(folder)
  const { vocabulary } = modelFromConfig(config).shape
  if (tokenizer.vocabularySize > vocabulary) {
    throw new PocketPhiError('invalid-argument', `The tokenizer in "${folder}" does not fit the model.`, {
      expected: `at most ${vocabulary} tokens, "vocab_size" of the configuration`,
      found: String(tokenizer.vocabularySize),
    })
  }
  const names = (await companionsIn(localFolder(folder))).filter((name) => name !== configFile)
  return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))] as const)))
}
