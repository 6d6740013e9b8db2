import {
  changedError,
  firstMessages,
  lastQuestion,
  unreadAnswerError,
  userMessage,
  type ChatOptions,
} from '../engine/chat-rules.ts'
import type { Caller } from './calls.ts'
import type { EngineCalls, SentAnswer } from './messages.ts'
import { RemoteGeneration, type RemoteGenerateOptions, type StartAnswer } from './remote-generation.ts'
import { sentMessages, type RemoteMessage, type RemotePicture } from './remote-picture.ts'
import { sentGenerateOptions } from './sent.ts'

export interface RemoteSendOptions extends RemoteGenerateOptions {
  /** What the message shows (`RemoteModel.picture`), before its words. */
  readonly pictures?: readonly RemotePicture[]
}

let chats = 0

/** A number that no conversation of this side has had. */
function newChat(): number {
  chats += 1
  return chats
}

/**
 * A conversation, as `Chat`. The history is kept here; the other side keeps which beginnings the model has read. What `Chat`
 * throws when a message is sent (`context-full`, `invalid-argument`) is thrown here when its answer is read.
 */
export class RemoteChat {
  readonly #caller: Caller<EngineCalls>
  readonly #model: number
  readonly #chat: number
  readonly #opened: Promise<void>
  #messages: readonly RemoteMessage[]
  #isAnswering = false

  /**
   * @param like a conversation whose beginnings are known to the new one too
   * @internal
   */
  constructor(caller: Caller<EngineCalls>, model: number, options: ChatOptions<RemotePicture> = {}, like?: number) {
    this.#caller = caller
    this.#model = model
    this.#chat = newChat()
    this.#messages = firstMessages(options)
    this.#opened = caller.call('openChat', { model, chat: this.#chat, ...(like === undefined ? {} : { like }) })
    // Whoever reads an answer hears of it.
    this.#opened.catch(() => undefined)
  }

  /** What the model will see of the conversation, oldest first; dropped turns are not in it. */
  get history(): readonly RemoteMessage[] {
    return this.#messages
  }

  /** Says something and lets the model answer; see `Chat.send`. */
  send(content: string, { pictures, ...options }: RemoteSendOptions = {}): RemoteGeneration {
    return this.answer([...this.#messages, userMessage(content, pictures)], options)
  }

  /** Answers the last message of the history again, in place of the answer that it had. */
  retry(options: RemoteGenerateOptions = {}): RemoteGeneration {
    return this.answer(lastQuestion(this.#messages), options)
  }

  /** Keeps the first `count` messages of the history and forgets the others. */
  truncate(count: number): void {
    this.#checkIdle()
    this.#messages = this.#messages.slice(0, count)
  }

  /** Another conversation with the first `count` messages of this one, or all; this one stays as it is. */
  branch(count = this.#messages.length): RemoteChat {
    return new RemoteChat(this.#caller, this.#model, { messages: this.#messages.slice(0, count) }, this.#chat)
  }

  /** Answers a conversation that takes the place of the history. */
  answer(messages: readonly RemoteMessage[], options: RemoteGenerateOptions = {}): RemoteGeneration {
    this.#checkIdle()
    const before = this.#messages
    const start: StartAnswer = async (callOptions) => {
      this.#checkIdle()
      if (this.#messages !== before) throw changedError()
      this.#isAnswering = true
      try {
        const answer = await this.#ask(messages, options, callOptions)
        this.#messages = historyAfter(before, messages, answer)
        return answer
      } finally {
        this.#isAnswering = false
      }
    }
    return new RemoteGeneration(start, options, messages)
  }

  /** Lets the other side forget the conversation; its answers can no longer be asked for. */
  async close(): Promise<void> {
    await this.#caller.call('closeChat', { chat: this.#chat })
  }

  async #ask(
    messages: readonly RemoteMessage[],
    options: RemoteGenerateOptions,
    callOptions: Parameters<StartAnswer>[0],
  ): Promise<SentAnswer> {
    await this.#opened
    const input = { chat: this.#chat, messages: sentMessages(messages), options: sentGenerateOptions(options) }
    return await this.#caller.call('answer', input, callOptions)
  }

  #checkIdle(): void {
    if (this.#isAnswering) throw unreadAnswerError()
  }
}

/** Nothing was said when an answer was broken off: as if it had not been asked. Else without what had to be left out. */
function historyAfter(
  before: readonly RemoteMessage[],
  asked: readonly RemoteMessage[],
  { result, dropped }: SentAnswer,
): readonly RemoteMessage[] {
  if (result.finish === 'aborted' && result.text === '') return before
  let left = dropped
  const kept = asked.filter(({ role }) => role === 'system' || --left < 0)
  return [...kept, { role: 'assistant', content: result.text }]
}
