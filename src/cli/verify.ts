/** `phi verify`: published outputs against those of a model. */
import type { Command } from 'commander'
import { PocketPhiError } from '../base/errors.ts'
import type { ModelPlace } from '../engine/find-model.ts'
import type { ModelText } from '../engine/load-text.ts'
import { openModelFiles } from '../engine/model-files.ts'
import type { FileFormat } from '../engine/weights.ts'
import {
  publishedReferences,
  referencesFor,
  tokensOf,
  verifyReference,
  type PublishedReference,
  type Tolerance,
  type VerifyResult,
} from '../eval/published/index.ts'
import { bitsOf, checkpointFacts, roundsActivations } from './checkpoint-facts.ts'
import { exitCodes } from './errors.ts'
import { interruptible } from './interrupt.ts'
import { modelArgument, modelPlace } from './model-folder.ts'
import { openModel } from './open-model.ts'
import { addBackendOptions, decimal, type BackendOptions } from './options.ts'
import type { NamedModel } from './resolve-model.ts'
import { print, printJson, progressOn, StatusLine } from './terminal.ts'

interface VerifyCommandOptions extends BackendOptions {
  readonly tolerance?: number
  readonly json?: boolean
}

/** @param references what to compare with; tests have their own */
export function registerVerify(
  program: Command,
  references: readonly PublishedReference[] = publishedReferences,
): void {
  const command = program
    .command('verify')
    .description('Compare a model with the outputs that are published for its weights.')
    .argument('<model>', modelArgument)
    .option('--tolerance <t>', 'by how much a logit may differ (default: see below)', decimal(0, Infinity, true))
    .option('--json', 'print one JSON object')
  addBackendOptions(command)
    .addHelpText(
      'after',
      `
The references of a model are found by its config.json: logits of a short text, and answers token by token. Each runs
in exact mode, and where weights are packed also with activations rounded to int8. Of an answer the difference is by
how much another token is likelier than the expected one; three in four tokens must be the expected ones.

A logit may differ by 0.0001 and 0.01 % of itself, as published; by 0.125 and 0.4 % where the reference was computed in
bfloat16; where weights are packed by 2 (4 bits) or 0.5 (8 bits), which are bounds of ours against gross mistakes.
The exit code is 1 if one of them does not pass, or if there is none for the model.

References:
${listOf(references)}

Examples:
  $ phi verify path/to/Phi-3-mini-4k-instruct
  $ phi verify path/to/Phi-3-mini-4k-instruct-4bit --tolerance 1 --json`,
    )
    .action((name: string, options: VerifyCommandOptions) => verify(name, options, references))
}

function listOf(references: readonly PublishedReference[]): string {
  return references.map(({ model, name }) => `  ${model}  ${name}`).join('\n')
}

type Mode = 'exact' | 'quantised'

/** What came of one reference in one mode. */
interface Row {
  readonly mode: Mode
  readonly model: string
  readonly result: VerifyResult
}

async function verify(name: string, options: VerifyCommandOptions, all: readonly PublishedReference[]): Promise<void> {
  const place = await modelPlace(name)
  const { config, text } = await configAndText(place)
  const references = referencesFor(config, all)
  if (references.length === 0) throw withoutReference(place, all)
  const { dtypes } = await checkpointFacts(place.folder, place.weightsFile)
  const formats = dtypes.map(({ dtype }) => dtype)
  const rows = await interruptible((signal) => runAll(place, references, formats, text, options, signal))
  const passed = rows.filter(({ result }) => result.passed).length
  if (options.json === true) {
    const results = rows.map(({ mode, model, result }) => ({ mode, model, ...result }))
    printJson({ model: place.name, formats, passed, of: rows.length, results })
  } else {
    for (const row of rows) printRow(row, text)
    print(`\n${passed} of ${rows.length} passed; the weights are ${formats.join(', ')}.`)
  }
  if (passed < rows.length) process.exitCode = exitCodes.failure
}

