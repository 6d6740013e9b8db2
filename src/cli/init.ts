/** `phi init`: a model with random weights. */
import { mkdir, readFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { Option, type Command } from 'commander'
import type { BlockDType } from '../base/dtype.ts'
import { PocketPhiError } from '../base/errors.ts'
import { cleanTemporariesOf } from '../formats/atomic.ts'
import type { GgufMetadata } from '../formats/gguf-values.ts'
import { localFolder } from '../formats/tree.ts'
import { modelFromConfig } from '../models/index.ts'
import { publishedNames, type ConfigJson } from '../models/published.ts'
import { ggufFileTypes, type GgufFileType } from '../quant/gguf-file-type.ts'
import { initGguf } from '../quant/init-gguf.ts'
import { initModel } from '../quant/init.ts'
import type { WatchOptions } from '../quant/watched.ts'
import { ggufVocabulary } from '../text/gguf-vocabulary.ts'
import { readTokenizerConfig } from '../text/tokenizer-config.ts'
import { companionsIn, configFile } from '../engine/companions.ts'
import { readConfig } from './config-file.ts'
import { UsageError } from './errors.ts'
import { checkReplace } from './files.ts'
import { interruptible } from './interrupt.ts'
import { among, byteSize, given, integer } from './options.ts'
import { formatBytes, formatCount, print, printJson, progressOn, StatusLine } from './terminal.ts'
import { readTextFiles, type TextFiles } from './text-files.ts'

interface InitCommandOptions {
  readonly seed: number
  readonly format: 'safetensors' | 'gguf'
  readonly type?: GgufFileType
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
    .argument('[out]', 'the folder or GGUF file to write (default: the name of the configuration, and -random)')
    .option('--seed <n>', 'the same seed gives the same weights', integer(0, 2 ** 32 - 1), 0)
    .option('--bits <4|8>', 'round the matrices to blocks at once, as phi quantize does (default: bf16)', among(4, 8))
    .option('--group <32|64|128>', 'with --bits: weights that share a scale (default: 32)', among(32, 64, 128))
    .addOption(new Option('--format <name>', 'what to write').choices(['safetensors', 'gguf']).default('safetensors'))
    .addOption(
      new Option('--type <name>', 'with --format gguf: the mixture of types (default: q4_k_m)').choices(
        Object.keys(ggufFileTypes),
      ),
    )
    .option(
      '--shard-size <size>',
      'cut the weights into files of at most this, as 5GB (default: 5GB for bf16)',
      byteSize,
    )
    .option('--tokenizer <folder>', 'take tokenizer, chat template and stop tokens from the folder of this model')
    .option('--force', 'replace what is there')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ phi init phi-3-mini --seed 1
  $ phi init phi-3-medium medium-4bit --bits 4
  $ phi init phi-3-mini mini.gguf --format gguf --type q4_k_m
  $ phi init my-config.json my-model --tokenizer models/phi-nano`,
    )
    .action(runInit)
}

interface Made {
  readonly files: readonly string[]
  readonly bytes: number
  readonly parameters: number
}

async function runInit(name: string, out: string | undefined, options: InitCommandOptions): Promise<void> {
  checkFormat(options)
  const config = await readConfig(name)
  const target = out ?? defaultOut(name, options)
  await cleanTemporariesOf(target)
  await checkReplace(target, options.force)
  const status = new StatusLine(options.json !== true)
  const made = await interruptible(async (signal) => {
    try {
      const watching = { onProgress: progressOn(status), signal }
      await mkdir(dirname(resolve(target)), { recursive: true })
      return options.format === 'gguf'
        ? await makeGguf(config, target, options, watching)
        : await makeFolder(config, target, options, watching)
    } finally {
      status.clear()
    }
  })
  if (options.json === true) return printJson({ model: target, seed: options.seed, ...made })
  const files = made.files.length === 1 ? 'one file' : `${made.files.length} files`
  print(`weights  ${formatCount(made.parameters)}, seed ${options.seed}`)
  print(`size     ${formatBytes(made.bytes)} in ${files}`)
  print(`model    ${target}`)
}

/** Options that do not go together. */
function checkFormat({ format, type, bits, group, shardSize }: InitCommandOptions): void {
  if (group !== undefined && bits === undefined) throw new UsageError('--group goes with --bits 4 or --bits 8.')
  if (type !== undefined && format !== 'gguf') throw new UsageError('--type goes with --format gguf.')
  if (format === 'gguf' && (bits !== undefined || shardSize !== undefined)) {
    throw new UsageError('--bits and --shard-size are for safetensors; a GGUF file takes --type.')
  }
}

function packedFormat({ bits, group = 32 }: InitCommandOptions): BlockDType | undefined {
  return bits === undefined ? undefined : `q${bits}g${group}`
}

async function makeFolder(
  config: ConfigJson,
  out: string,
  options: InitCommandOptions,
  watching: WatchOptions,
): Promise<Made> {
  const { seed, shardSize, force, tokenizer } = options
  const made = await initModel(config, out, {
    ...given({ packed: packedFormat(options), maxShardBytes: shardSize }),
    ...watching,
    seed,
    companions: tokenizer === undefined ? new Map() : await tokenizerFiles(tokenizer, config),
    replace: force === true,
  })
  return { ...made, files: made.files.filter((file) => file.endsWith('.safetensors')) }
}

const usualType: GgufFileType = 'q4_k_m'

async function makeGguf(
  config: ConfigJson,
  out: string,
  { seed, type = usualType, tokenizer }: InitCommandOptions,
  watching: WatchOptions,
): Promise<Made> {
  const vocabulary = tokenizer === undefined ? undefined : await vocabularyOf(tokenizer, config)
  const made = await initGguf(config, out, { ...given({ vocabulary }), ...watching, seed, type })
  return { ...made, files: [basename(out)] }
}

/** The vocabulary of a tokenizer's folder, for the inside of a GGUF file. */
async function vocabularyOf(folder: string, config: ConfigJson): Promise<GgufMetadata> {
  const { tokenizer } = await fittingTokenizer(folder, config)
  const tree = localFolder(folder)
  const template = (await tree.has('tokenizer_config.json'))
    ? readTokenizerConfig(await tree.readJson('tokenizer_config.json')).chatTemplate
    : undefined
  const configured = ['bos_token_id', 'eos_token_id', 'pad_token_id'].map((field) => [config[field] ?? []].flat())
  const [bos = [], ends = [], padding = []] = configured.map((ids) => ids.filter((id) => typeof id === 'number'))
  const endOfTurn = tokenizer.idOf('<|end|>') ?? tokenizer.idOf('<|im_end|>')
  return ggufVocabulary(await tree.readJson('tokenizer.json'), {
    rows: modelFromConfig(config).shape.vocabulary,
    chatTemplate: template,
    bosId: bos[0],
    endIds: [...new Set([...ends, endOfTurn])].filter((id) => id !== undefined),
    paddingId: padding[0],
  })
}

/** `phi-3-mini-random`, `phi-3-mini-random-q4g32`, `phi-3-mini-random-q8_0.gguf`, in the working folder. */
function defaultOut(name: string, options: InitCommandOptions): string {
  const path = resolve(name)
  const stem = basename(path) === configFile ? basename(dirname(path)) : basename(path).replace(/\.json$/, '')
  if (options.format === 'gguf') return `${stem}-random-${options.type ?? usualType}.gguf`
  return [stem, 'random', packedFormat(options)].filter((part) => part !== undefined).join('-')
}

/**
 * The tokenizer of a folder.
 *
 * @throws PocketPhiError `not-found` without a tokenizer; `invalid-argument` when it has more ids than the model
 */
async function fittingTokenizer(folder: string, config: ConfigJson): Promise<TextFiles> {
  const text = await readTextFiles(folder)
  const { vocabulary } = modelFromConfig(config).shape
  if (text.tokenizer.vocabularySize <= vocabulary) return text
  throw new PocketPhiError('invalid-argument', `The tokenizer in "${folder}" does not fit the model.`, {
    expected: `at most ${vocabulary} tokens, "vocab_size" of the configuration`,
    found: String(text.tokenizer.vocabularySize),
  })
}

/** The files of a folder that say how text becomes tokens and where answers end. */
async function tokenizerFiles(folder: string, config: ConfigJson): Promise<Map<string, Uint8Array>> {
  await fittingTokenizer(folder, config)
  const names = (await companionsIn(localFolder(folder))).filter((name) => name !== configFile)
  return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))] as const)))
}
