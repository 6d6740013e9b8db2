/** `phi quantize`: makes the weights of a model smaller. */
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Option, type Command } from 'commander'
import { openPublished } from '../engine/model-files.ts'
import { cleanTemporariesOf, writeFolderAtomic } from '../formats/atomic.ts'
import { singleFileName } from '../formats/safetensors.ts'
import { localFolder } from '../formats/tree.ts'
import { modelFromConfig, modelParameters, type Model } from '../models/index.ts'
import type { CalibrationOptions } from '../quant/calibrate.ts'
import { quantize } from '../quant/quantize.ts'
import type { TensorError } from '../quant/rounding.ts'
import { escapePattern } from '../text/pattern.ts'
import { checkpointFacts } from './checkpoint-facts.ts'
import { companionsIn } from '../engine/companions.ts'
import { UsageError } from './errors.ts'
import { checkParent, checkReplace, readTextFile } from './files.ts'
import { interruptible } from './interrupt.ts'
import { meanLossByLayers, textPieces, type LossText, type MeanLoss } from './mean-loss.ts'
import { folderArgument, modelFolder } from './model-folder.ts'
import { addBackendOptions, among, chooseBackend, integer, repeated, type BackendOptions } from './options.ts'
import { calibrationInputs, checkCalibration, type CalibrationChoice } from './quantize-calibration.ts'
import { withScratchStore } from './scratch-store.ts'
import { formatBytes, formatTable, print, printJson, progressOn, StatusLine } from './terminal.ts'
import { readTextFiles } from './text-files.ts'
import { heldOutSeed, heldOutTokens, worldText } from './world-text.ts'

interface QuantizeCommandOptions extends BackendOptions, CalibrationChoice {
  readonly bits: 4 | 8
  readonly group: 32 | 64 | 128
  readonly eightBits?: readonly string[]
  /** Replace what is there. */
  readonly force?: boolean
  readonly json?: boolean
}

/** More are a little better and take as much longer. */
const usualCalibrationTokens = 16_384

