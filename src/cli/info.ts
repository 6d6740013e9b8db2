/** `phi info`: what a model is and what it needs, without loading it. */
import { stat } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { elementCount } from '../base/dtype.ts'
import { PocketPhiError } from '../base/errors.ts'
import { measureModel } from '../engine/load-model.ts'
import { isJsonObject } from '../formats/json.ts'
import { localFolder } from '../formats/tree.ts'
import { modelFromConfig, type ModelShape } from '../models/index.ts'
import { traceSequences } from '../models/trace.ts'
import type { MemoryPlan } from '../program/plan.ts'
import { checkpointFacts, type DTypeShare } from './checkpoint-facts.ts'
import { modelFolder, modelName, optionalModelArgument } from './model-folder.ts'
import { addBackendOptions, chooseBackend, integer, type BackendOptions } from './options.ts'
import { formatBytes, formatCount, formatTable, print, printJson } from './terminal.ts'
import { readTextFiles } from './text-files.ts'

interface InfoOptions extends BackendOptions {
  readonly context?: number
  readonly exact?: boolean
  readonly json?: boolean
}

export function registerInfo(program: Command): void {
  const command = program
    .command('info')
    .description('Show what a model is and how much memory it takes. Reads no weights.')
    .argument('[model]', optionalModelArgument)
    .option('--context <n>', 'show the memory for this context only', integer(1))
    .option('--exact', 'show the memory of --exact')
    .option('--json', 'print one JSON object')
  addBackendOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  $ phi info
  $ phi info path/to/Phi-3-mini-4k-instruct --context 4096
  $ phi info models/phi-nano --json`,
    )
    .action(info)
}

interface ContextMemory extends MemoryPlan {
  readonly context: number
}

interface Facts {
  readonly model: string
  readonly architecture: string
  readonly shape: ModelShape
  readonly sizes: Readonly<Record<string, number>>
  readonly parameters: number
  readonly dtypes: readonly DTypeShare[]
  readonly bytesOnDisk: { readonly weights: number; readonly all: number }
  readonly text: TextFacts | undefined
  readonly memory: readonly ContextMemory[]
  readonly machine: { readonly total: number; readonly available: number }
}

async function info(name: string | undefined, options: InfoOptions): Promise<void> {
  const folder = await modelFolder(name)
  const config = await localFolder(folder).readJson('config.json')
  const model = modelFromConfig(config)
  const { type, shape } = model
  const { parameters } = traceSequences(model, 'parameters', 1)
  const { bytes, dtypes } = await checkpointFacts(folder)
  const facts: Facts = {
    model: modelName(folder),
    architecture: type,
    shape,
    sizes: sizesOf(config),
    parameters: parameters.reduce((sum, parameter) => sum + elementCount(parameter.shape), 0),
    dtypes,
    bytesOnDisk: { weights: bytes, all: await folderBytes(folder) },
    text: await textFacts(folder),
    memory: await memoryFor(folder, shape, options),
    machine: { total: totalmem(), available: process.availableMemory() },
  }
  if (options.json === true) printJson(facts)
  else printFacts(facts)
}

/** What config.json says about widths, for the reader; what is computed with comes from the model itself. */
function sizesOf(config: unknown): Readonly<Record<string, number>> {
  const names = { hidden: 'hidden_size', intermediate: 'intermediate_size', heads: 'num_attention_heads' }
  const json = isJsonObject(config) ? config : {}
  return Object.fromEntries(
    Object.entries(names).flatMap(([name, field]) => {
      const value = json[field]
      return typeof value === 'number' ? [[name, value]] : []
    }),
  )
}

/** Bytes of all files of a folder. */
async function folderBytes(folder: string): Promise<number> {
  const names = await localFolder(folder).list()
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

interface TextFacts {
  readonly tokens: number
  readonly special: Readonly<Record<string, number>>
  /** The name of a template that is built in, `jinja` for another one, null for none. */
  readonly template: string | null
}

async function textFacts(folder: string): Promise<TextFacts | undefined> {
  try {
    const { tokenizer, template } = await readTextFiles(folder)
    return {
      tokens: tokenizer.vocabularySize,
      special: Object.fromEntries(tokenizer.specialTokens),
      template: template?.name ?? null,
    }
  } catch (error) {
    if (error instanceof PocketPhiError && error.code === 'not-found') return undefined
    throw error
  }
}

/** A few contexts up to the longest, the longest included. */
function contextsOf({ maxPositions }: ModelShape, wish: number | undefined): number[] {
  if (wish !== undefined) return [wish]
  const usual = [512, 2048, 4096, 16_384, 65_536]
  return [...usual.filter((context) => context < maxPositions), maxPositions]
}

async function memoryFor(folder: string, shape: ModelShape, options: InfoOptions): Promise<ContextMemory[]> {
  const plans: ContextMemory[] = []
  for (const context of contextsOf(shape, options.context)) {
    const exact = options.exact === true
    plans.push({ context, ...(await measureModel(folder, { context, exact, backend: chooseBackend(options) })) })
  }
  return plans
}

function printFacts(facts: Facts): void {
  const { shape, sizes, text, machine } = facts
  const line = (name: string, value: string): void => print(`${name.padEnd(13)}${value}`)
  line('model', facts.model)
  line('architecture', `${facts.architecture}, ${formatCount(facts.parameters)} parameters`)
  const { hidden = '?', intermediate = '?', heads = '?' } = sizes
  line('layers', `${shape.layers} of width ${hidden}, feed-forward ${intermediate}`)
  line('attention', `${heads} heads of ${shape.headSize}, ${shape.kvHeads} for keys and values`)
  line(
    'context',
    `${shape.maxPositions} tokens${shape.ropeBorder === undefined ? '' : `, LongRoPE beyond ${shape.ropeBorder}`}`,
  )
  line(
    'weights',
    `${formatBytes(facts.bytesOnDisk.weights)} on disk (${formatBytes(facts.bytesOnDisk.all)} with all files)`,
  )
  line(
    'numbers',
    facts.dtypes
      .map(({ dtype, tensors, elements }) => `${dtype}: ${tensors} tensors, ${formatCount(elements)}`)
      .join('; '),
  )
  line(
    'vocabulary',
    `${shape.vocabulary}${text === undefined ? ', no tokenizer in the folder' : `, ${text.tokens} tokens in use`}`,
  )
  if (text !== undefined) {
    line('template', text.template ?? 'none')
    line(
      'special',
      Object.entries(text.special)
        .map(([token, id]) => `${token} ${id}`)
        .join('  '),
    )
  }
  print()
  print(memoryTable(facts))
  print(`\nThis machine has ${formatBytes(machine.total)}, of which ${formatBytes(machine.available)} are available.`)
}

function memoryTable({ memory, machine }: Pick<Facts, 'memory' | 'machine'>): string {
  const fits = (bytes: number): string =>
    bytes <= machine.available ? 'yes' : bytes <= machine.total ? 'if others make room' : 'no'
  return formatTable([
    ['context', 'weights', 'cache', 'work', 'memory', 'fits here'],
    ...memory.map(({ context, parameters, states, scratch, total }) => [
      String(context),
      ...[parameters, states, scratch, total].map(formatBytes),
      fits(total),
    ]),
  ])
}
