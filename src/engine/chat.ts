import { PocketPhiError } from '../base/errors.ts'
import type { ChatTemplate } from '../text/templates.ts'
import { compactText, type SpecialToken } from '../text/text.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import type { WriteChunks } from './cache-file.ts'
import {
  changedError,
  firstMessages,
  lastQuestion,
  unreadAnswerError,
  userMessage,
  type ChatOptions,
} from './chat-rules.ts'
import { contextFullError } from './context-full.ts'
import { encodePictured, picturesIn, renderConversation, type Message, type PicturedText } from './picture-text.ts'
import type { Picture } from './pictures.ts'
import {
  Generation,
  type EncodedPrompt,
  type GenerateOptions,
  type GenerationHooks,
  type GenerationHost,
  type GenerationResult,
} from './generate.ts'
import type { AdvanceOptions } from './sequence.ts'

/** What a conversation runs on. */
export interface ChatHost extends GenerationHost {
  readonly tokenizer: Tokenizer
  readonly template: ChatTemplate
}

/** How a message is answered. */
export interface SendOptions extends GenerateOptions {
  /** What the message shows (`PhiModel.picture`), before its words. */
  readonly pictures?: readonly Picture[]
}

/** A text that the model has read, and the ids in which it read it. */
interface KnownPrefix {
  readonly text: PicturedText
  readonly ids: readonly number[]
}

/** Room that is kept for an answer, in tokens; less in a small context. */
const answerRoom = 256

/** An answer of a conversation. */
export class ChatReply extends Generation {
  /** Messages that had to be left out because the conversation no longer fits the context; the oldest turns, whole. */
  readonly dropped: readonly Message[]

  /** @internal */
  constructor(
    host: GenerationHost,
    prompt: EncodedPrompt,
    options: GenerateOptions,
    dropped: readonly Message[],
    hooks: GenerationHooks,
  ) {
    super(host, prompt, options, hooks)
    this.dropped = dropped
  }
}

/**
 * A conversation. Each turn computes only what is new: the beginning is found in the cache, in the very ids that the model
 * read and wrote. Cutting the history back and sending something else branches it, and costs no more.
 */
export class Chat {
  readonly #host: ChatHost
  #messages: Message[]
  /** Texts of earlier turns with their ids, the newest last. */
  #known: KnownPrefix[] = []
  #isAnswering = false

  /** @internal */
  constructor(host: ChatHost, options: ChatOptions = {}) {
    this.#host = host
    this.#messages = firstMessages(options)
  }

