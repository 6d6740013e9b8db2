import { PocketPhiError } from '../base/errors.ts'
import type { PictureOptions } from '../engine/album.ts'
import type { GenerationChunk, GenerationResult } from '../engine/generate.ts'
import type { PicturedMessage } from '../engine/picture-text.ts'
import type { ChatMessage } from '../text/templates.ts'
import { RequestError } from './errors.ts'
import { imageError, type RequestImage } from './images.ts'
import { spellLogProbs, type Speller } from './logprobs.ts'
import type { AnswerOptions, AnswerTask } from './options.ts'
import type { CompletionTask } from './request.ts'
import type { CompletionEvent } from './response.ts'
import type { TextPrompt } from './prompts.ts'
import type { TextTask } from './text-request.ts'
import { toolNotation, type ToolNotation } from './tool-notation.ts'
import { ToolReader } from './tool-reader.ts'
import type { TokenLogProb } from './types.ts'

/** A text while it is written: chunk by chunk, or awaited whole. */
export interface Written extends AsyncIterable<GenerationChunk> {
  /** What is left of it, and then the whole. */
  result(): Promise<GenerationResult>
}

/** An answer of a conversation, and the turns that had to be left out. */
export interface ChatAnswer extends Written {
  readonly dropped: readonly ChatMessage[]
}

/** A picture that a model has taken in. */
export interface TakenPicture {
  /** What it takes of the context. */
  readonly tokens: number
  /** Of a model in a worker. */
  close?(): Promise<void>
}

/** A model that can name its tokens, where it is not in a worker. */
export interface Spelling {
  /** Without it log-probabilities are refused, as the tokens could not be named. */
  readonly tokenizer?: Speller
}

/** What is needed of a model: `PhiModel` has it, and so has `RemoteModel`. */
export interface ChatModel<Picture extends TakenPicture = TakenPicture> extends Spelling {
  /** The name of its chat template, which says how it calls functions. */
  readonly templateName?: string | undefined
  /** Takes a picture in, as `PhiModel.picture`. */
  picture(source: Uint8Array, options?: PictureOptions): Promise<Picture>
  /** Starts a conversation, as `PhiModel.chat`. */
  chat(): {
    /** Answers a conversation of one's own, as `Chat.answer`. */
    answer(messages: readonly PicturedMessage<Picture>[], options?: AnswerOptions): ChatAnswer
    /** Of a model in a worker. */
    close?(): Promise<void>
  }
}

/** What is needed of a model to continue texts. */
export interface TextModel extends Spelling {
  /** Continues a text, as `PhiModel.generate`. */
  generate(prompt: TextPrompt, options?: AnswerOptions): Written
}

/**
 * Lets a model answer a request, one choice after another: the prompt is computed once and then found in the cache.
 *
 * @throws RequestError for a picture that is torn, or that the model cannot see, and for log-probabilities that cannot be told
 * @throws PocketPhiError `context-full` when the messages leave no room; here no turn is dropped, since a request says what
 *   the model is to see. `aborted` when the signal fires. What the engine throws.
 */
export async function* answerRequest<Picture extends TakenPicture>(
  model: ChatModel<Picture>,
  task: CompletionTask,
  signal: AbortSignal,
): AsyncGenerator<CompletionEvent, void, void> {
  const spell = spellerOf(model, task)
  const notation = toolNotation(model.templateName)
  const { tools, messages } = task
  const options = { ...task.options, ...toolOptions(task, notation) }
  const taken: Picture[] = []
  try {
    const seen = await takePictures(model, notation.write(messages, tools?.functions ?? []), taken)
    for (let index = 0; index < task.choices; index++) {
      const chat = model.chat()
      try {
        const answer = chat.answer(seen, { ...optionsOf(options, index), signal })
        const reader = tools === undefined ? undefined : new ToolReader(notation)
        yield* eventsOf(answer, { index, spell, reader, check: () => checkWhole(answer) })
      } finally {
        await chat.close?.()
      }
    }
  } finally {
    for (const picture of taken) await picture.close?.()
  }
}

/**
 * Lets a model continue the prompts of a request, one after another, each as often as there are to be choices.
 *
 * @throws RequestError for log-probabilities that cannot be told
 * @throws PocketPhiError `context-full` when a prompt leaves no room, `aborted` when the signal fires; what the engine throws
 */
