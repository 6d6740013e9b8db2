/** `phi eval-loss`: held-out loss of models side by side. */
import { Option, type Command } from 'commander'
import { cacheDTypes, type CacheDType } from '../program/index.ts'
import { checkpointFacts } from './checkpoint-facts.ts'
import { readTextFile } from './files.ts'
import { interruptible } from './interrupt.ts'
import { meanLoss, meanLossOfCache, textPieces, type LossText, type MeanLoss } from './mean-loss.ts'
import { modelArgument, modelPlace } from './model-folder.ts'
import { addBackendOptions, chooseBackend, integer, type BackendOptions } from './options.ts'
import type { NamedModel } from './resolve-model.ts'
import { formatTable, print, printJson, progressOn, StatusLine } from './terminal.ts'
import { readTextFiles } from './text-files.ts'
import { heldOutSeed, heldOutTokens, worldText } from './world-text.ts'

interface EvalLossOptions extends BackendOptions {
  readonly tokens: number
  readonly seed: number
  readonly text?: string
  readonly exact?: boolean
  readonly cacheType?: CacheDType
  readonly json?: boolean
}

export function registerEvalLoss(program: Command): void {
  const command = program
    .command('eval-loss')
    .description(
      'Measure the mean loss per token on held-out text of the closed world, of several models side by side.',
    )
    .argument('<models...>', modelArgument)
    .option('--tokens <n>', 'predicted tokens to measure on', integer(1), heldOutTokens)
    .option(
      '--seed <n>',
      'of the generated text: documents and conversations in turn',
      integer(0, 2 ** 31),
      heldOutSeed,
    )
    .option('--text <file>', 'measure on this text instead')
    .option('--exact', 'do not round activations to int8 where weights are packed')
    .addOption(
      new Option(
        '--cache-type <type>',
        'compute it as answers are, through a cache that keeps keys and values in this',
      ).choices(cacheDTypes),
    )
    .option('--json', 'print one JSON object for each model')
  addBackendOptions(command)
    .addHelpText(
      'after',
      `
The loss is the mean of -ln p over the predicted tokens; perplexity is its exponential. Of documents every
token is predicted, of conversations the words of the assistant. Models with different tokenizers cannot be
compared by it.

Examples:
  $ phi eval-loss models/phi-nano my-model-4bit
  $ phi eval-loss models/phi-nano --text story.txt --json
  $ phi eval-loss models/phi-nano --cache-type kv4`,
    )
    .action(evalLoss)
}

async function evalLoss(names: readonly string[], options: EvalLossOptions): Promise<void> {
  const models: NamedModel[] = []
  for (const name of names) models.push(await modelPlace(name))
  const text = options.text === undefined ? undefined : await readTextFile(options.text, 'text')
  await interruptible(async (signal) => {
    const rows: { model: string; formats: string; result: MeanLoss }[] = []
    for (const model of models) {
      const { folder, weightsFile, name } = model
      const status = new StatusLine()
      const { tokenizer } = await readTextFiles(folder, weightsFile)
      const backend = await chooseBackend(options)
      const makeText = (context: number): LossText =>
        text === undefined ? worldText(tokenizer, options.seed) : textPieces(tokenizer, text, context)
      const given = {
        ...(text === undefined ? { tokens: options.tokens } : {}),
        exact: options.exact === true,
        signal,
        onProgress: progressOn(status),
      }
      const { cacheType } = options
      const measuring =
        cacheType === undefined
          ? meanLoss(model, backend, makeText, given)
          : meanLossOfCache(model, backend, cacheType, makeText, given)
      const result = await measuring.finally(() => status.clear())
      const row = { model: name, formats: await formatsIn(folder, weightsFile), result }
      rows.push(row)
      if (options.json === true)
        printJson({ model: row.model, formats: row.formats, ...result, perplexity: Math.exp(result.loss) })
    }
    if (options.json !== true) printTable(rows)
  })
}

/** The number formats of a checkpoint: "q4g32 f32". */
async function formatsIn(folder: string, weightsFile: string | undefined): Promise<string> {
  const { dtypes } = await checkpointFacts(folder, weightsFile)
  return dtypes.map(({ dtype }) => dtype).join(' ')
}

function printTable(rows: readonly { model: string; formats: string; result: MeanLoss }[]): void {
  const first = rows[0]?.result.loss ?? 0
  const signed = (value: number): string => `${value < 0 ? '' : '+'}${value.toFixed(4)}`
  print(
    formatTable([
      ['model', 'formats', 'tokens', 'loss', 'perplexity', 'against the first'],
      ...rows.map(({ model, formats, result: { tokens, loss } }, index) => [
        model,
        formats,
        String(tokens),
        loss.toFixed(4),
        Math.exp(loss).toFixed(3),
        index === 0 ? '-' : signed(loss - first),
      ]),
    ]),
  )
}