  /** What the model will see of the conversation, oldest first; dropped turns are not in it. */
  get history(): readonly Message[] {
    return [...this.#messages]
  }

  /**
   * Says something and lets the model answer. The message and the answer join the history when the answer is read; an
   * answer that is broken off stays in it as far as it came.
   *
   * Where the conversation no longer fits the context, the oldest turns are left out (never the system message), and the
   * reply says which.
   *
   * A message is written after the history as it is now. When that has changed before the answer is read (another message was
   * sent and read first, say), reading throws `invalid-argument`, and the history stays.
   *
   * @throws PocketPhiError `context-full` when not even the last message fits; `not-supported` for pictures that the model cannot
   * see; `invalid-argument`
   */
  send(content: string, { pictures, ...options }: SendOptions = {}): ChatReply {
    return this.answer([...this.#messages, userMessage(content, pictures)], options)
  }

  /** Answers the last message of the history again, in place of the answer that it had. */
  retry(options: GenerateOptions = {}): ChatReply {
    return this.answer(lastQuestion(this.#messages), options)
  }

  /** Keeps the first `count` messages of the history and forgets the others. */
  truncate(count: number): void {
    this.#checkIdle()
    if (count < this.#messages.length) this.#messages = this.#messages.slice(0, count)
  }

  /** Another conversation with the first `count` messages of this one, or all; this one stays as it is. */
  branch(count = this.#messages.length): Chat {
    const other = new Chat(this.#host, { messages: this.#messages.slice(0, count) })
    other.#known = [...this.#known]
    return other
  }

  /** Answers a conversation that takes the place of the history. */
  answer(messages: readonly Message[], options: GenerateOptions = {}): ChatReply {
    this.#checkIdle()
    const { kept, dropped, text, ids } = this.#fit(messages, options)
    const before = this.#messages
    return new ChatReply(this.#host, { ids, pictures: picturesIn(kept) }, options, dropped, {
      onStart: () => {
        this.#checkIdle()
        if (this.#messages !== before) throw changedError()
        this.#isAnswering = true
        this.#messages = kept
      },
      onEnd: (result) => {
        this.#isAnswering = false
        // Nothing was said when it was broken off: as if it had not been asked.
        if (result.finish === 'aborted' && result.text === '') this.#messages = before
        else this.#messages = [...kept, { role: 'assistant', content: result.text }]
        this.#remember(text, ids, result)
      },
      onFailure: () => {
        this.#isAnswering = false
        this.#messages = before
      },
    })
  }

  /**
   * Gives `write` the bytes of a file with the keys and values of the history, as far as the context holds it: for
   * `PhiModel.openCache`.
   *
   * @throws PocketPhiError `invalid-argument` before anything is said and while an answer is being written; `not-supported` with pictures;
   * `aborted`; what `write` throws
   */
  async saveCache(write: WriteChunks, options: AdvanceOptions = {}): Promise<void> {
    this.#checkIdle()
    if (this.#messages.length === 0) {
      throw new PocketPhiError(
        'invalid-argument',
        'Nothing was said in this conversation, so that there is nothing to save.',
      )
    }
    const { engine } = this.#host
    const ids = this.#encode(this.#messages).ids.slice(0, engine.context)
    const { readAndSave } = await import('./cache-file.ts')
    await readAndSave(engine, { ids, pictures: picturesIn(this.#messages) }, write, options)
  }

  #checkIdle(): void {
    if (this.#isAnswering) throw unreadAnswerError()
  }

  /** Drops the oldest turns until the prompt leaves room for an answer. */
  #fit(messages: readonly Message[], options: GenerateOptions) {
    const { context } = this.#host.engine
    const room = Math.max(1, Math.min(options.maxTokens ?? answerRoom, answerRoom, Math.floor(context / 4)))
    const dropped: Message[] = []
    let kept = [...messages]
    while (true) {
      const { text, ids } = this.#encode(kept)
      if (ids.length + room <= context) return { kept, dropped, text, ids }
      const turn = oldestTurn(kept)
      if (turn.length === 0) {
        if (ids.length < context) return { kept, dropped, text, ids }
        throw contextFullError(this.#host.engine.programs, {
          problem: `The ${dropped.length === 0 ? 'message' : 'last message alone'} does not fit the context.`,
          most: context - 1,
          found: `${ids.length}${kept.some(({ role }) => role === 'system') ? ', with the system message' : ''}`,
        })
      }
      dropped.push(...turn)
      kept = kept.filter((message) => !turn.includes(message))
    }
  }

  /**
   * The prompt's ids. Where it continues a text that the model has read, that part keeps its ids: the tokenizer might cut the
   * model's own words otherwise than the model wrote them, and the cache would not be found.
   */
  #encode(messages: readonly Message[]): KnownPrefix {
    const { tokenizer, template } = this.#host
    const text = renderConversation(template, messages)
    for (const known of this.#known.toReversed()) {
      const rest = textAfter(text, known.text)
      if (rest !== undefined)
        return { text, ids: [...known.ids, ...encodePictured(tokenizer, rest, { addBos: false })] }
    }
    return { text, ids: encodePictured(tokenizer, text) }
  }

  #remember(text: PicturedText, ids: readonly number[], result: GenerationResult): void {
    const { tokenizer } = this.#host
    const control = new Set(tokenizer.addedTokens.map((token) => token.id))
    // Control tokens that the model made up are not to be read as such in the next turn.
    if (result.ids.some((id) => control.has(id))) return
    // A stop string cuts the text but not the ids; such an answer is encoded anew.
    if (tokenizer.decode(result.ids) !== result.text) return
    this.#known.push({ text: compactText([...text, result.text]), ids: [...ids, ...result.ids] })
  }
}

/** The oldest user message with what follows it until the next one; empty when it is the last turn. */
function oldestTurn(messages: readonly Message[]): readonly Message[] {
  const rest = messages.filter((message) => message.role !== 'system')
  const next = rest.findIndex((message, index) => index > 0 && message.role === 'user')
  return next < 0 ? [] : rest.slice(0, next)
}

/**
 * What follows `start` in a text; undefined unless the text begins with it and goes on with a special token, since only
 * there encoding starts afresh.
 */
function textAfter(text: PicturedText, start: PicturedText): PicturedText | undefined {
  if (start.length >= text.length) return undefined
  for (const [index, part] of start.entries()) {
    const other = text[index]
    if (part !== other && !(isSpecial(part) && isSpecial(other) && part.content === other.content)) return undefined
  }
  const rest = text.slice(start.length)
  return typeof rest[0] === 'string' ? undefined : rest
}

function isSpecial(part: PicturedText[number] | undefined): part is SpecialToken {
  return typeof part === 'object' && 'kind' in part
}
