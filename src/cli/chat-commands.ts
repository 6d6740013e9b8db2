/** What a line at the chat prompt asks for: a message, or a command that begins with a slash. */
import { resolve } from 'node:path'
import { currentFolder, writeFileAtomic } from '../formats/atomic.ts'
import type { Chat, ChatReply } from '../engine/chat.ts'
import type { GenerateOptions, GenerationResult } from '../engine/generate.ts'
import type { PhiModel } from '../engine/phi-model.ts'
import { lastQuestion, userMessage } from '../engine/chat-rules.ts'
import { picturesIn, type Message } from '../engine/picture-text.ts'
import type { Picture } from '../engine/pictures.ts'
import { formatConversation } from './conversation-file.ts'
import { given } from './options.ts'
import { openPicture } from './pictures.ts'
import { expertsLine, speedLine } from './reply.ts'
import type { Grounded } from '../search/ground.ts'
import { nothingFound, type Searcher } from './search-options.ts'
import { formatBytes } from './terminal.ts'

export interface ChatSetting {
  readonly model: PhiModel
  readonly name: string
  readonly system: string | undefined
  readonly generate: GenerateOptions
  /** What the first message of a conversation shows. */
  readonly pictures: readonly Picture[]
  /** The most tiles that further ones are cut into. */
  readonly tiles: number | undefined
  /** Where answers are looked for first. */
  readonly searcher: Searcher | undefined
}

/** What the prompt does next: show a text, read an answer out, or end. */
export type ChatStep =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'reply'; readonly reply: ChatReply; readonly grounded: Grounded | undefined }
  | { readonly kind: 'quit' }

const help = `/help          this list
/system TEXT   start again, telling the model TEXT first; without TEXT, nothing
/reset         forget the conversation
/image FILE    show a picture with the next message
/undo          take back the last message and its answer
/retry         answer the last message again
/save FILE     write the conversation: Markdown for a name in .md, else JSON for phi tokenize --chat
/stats         tokens, speed and memory
/exit          quit (or Ctrl-D)
Ctrl-C stops an answer. A line that ends in a backslash goes on in the next one. A message that begins with a slash needs a space before it.`

/** The commands that the list names, and their other spellings. */
const commandNames = new Set([...help.matchAll(/^\/\w+/gm)].map(([name]) => name).concat('/?', '/quit'))

/** Whether a line would be a command at a terminal. */
export function isChatCommand(line: string): boolean {
  return commandNames.has(line.split(' ')[0] ?? '')
}

/** A conversation and the commands that act on it. */
export class ChatSession {
  readonly #setting: ChatSetting
  #chat: Chat
  #system: string | undefined
  #last: GenerationResult | undefined
  #retries = 0
  /** The last question, and what the model was sent in its place. */
  #grounded: { readonly question: Message; readonly sent: Grounded } | undefined
  /** The files of /save. */
  readonly #saved = new Set<string>()
  /** Shown with the next message. */
  #pictures: readonly Picture[]

  constructor(setting: ChatSetting) {
    this.#setting = setting
    this.#system = setting.system
    this.#pictures = setting.pictures
    this.#chat = this.#start()
  }