export async function* continueTexts(
  model: TextModel,
  task: TextTask,
  signal: AbortSignal,
): AsyncGenerator<CompletionEvent, void, void> {
  const spell = spellerOf(model, task)
  for (const [at, prompt] of task.prompts.entries()) {
    for (let choice = 0; choice < task.choices; choice++) {
      const answer = model.generate(prompt, { ...optionsOf(task.options, choice), signal })
      yield* eventsOf(answer, { index: at * task.choices + choice, spell })
    }
  }
}

type Spell = (chunk: GenerationChunk) => readonly TokenLogProb[] | undefined

function spellerOf(model: Spelling, { options }: AnswerTask): Spell {
  if (options.logprobs === undefined) return () => undefined
  const { tokenizer } = model
  if (tokenizer !== undefined) return ({ logprobs = [] }) => spellLogProbs(logprobs, tokenizer)
  throw new RequestError('logprobs', 'unsupported_parameter', 'This model cannot name its tokens.', {
    found: 'a model without a tokenizer on this side',
    remedy: 'Leave "logprobs" out, or load the model here and not in a worker.',
  })
}

/** The options of a choice: with a seed, each has the next one. */
function optionsOf(options: AnswerOptions, choice: number): AnswerOptions {
  return options.seed === undefined ? options : { ...options, seed: options.seed + choice }
}

/** What holds an answer to the notation in which functions are called; nothing where none can be. */
function toolOptions({ tools, options: { format } }: CompletionTask, { open, close }: ToolNotation): AnswerOptions {
  if (tools === undefined) return {}
  const { callable: functions, isForced, most } = tools
  const otherwise = format === undefined || format.type === 'calls' ? 'free' : format
  const words = isForced ? undefined : otherwise
  // Shown, so that calls can be told from words.
  return { format: { type: 'calls', functions, open, close, most, words }, showSpecial: true }
}

interface Hearing {
  readonly index: number
  readonly spell: Spell
  /** Of an answer that may call functions. */
  readonly reader?: ToolReader | undefined
  readonly check?: () => void
}

async function* eventsOf(
  answer: Written,
  { index, spell, reader, check = () => {} }: Hearing,
): AsyncGenerator<CompletionEvent, void, void> {
  const told: TokenLogProb[] = []
  for await (const chunk of answer) {
    check()
    const logprobs = spell(chunk)
    told.push(...(logprobs ?? []))
    const { content: text, calls } = reader?.push(chunk.text) ?? { content: chunk.text, calls: [] }
    if (text !== '' || calls.length > 0 || logprobs !== undefined) yield { kind: 'text', index, text, calls, logprobs }
  }
  check()
  const result = await answer.result()
  if (result.finish === 'aborted') throw new PocketPhiError('aborted', 'The answer was broken off.')
  const rest = reader?.end() ?? ''
  if (rest !== '') yield { kind: 'text', index, text: rest }
  const logprobs = result.logprobs === undefined ? undefined : told
  yield { kind: 'end', index, result, logprobs, read: reader?.answer }
}

/** The messages with what the model takes for their pictures. @param taken where those are put, also when one fails */
async function takePictures<Picture extends TakenPicture>(
  model: ChatModel<Picture>,
  messages: readonly PicturedMessage<RequestImage>[],
  taken: Picture[],
): Promise<PicturedMessage<Picture>[]> {
  const seen: PicturedMessage<Picture>[] = []
  for (const { pictures: images, ...message } of messages) {
    const pictures: Picture[] = []
    for (const image of images ?? []) {
      const picture = await model.picture(image.bytes, image.options).catch((error: unknown) => {
        throw imageError(error, image)
      })
      taken.push(picture)
      pictures.push(picture)
    }
    seen.push(pictures.length === 0 ? message : { ...message, pictures })
  }
  return seen
}

function checkWhole({ dropped }: ChatAnswer): void {
  if (dropped.length === 0) return
  throw new PocketPhiError('context-full', 'The messages do not fit the context of the model.', {
    found: `${dropped.length} messages too many`,
    remedy: 'Leave out the oldest turns, or load the model with a larger context.',
  })
}