export function registerQuantize(program: Command): void {
  const command = program
    .command('quantize')
    .description('Round the matrices of a model to 4 or 8 bits, and write the result as a new model folder.')
    .argument('<model>', folderArgument)
    .argument('<out>', 'the folder to write')
    .option('--bits <4|8>', 'bits of a weight', among(4, 8), 4)
    .option(
      '--group <32|64|128>',
      'weights that share a scale; fewer are more exact and larger',
      among(32, 64, 128),
      32,
    )
    .option(
      '--eight-bits <pattern>',
      'give 8 bits to tensors whose name has this in it ("*" stands for anything); may be given several times',
      repeated,
    )
    .addOption(
      new Option(
        '--mode <mode>',
        'how integers are chosen: "plain" tries some scales for each group, "search" finds the scale of least error, ' +
          '"calibrated" makes the outputs on a text change least',
      )
        .choices(['plain', 'search', 'calibrated'])
        .default('plain'),
    )
    .option('--calibration <file>', 'the text that --mode calibrated runs the model over')
    .option('--calibration-tokens <n>', 'how much of it is used', integer(1), usualCalibrationTokens)
    .option('--text <file>', 'measure the mean loss per token on this text, before and after')
    .option('--world', 'calibrate and measure on generated text of the closed world where no file is given')
    .option('--force', 'replace the folder if it is there')
    .option('--json', 'print one JSON object')
  addBackendOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  $ phi quantize runs/my-model/final my-model-4bit
  $ phi quantize runs/my-model/final my-model-4bit --eight-bits embed_tokens --eight-bits "layers.0.*down_proj"
  $ phi quantize runs/my-model/final my-model-8bit --bits 8 --group 64 --text story.txt
  $ phi quantize models/phi-nano/master my-nano --group 128 --mode calibrated --world
  $ phi quantize my-model my-model-4bit --group 128 --mode calibrated --calibration book.txt --text story.txt`,
    )
    .action(runQuantize)
}

async function runQuantize(name: string, out: string, options: QuantizeCommandOptions): Promise<void> {
  const folder = await modelFolder(name)
  if (resolve(folder) === resolve(out)) throw new UsageError('The result cannot take the place of the model itself.')
  checkCalibration(options)
  await checkParent(out)
  await cleanTemporariesOf(out)
  await checkReplace(out, options.force)
  const texts = await lossTexts(folder, options)
  await interruptible(async (signal) => {
    const errors = await writePacked(folder, out, options, signal)
    const sizes = { before: (await checkpointFacts(folder)).bytes, after: (await checkpointFacts(out)).bytes }
    const losses = texts === undefined ? undefined : await compareLosses(folder, out, texts, options, signal)
    if (options.json === true) printJson({ model: out, tensors: errors, bytes: sizes, ...(losses && { loss: losses }) })
    else printReport(out, errors, sizes, losses)
  })
}

/** Writes a model in 4 or 8 bits, whole or not at all. @throws PocketPhiError as `quantize`, and reading the text that it is calibrated on */
export async function writePacked(
  folder: string,
  out: string,
  options: QuantizeCommandOptions,
  signal: AbortSignal,
): Promise<readonly TensorError[]> {
  const write = options.mode === 'calibrated' ? writeCalibrated : writeQuantized
  return await write(folder, out, options, signal)
}

async function writeCalibrated(
  folder: string,
  out: string,
  options: QuantizeCommandOptions,
  signal: AbortSignal,
): Promise<readonly TensorError[]> {
  const model = modelFromConfig(await localFolder(folder).readJson('config.json'))
  const batches = await calibrationInputs(folder, model, options)
  return await withScratchStore(out, async (store) => {
    const calibration = { backend: await chooseBackend(options), batches, store }
    return await writeQuantized(folder, out, options, signal, calibration)
  })
}

async function writeQuantized(
  folder: string,
  out: string,
  options: QuantizeCommandOptions,
  signal: AbortSignal,
  calibration?: CalibrationOptions,
): Promise<readonly TensorError[]> {
  const tree = localFolder(folder)
  const model = modelFromConfig(await tree.readJson('config.json'))
  const checkpoint = await openPublished(tree)
  const status = new StatusLine(options.json !== true)
  try {
    const { file, errors } = quantize(model, checkpoint, {
      bits: options.bits,
      group: options.group,
      eightBits: matcher(options.eightBits ?? [], matrixNames(model)),
      rounding: options.mode === 'plain' ? 'plain' : 'search',
      ...(calibration && { calibration }),
      onProgress: progressOn(status),
      signal,
    })
    await writeFolderAtomic(
      out,
      async (into) => {
        for (const name of await companionsIn(tree)) await into.writeFile(name, await readFile(join(folder, name)))
        await into.writeFile(singleFileName, file)
      },
      { replace: options.force === true },
    )
    return errors
  } finally {
    status.clear()
    await checkpoint.close()
  }
}

function matrixNames(model: Model): string[] {
  const parameters = modelParameters(model)
  return parameters.filter(({ shape }) => shape.length === 2).map(({ name }) => name)
}

/**
 * Whether a name has one of the patterns in it.
 * @throws UsageError for a pattern that no matrix has, since it is misspelt
 */
export function matcher(patterns: readonly string[], names: readonly string[]): (name: string) => boolean {
  const forms = patterns.map((pattern) => new RegExp(pattern.split('*').map(escapePattern).join('.*'), 'u'))
  forms.forEach((form, index) => {
    if (names.some((name) => form.test(name))) return
    throw new UsageError(
      `--eight-bits "${patterns[index]}" is in no name of a matrix, such as ${names.slice(0, 3).join(', ')}.`,
    )
  })
  return (name) => forms.some((form) => form.test(name))
}

interface Losses {
  readonly before: MeanLoss
  readonly after: MeanLoss
}

/** What the loss is to be measured on: the text that a model of this context gets, and how many tokens of it. */
interface LossTexts {
  readonly textFor: (context: number) => LossText
  readonly tokens?: number
}

/** Reads what is needed for it before any work is done; undefined when no loss is wanted. */
async function lossTexts(folder: string, { text, world }: QuantizeCommandOptions): Promise<LossTexts | undefined> {
  if (text === undefined && world !== true) return undefined
  const { tokenizer } = await readTextFiles(folder)
  if (text === undefined) return { textFor: () => worldText(tokenizer, heldOutSeed), tokens: heldOutTokens }
  const words = await readTextFile(text, 'text')
  return { textFor: (context) => textPieces(tokenizer, words, context) }
}

async function compareLosses(
  folder: string,
  out: string,
  { textFor, ...tokens }: LossTexts,
  options: QuantizeCommandOptions,
  signal: AbortSignal,
): Promise<Losses> {
  const status = new StatusLine(options.json !== true)
  const lossOf = async (model: string): Promise<MeanLoss> =>
    await meanLossByLayers(model, await chooseBackend(options), textFor, {
      ...tokens,
      signal,
      onProgress: progressOn(status),
    })
  try {
    return { before: await lossOf(folder), after: await lossOf(out) }
  } finally {
    status.clear()
  }
}

function printReport(
  out: string,
  errors: readonly TensorError[],
  bytes: { readonly before: number; readonly after: number },
  losses: Losses | undefined,
): void {
  const isCalibrated = errors.some(({ outputError }) => outputError !== undefined)
  const percent = (share: number): string => `${(100 * share).toFixed(2)} %`
  print(
    formatTable([
      ['tensor', 'format', 'relative error', ...(isCalibrated ? ['of the outputs'] : [])],
      ...errors.map(({ name, dtype, relativeError, outputError }) => [
        name,
        dtype,
        percent(relativeError),
        ...(isCalibrated ? [outputError === undefined ? '-' : percent(outputError)] : []),
      ]),
    ]),
  )
  const share = (100 * bytes.after) / bytes.before
  print(`\nweights  ${formatBytes(bytes.before)} before, ${formatBytes(bytes.after)} after (${share.toFixed(0)} %)`)
  if (losses !== undefined) {
    const { before, after } = losses
    const change = after.loss - before.loss
    print(
      `loss     ${before.loss.toFixed(4)} before, ${after.loss.toFixed(4)} after ` +
        `(${change < 0 ? '' : '+'}${change.toFixed(4)} nats per token, ${before.tokens} tokens)`,
    )
  }
  print(`model    ${out}`)
}
