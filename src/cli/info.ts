/** `phi info`: what a model is and what it needs, without loading it. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { elementCount } from '../base/dtype.ts'
import { PocketPhiError } from '../base/errors.ts'
import type { ModelPlace } from '../engine/find-model.ts'
import { measureModel } from '../engine/load-model.ts'
import { machineMemory, type MachineMemory } from '../engine/machine-memory.ts'
import { largestContext, memoryOf, type ContextMemory, type MeasureContext } from './memory-check.ts'
import { isGgufModel, openModelFiles } from '../engine/model-files.ts'
import { ggufParts } from '../formats/gguf.ts'
import { isJsonObject } from '../formats/json.ts'
import { modelFromConfig, modelParameters, type Model, type ModelShape } from '../models/index.ts'
import { checkpointFacts, type CheckpointFacts, type DTypeShare } from './checkpoint-facts.ts'
import {
  cacheBytesPerToken,
  contextsOf,
  expertLines,
  expertMemory,
  memoryTable,
  type ExpertMemory,
} from './info-memory.ts'
import { modelPlace, optionalModelArgument } from './model-folder.ts'
import type { CacheDType } from '../program/ops/cache.ts'
import {
  addBackendOptions,
  addMemoryOption,
  cacheTypeOption,
  chooseBackend,
  given,
  integer,
  type BackendOptions,
  type MemoryOptions,
} from './options.ts'
import type { NamedModel } from './resolve-model.ts'
import { formatBytes, formatCount, formatTable, print, printJson } from './terminal.ts'
import { readTextFiles } from './text-files.ts'

interface InfoOptions extends BackendOptions, MemoryOptions {
  readonly context?: number
  readonly exact?: boolean
  readonly cacheType?: CacheDType
  readonly json?: boolean
}

export function registerInfo(program: Command): void {
  const command = program
    .command('info')
    .description('Show what a model is, how much memory it takes and whether this machine has it. Reads no weights.')
    .argument('[model]', optionalModelArgument)
    .option('--context <n>', 'show the memory for this context only', integer(1))
    .option('--exact', 'show the memory of --exact')
    .addOption(cacheTypeOption())
    .option('--json', 'print one JSON object, sizes in bytes')
  addMemoryOption(addBackendOptions(command))
    .addHelpText(
      'after',
      `
Of a file of safetensors without a config.json beside it, what is in the file is shown.

Examples:
  $ phi info
  $ phi info path/to/Phi-3-mini-4k-instruct --context 4096
  $ phi info path/to/model-00001-of-00002.safetensors
  $ phi info path/to/Phi-3-mini-4k-instruct-q4.gguf
  $ phi info phi-nano --json`,
    )
    .action(info)
}

interface ModelFacts {
  readonly architecture: string
  readonly shape: ModelShape
  readonly sizes: Readonly<Record<string, number>>
  readonly parameters: number
  readonly text: TextFacts | undefined
}

interface MemoryFacts {
  readonly memory: readonly ContextMemory[]
  /** Null where it cannot be told. */
  readonly cacheBytesPerToken: number | null
  /** Left out where there are no experts that could be read when they are chosen. */
  readonly experts?: ExpertMemory
  readonly machine: MachineMemory & {
    /** Tokens for which there is room now, with all of the weights in memory; null where there is room for none. */
    readonly largestContext: number | null
  }
}

interface FileFacts {
  readonly model: string
  readonly dtypes: readonly DTypeShare[]
  readonly bytesOnDisk: { readonly weights: number; readonly all: number }
}

async function info(name: string | undefined, options: InfoOptions): Promise<void> {
  const place = await modelPlace(name, 'weights')
  const checkpoint = await checkpointFacts(place.folder, place.weightsFile)
  const file = await fileFacts(place, checkpoint)
  if (!(await isGgufModel(place.tree, place.weightsFile)) && !(await place.tree.has('config.json'))) {
    if (options.json === true) printJson(file)
    else printFile(file)
    return
  }
  const config = await configOf(place)
  const model = modelFromConfig(config)
  const facts = await modelFacts(place, config, model)
  const memory = await memoryFacts(place, model, options)
  const rows = memory.memory.map(({ plan, ...row }) => ({ ...row, ...plan }))
  if (options.json === true) printJson({ ...file, ...facts, ...memory, memory: rows })
  else printFacts(file, facts, memory)
}

async function configOf({ tree, weightsFile }: ModelPlace): Promise<unknown> {
  const files = await openModelFiles(tree, weightsFile)
  try {
    return await files.config()
  } finally {
    await files.close()
  }
}

async function fileFacts(place: NamedModel, { bytes, dtypes }: CheckpointFacts): Promise<FileFacts> {
  const { folder, weightsFile } = place
  const names = weightsFile === undefined ? await place.tree.list() : ggufParts(weightsFile)
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size))
  return {
    model: place.name,
    dtypes,
    bytesOnDisk: { weights: bytes, all: sizes.reduce((sum, size) => sum + size, 0) },
  }
}