async function configAndText(place: ModelPlace): Promise<{ readonly config: unknown; readonly text: ModelText }> {
  const files = await openModelFiles(place.tree, place.weightsFile)
  try {
    return { config: await files.config(), text: await files.text() }
  } finally {
    await files.close()
  }
}

function withoutReference(place: NamedModel, all: readonly PublishedReference[]): PocketPhiError {
  return new PocketPhiError('not-found', 'There are no published outputs for this model.', {
    expected: `a config.json that computes as that of one of these:\n${listOf(all)}`,
    found: `that of ${place.name}`,
  })
}

async function runAll(
  place: ModelPlace,
  references: readonly PublishedReference[],
  formats: readonly FileFormat[],
  text: ModelText,
  options: VerifyCommandOptions,
  signal: AbortSignal,
): Promise<Row[]> {
  const rows: Row[] = []
  const modes: readonly Mode[] = formats.some(roundsActivations) ? ['exact', 'quantised'] : ['exact']
  const context = Math.max(...references.map(tokensOf))
  for (const mode of modes) {
    await using model = await openModel(place, { ...options, context, exact: mode === 'exact' }, signal)
    for (const reference of references) {
      const status = new StatusLine()
      const tolerance = toleranceFor(reference, formats, options.tolerance)
      const onProgress = progressOn(status)
      const result = await verifyReference(model, reference, { tolerance, text, signal, onProgress }).finally(() =>
        status.clear(),
      )
      rows.push({ mode, model: reference.model, result })
    }
  }
  return rows
}

/** Published, where figures are those of the weights themselves; of float32 in transformers' tests, of bfloat16 its last digits. */
const published: Readonly<Record<PublishedReference['precision'], Tolerance>> = {
  float32: { absolute: 1e-4, relative: 1e-4 },
  bfloat16: { absolute: 0.125, relative: 2 ** -8 },
}

/** Of phi-nano 4 bits change the logits of 31 rows by up to 1.8 (0.26 on average), and rounded activations by 0.2 more. */
const ofBits: Readonly<Record<4 | 8, number>> = { 4: 2, 8: 0.5 }

function toleranceFor(
  { precision }: PublishedReference,
  formats: readonly FileFormat[],
  wish: number | undefined,
): Tolerance {
  if (wish !== undefined) return { absolute: wish, relative: 0 }
  const bits = formats.flatMap((format) => bitsOf(format) ?? [])
  if (bits.length === 0) return published[precision]
  return { absolute: ofBits[Math.min(...bits) < 8 ? 4 : 8], relative: 0 }
}

function printRow({ mode, model, result }: Row, { tokenizer }: ModelText): void {
  const { passed, worst } = result
  print(`${passed ? 'passed' : 'FAILED'}  ${result.reference} of ${model}, ${mode}`)
  const digits = (value: number): string => (Number.isNaN(value) ? 'no number' : value.toPrecision(3))
  const line = (name: string, text: string): void => print(`        ${name.padEnd(10)}${text}`)
  line(
    'difference',
    ` at most ${digits(worst.difference)} (${worst.place}), where ${digits(worst.tolerance)} is allowed`,
  )
  if (result.kind === 'logits') {
    const shown = (rows: readonly (readonly number[])[]): string =>
      rows.map((row) => row.map((value) => value.toFixed(4)).join(' ')).join(' | ')
    line('expected', ` ${shown(result.expected)}`)
    line('found', ` ${shown(result.found)}`)
    return
  }
  const written = (ids: readonly number[]): string => JSON.stringify(tokenizer?.decode(ids) ?? ids)
  line('tokens', ` the first ${result.agreeing} of ${result.expected.length} are the expected ones`)
  line('expected', ` ${written(result.expected)}`)
  line('found', ` ${written(result.found)}`)
  if (result.otherPrompt !== undefined) line('prompt', ` not the published one: ${written(result.otherPrompt)}`)
}
