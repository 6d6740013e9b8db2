/** `phi run`: one prompt, one answer. */
import type { Command } from 'commander'
import { PocketPhiError } from '../base/errors.ts'
import type { AnswerFormat } from '../grammar/constraint.ts'
import { findLocalModel } from '../engine/find-model.ts'
import type { GenerateOptions, Generation, GenerationResult } from '../engine/generate.ts'
import type { PhiModel, Prompt } from '../engine/phi-model.ts'
import type { Picture } from '../engine/pictures.ts'
import { renderChat, type ChatMessage } from '../text/templates.ts'
import { exitCodes, UsageError } from './errors.ts'
import { readStandardInput, readTextFile } from './files.ts'
import { interruptible } from './interrupt.ts'
import { logprobTable } from './logprobs.ts'
import { modelArgument, modelPlace } from './model-folder.ts'
import { generateOptions, openDraft, openModel } from './open-model.ts'
import {
  addEngineOptions,
  addGenerationOptions,
  given,
  integer,
  type EngineOptions,
  type GenerationOptions,
} from './options.ts'
import { addPictureOptions, openPictures, type PictureCommandOptions } from './pictures.ts'
import { profileTables, takeProfile, type AnswerProfile } from './profile.ts'
import { describeResult, readReply, speedLine } from './reply.ts'
import {
  addSavedCacheOptions,
  checkSavedCache,
  openSavedCache,
  writeSavedCache,
  type SavedCacheOptions,
} from './saved-cache.ts'
import {
  addSearchOptions,
  describeNothing,
  describeSources,
  failureLines,
  nothingFound,
  openSearcher,
  sourceLines,
  type SearchOptions,
} from './search-options.ts'
import type { Grounded } from '../search/ground.ts'
import { quoted } from './shell.ts'
import { dim, note, print, printJson, progressOn, StatusLine } from './terminal.ts'

interface RunOptions extends EngineOptions, GenerationOptions, PictureCommandOptions, SavedCacheOptions, SearchOptions {
  readonly system?: string
  readonly raw?: boolean
  readonly json?: boolean
  readonly logprobs?: number
  readonly profile?: boolean
  readonly schema?: string
  readonly regex?: string
}

export function registerRun(program: Command): void {
  const command = program
    .command('run')
    .description('Answer one prompt, given as an argument or on standard input.')
    .argument('<model>', modelArgument)
    .argument('[prompt]', 'what to say; standard input when left out')
    .option('--system <text>', 'what the model is told before the prompt')
    .option('--raw', 'continue the prompt as it is, without the chat template')
    .option('--json', 'print one JSON object with text, token ids, usage and speed')
    .option('--logprobs <n>', 'log-probabilities of the tokens and of the n likeliest ones', integer(0, 100))
    .option('--schema <file>', 'the answer is JSON by this JSON schema; "json" instead of a file for any object')
    .option('--regex <pattern>', 'the answer matches this regular expression as a whole')
    .option('--profile', 'where the time went: by kernel, at barriers, in dispatch, outside the device')
  addSavedCacheOptions(addSearchOptions(command), 'prompt', 'after the answer')
  addGenerationOptions(addEngineOptions(addPictureOptions(command)))
    .addHelpText(
      'after',
      `
Examples:
  $ phi run phi-nano "What colour is a lemon?"
  $ phi run phi-nano --raw "Once upon a time" --temperature 0.8 --seed 1 --max-tokens 100
  $ phi run phi-nano --raw "$(cat story.txt)" --max-tokens 1 --save-cache story.cache
  $ echo "What is 4 + 5?" | phi run phi-nano --json
  $ phi run phi-nano "What colour is a lemon?" --regex "A lemon is (red|yellow|blue)[.]"
  $ phi run phi-3-mini --search notes.index "When does the boat leave?"
  $ phi run phi-3.5-vision --image chart.png "What does the chart show?"`,
    )
    .action(run)
}

async function run(model: string, prompt: string | undefined, options: RunOptions): Promise<void> {
  checkOptions(options)
  await checkSavedCache(options)
  if (prompt === undefined && process.stdin.isTTY) throw await incompleteCall(model)
  const place = await modelPlace(model).catch(async (error: unknown) => {
    throw prompt === undefined && isSentence(model) ? await incompleteCall(model) : error
  })
  const text = await readPrompt(prompt)
  await interruptible(async (signal) => {
    await using opened = await openModel(place, options, signal)
    await using searcher = await openSearcher(opened, options, signal)
    const grounded = await searcher?.ground(text, [], signal)
    if (searcher === undefined || grounded !== undefined) {
      await answer(opened, { name: place.name, text, grounded, signal }, options)
    } else if (options.json === true) printJson({ model: place.name, ...describeNothing(searcher) })
    else print(nothingFound(searcher))
  })
}