async function modelFacts({ folder, weightsFile }: ModelPlace, config: unknown, model: Model): Promise<ModelFacts> {
  const parameters = modelParameters(model)
  return {
    architecture: model.type,
    shape: model.shape,
    sizes: sizesOf(config),
    parameters: parameters.reduce((sum, parameter) => sum + elementCount(parameter.shape), 0),
    text: await textFacts(folder, weightsFile),
  }
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

interface TextFacts {
  readonly tokens: number
  readonly special: Readonly<Record<string, number>>
  /** The name of a template that is built in, `jinja` for another one, null for none. */
  readonly template: string | null
}

async function textFacts(folder: string, weightsFile: string | undefined): Promise<TextFacts | undefined> {
  try {
    const { tokenizer, template } = await readTextFiles(folder, weightsFile)
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

/** Without a wish, what loading tries first. */
const usualContext = 4096

/** What a model may take: what was given, else what this machine has. */
function memoryFor(memory: number | undefined): MachineMemory {
  if (memory !== undefined) return { total: memory, available: memory }
  return machineMemory() ?? { total: Infinity, available: Infinity }
}

async function memoryFacts(place: ModelPlace, model: Model, options: InfoOptions): Promise<MemoryFacts> {
  const { shape } = model
  const { weightsFile } = place
  const { exact, cacheType } = options
  const machine = memoryFor(options.memory)
  const backend = await chooseBackend(options)
  const measuring = { backend, ...given({ exact, cacheType, weightsFile }) }
  const measure: MeasureContext = (context) => measureModel(place.tree, { context, ...measuring })
  const memory: ContextMemory[] = []
  for (const context of options.context === undefined ? contextsOf(shape) : [options.context]) {
    memory.push(await memoryOf(context, measure))
  }
  const usual = options.context ?? Math.min(usualContext, shape.maxPositions)
  const experts = await expertMemory(shape, usual, machine.available, (limits) =>
    measureModel(place.tree, { ...measuring, ...limits }),
  )
  return {
    memory,
    ...given({ experts }),
    cacheBytesPerToken: (await cacheBytesPerToken(shape, memory, measure)) ?? null,
    machine: { ...machine, largestContext: (await largestContext(shape, machine.available, memory, measure)) ?? null },
  }
}

function line(name: string, value: string): void {
  print(`${name.padEnd(13)}${value}`)
}

function printFile({ model, dtypes, bytesOnDisk }: FileFacts): void {
  line('file', model)
  line('weights', `${formatBytes(bytesOnDisk.weights)} (${formatBytes(bytesOnDisk.all)} with the header)`)
  line('parameters', formatCount(dtypes.reduce((sum, { elements }) => sum + elements, 0)))
  print(`\n${formatsTable(dtypes)}`)
  print('\nThere is no config.json beside it, so that its architecture and memory are not known.')
}

function formatsTable(dtypes: readonly DTypeShare[]): string {
  return formatTable([
    ['format', 'tensors', 'parameters', 'bytes'],
    ...dtypes.map(({ dtype, tensors, elements, bytes }) => [
      dtype,
      String(tensors),
      formatCount(elements),
      formatBytes(bytes),
    ]),
  ])
}

function printFacts({ model, dtypes, bytesOnDisk }: FileFacts, facts: ModelFacts, memory: MemoryFacts): void {
  const { shape, sizes, text } = facts
  line('model', model)
  line('architecture', `${facts.architecture}, ${formatCount(facts.parameters)} parameters`)
  const { hidden = '?', intermediate = '?', heads = '?' } = sizes
  line('layers', `${shape.layers} of width ${hidden}, feed-forward ${intermediate}`)
  line('attention', `${heads} heads of ${shape.headSize}, ${shape.kvHeads} for keys and values`)
  line(
    'context',
    `${shape.maxPositions} tokens${shape.ropeBorder === undefined ? '' : `, LongRoPE beyond ${shape.ropeBorder}`}`,
  )
  line('weights', `${formatBytes(bytesOnDisk.weights)} on disk (${formatBytes(bytesOnDisk.all)} with all files)`)
  line('vocabulary', `${shape.vocabulary}${text === undefined ? ', no tokenizer' : `, ${text.tokens} tokens in use`}`)
  if (text !== undefined) {
    line('template', text.template ?? 'none')
    line(
      'special',
      Object.entries(text.special)
        .map(([token, id]) => `${token} ${id}`)
        .join('  '),
    )
  }
  print(`\n${formatsTable(dtypes)}`)
  printMemory(memory, shape)
}

function printMemory(
  { memory, machine, cacheBytesPerToken: perToken, experts }: MemoryFacts,
  { maxPositions }: ModelShape,
): void {
  print(`\n${memoryTable(memory, machine)}`)
  for (const refusal of new Set(memory.flatMap((row) => row.refusal ?? []))) print(refusal)
  print()
  if (perToken !== null) print(`The cache takes ${formatBytes(perToken)} for each token of the context.`)
  print(`There are ${formatBytes(machine.total)} of memory, of which ${formatBytes(machine.available)} are free.`)
  const { largestContext: largest } = machine
  const what = experts === undefined ? 'The model' : 'With all of its experts in memory the model'
  if (largest === null) print(`${what} does not fit into what is free, whatever the context.`)
  else if (largest === maxPositions) print(`There is room for the longest context, ${largest} tokens.`)
  else print(`The largest context for which there is room is ${largest} tokens.`)
  if (experts !== undefined) for (const text of expertLines(experts)) print(text)
}