  #start(): Chat {
    return this.#setting.model.chat(this.#system === undefined ? {} : { system: this.#system })
  }

  /** The conversation as it is now. */
  get chat(): Chat {
    return this.#chat
  }

  /**
   * Remembers how an answer went, for /stats. Sources go with one question: in the conversation that goes on they would take the room of what was said, and their
   * numbers would mean other sources than those of the next question.
   */
  remember(result: GenerationResult): void {
    this.#last = result
    const { question, sent } = this.#grounded ?? {}
    if (question === undefined || sent === undefined) return
    const messages = this.#chat.history.map((message) => (message.content === sent.content ? question : message))
    this.#chat = this.#setting.model.chat({ messages })
    this.#grounded = undefined
  }

  /** @throws PocketPhiError `context-full` for a message longer than the context, and what a command throws */
  async handle(line: string, signal: AbortSignal): Promise<ChatStep> {
    if (!line.startsWith('/')) return await this.#say(line.trim(), signal)
    const [command = '', ...words] = line.split(' ')
    const argument = words.join(' ').trim()
    switch (command) {
      case '/help':
      case '/?':
        return say(help)
      case '/exit':
      case '/quit':
        return { kind: 'quit' }
      case '/reset':
        this.#chat = this.#start()
        return say('The conversation is forgotten.')
      case '/system':
        this.#system = argument === '' ? undefined : argument
        this.#chat = this.#start()
        return say(argument === '' ? 'A new conversation without a system message.' : 'A new conversation.')
      case '/image':
        return await this.#addPicture(argument)
      case '/undo':
        return this.#undo()
      case '/retry':
        return await this.#retry(signal)
      case '/save':
        return await this.#save(argument)
      case '/stats':
        return say(this.#stats())
      default:
        return say(`There is no command ${command}. /help lists them; a space before the slash sends the line.`)
    }
  }

  async #say(words: string, signal: AbortSignal): Promise<ChatStep> {
    const pictures = this.#pictures
    const question = userMessage(words, pictures.length > 0 ? pictures : undefined)
    const step = await this.#ask(this.#chat.history, question, { ...this.#setting.generate, signal })
    if (step.kind === 'reply') this.#pictures = []
    return step
  }

  /** Asks a question after what was said, with sources where there is a place to look for them. */
  async #ask(said: readonly Message[], question: Message, options: GenerateOptions): Promise<ChatStep> {
    const { searcher } = this.#setting
    const sent = await searcher?.ground(question.content, said, options.signal)
    if (searcher !== undefined && sent === undefined) {
      return say(`${nothingFound(searcher)} Ask in other words; without --search the model answers from what it knows.`)
    }
    const reply = this.#chat.answer(
      [...said, sent === undefined ? question : { ...question, content: sent.content }],
      options,
    )
    this.#grounded = sent && { question, sent }
    return { kind: 'reply', reply, grounded: sent }
  }

  async #addPicture(file: string): Promise<ChatStep> {
    if (file === '') return say('Name a file: /image cat.jpg')
    const { picture, cost } = await openPicture(this.#setting.model, file, given({ tiles: this.#setting.tiles }))
    this.#pictures = [...this.#pictures, picture]
    return say(`${cost}, with the next message.`)
  }

  #undo(): ChatStep {
    const { history } = this.#chat
    const last = history.findLastIndex(({ role }) => role === 'user')
    if (last < 0) return say('There is nothing to take back.')
    this.#chat.truncate(last)
    return say(`Taken back: ${history[last]?.content ?? ''}`)
  }

  /** With a seed, the n-th retry draws with the n-th seed after it: the same one would give the same answer. */
  async #retry(signal: AbortSignal): Promise<ChatStep> {
    const asked = lastQuestion(this.#chat.history)
    const question = asked.at(-1)
    if (question?.role !== 'user') return say('There is nothing to answer again.')
    const { generate } = this.#setting
    this.#retries++
    const seed = generate.seed === undefined ? {} : { seed: generate.seed + this.#retries }
    return await this.#ask(asked.slice(0, -1), question, { ...generate, ...seed, signal })
  }

  async #save(file: string): Promise<ChatStep> {
    if (file === '') return say('Name a file: /save chat.json')
    const path = resolve(file)
    // What this conversation wrote it may write again as it grows.
    if (!this.#saved.has(path) && (await currentFolder(path)) !== undefined) {
      return say(`${file} exists already. Choose another name.`)
    }
    const { history } = this.#chat
    const words = history.map(({ role, content, tools }) => ({ role, content, ...given({ tools }) }))
    await writeFileAtomic(file, formatConversation(words, file))
    this.#saved.add(path)
    const shown = picturesIn(history).length === 0 ? '' : ', without the pictures'
    return say(`Saved ${history.length} messages in ${file}${shown}.`)
  }

  #stats(): string {
    const { model, name, generate } = this.#setting
    const { context, memory, backend, execution } = model
    const { temperature = 0 } = generate
    const used = this.#last === undefined ? 0 : this.#last.usage.promptTokens + this.#last.usage.generatedTokens
    return [
      `model    ${name} on ${backend}, ${formatBytes(memory.total)} of memory`,
      ...(memory.experts === undefined ? [] : [`experts  ${expertsLine(memory.experts)}`]),
      ...(execution.chosen === undefined ? [] : [`chosen   ${execution.chosen}`]),
      `context  ${used} of ${context} tokens after the last answer`,
      `draws    ${temperature === 0 ? 'the most likely token' : `temperature ${temperature}`}`,
      ...(this.#system === undefined ? [] : [`system   ${this.#system}`]),
      ...(this.#last === undefined ? [] : [`answer   ${speedLine(this.#last)}, seed ${this.#last.seed}`]),
    ].join('\n')
  }
}

function say(text: string): ChatStep {
  return { kind: 'text', text }
}