/** @throws UsageError for options that do not go together */
function checkOptions(options: RunOptions): void {
  if (options.raw === true && options.system !== undefined) {
    throw new UsageError('--system has no place in a raw prompt; write it into the prompt or leave --raw out.')
  }
  if (options.raw === true && options.image !== undefined) {
    throw new UsageError('--image needs the chat template; leave --raw out.')
  }
  if (options.search !== undefined && (options.raw === true || options.saveCache !== undefined)) {
    throw new UsageError('--search asks with sources, in a conversation; leave --raw and --save-cache out.')
  }
  if (options.profile === true && (options.backend === 'ref' || options.backend === 'webgpu')) {
    throw new UsageError(`--profile is of the kernels of wasm; leave it or --backend ${options.backend} out.`)
  }
  if (options.schema !== undefined && options.regex !== undefined) {
    throw new UsageError('--schema and --regex both say what the answer is; leave one out.')
  }
}

interface Question {
  /** Of the model, as it was named. */
  readonly name: string
  readonly text: string
  readonly grounded: Grounded | undefined
  readonly signal: AbortSignal
}

async function answer(model: PhiModel, question: Question, options: RunOptions): Promise<void> {
  const { name, text, grounded, signal } = question
  await using draft = await openDraft(model, name, options, signal)
  const format = await formatOf(options)
  const status = new StatusLine()
  const generate = {
    ...generateOptions(model, options, draft),
    signal,
    onProgress: progressOn(status),
    ...withLogprobs(options),
    ...given({ format }),
  }
  const pictures = await openPictures(model, options, (cost) => note(dim(cost)))
  await openSavedCache(model, options, signal)
  for (const line of grounded === undefined ? [] : failureLines(grounded)) note(line)
  const reply = startReply(model, grounded?.content ?? text, options, { ...generate, pictures })
  const result = await readReply(reply, (chunk) => {
    status.clear()
    if (options.json !== true) process.stdout.write(chunk)
  })
  status.clear()
  if (result.finish !== 'aborted') {
    await writeSavedCache(options, (write) => model.saveCache(promptOf(model, text, options), write, { signal }))
  }
  const profile = options.profile === true ? takeProfile(result, model, draft) : undefined
  if (options.json === true) {
    const sources = grounded && describeSources(result.text, grounded)
    printJson({ ...describeResult(name, result, model), ...given({ profile }), ...sources })
  } else {
    printEnd(result, model, profile)
    for (const line of grounded === undefined ? [] : sourceLines(result.text, grounded.sources)) note(line)
  }
  if (result.finish === 'aborted') process.exitCode = exitCodes.interrupted
}

/** What is missing where there is one argument: the prompt, or the model where that argument is rather the prompt. */
async function incompleteCall(argument: string): Promise<UsageError> {
  if (!isSentence(argument) || (await findLocalModel(argument)) !== undefined) {
    return new UsageError(`There is no prompt. Try: phi run ${quoted(argument)} "What is a fox?"`)
  }
  return new UsageError(
    `The model is missing: the first argument is its name, and "${argument}" is none.\nTry: phi run phi-nano ${quoted(argument)}`,
  )
}

/** Names of models have neither spaces nor punctuation at their end. */
function isSentence(text: string): boolean {
  return /\s|[?!.,]$/.test(text)
}

async function readPrompt(prompt: string | undefined): Promise<string> {
  const text = prompt ?? (await readStandardInput()).replace(/\r?\n$/, '')
  if (text === '') throw new PocketPhiError('invalid-argument', 'The prompt is empty.')
  return text
}

/** What the answer has to be. */
async function formatOf({ schema, regex }: RunOptions): Promise<AnswerFormat | undefined> {
  if (regex !== undefined) return { type: 'regex', pattern: regex }
  if (schema === undefined) return undefined
  if (schema === 'json') return { type: 'json' }
  const text = await readTextFile(schema, 'schema')
  try {
    return { type: 'json-schema', schema: JSON.parse(text) as unknown }
  } catch (cause) {
    throw new PocketPhiError('invalid-file', `${schema} is not JSON.`, { expected: 'a JSON schema', cause })
  }
}

function withLogprobs({ logprobs }: RunOptions): Pick<GenerateOptions, 'logprobs'> {
  return logprobs === undefined ? {} : { logprobs }
}

/** The text that the model reads, without its answer. */
function promptOf({ template }: PhiModel, text: string, { raw, system }: RunOptions): Prompt {
  if (raw === true) return text
  const told: ChatMessage[] = system === undefined ? [] : [{ role: 'system', content: system }]
  return renderChat(template, [...told, { role: 'user', content: text }], { addGenerationPrompt: true })
}

function startReply(
  model: PhiModel,
  text: string,
  options: RunOptions,
  { pictures, ...generate }: GenerateOptions & { readonly pictures: readonly Picture[] },
): Generation {
  if (options.raw === true) return model.generate(text, generate)
  const chat = model.chat(options.system === undefined ? {} : { system: options.system })
  return chat.send(text, { ...generate, pictures })
}

function printEnd(
  result: GenerationResult,
  { tokenizer, backend }: PhiModel,
  profile: AnswerProfile | undefined,
): void {
  print()
  if (result.logprobs !== undefined) print(`\n${logprobTable(result.logprobs, (id) => tokenizer.pieceOf(id))}`)
  if (process.stderr.isTTY || result.usage.experts !== undefined) note(dim(`${speedLine(result)}, on ${backend}`))
  if (profile !== undefined) note(`\n${profileTables(profile)}`)
}
