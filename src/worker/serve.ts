/** The side of the port on which the engine is. */
import { PocketPhiError, throwIfAborted } from '../base/errors.ts'
import type { Chat } from '../engine/chat.ts'
import type { Generation } from '../engine/generate.ts'
import { loadModel, measureModel, type ModelSource } from '../engine/load-model.ts'
import type { PhiModel, Prompt } from '../engine/phi-model.ts'
import type { Message } from '../engine/picture-text.ts'
import type { Picture } from '../engine/pictures.ts'
import { handleFolder, type DirectoryHandle } from '../formats/tree.ts'
import type { SpecialToken } from '../text/text.ts'
import { serveCalls, type CallAnswers, type CallScope, type MessageEnd } from './calls.ts'
import type {
  AnswerNews,
  EngineCalls,
  ModelFacts,
  SentAnswer,
  SentMessage,
  SentPicture,
  SentPrompt,
  SentSource,
} from './messages.ts'

/** Answers the calls of a `RemoteEngine` at the other end. */
export function serveEngine(port: MessageEnd): void {
  serveCalls(port, new Hall().answers)
}

/** The models, conversations and pictures that one port knows by number. */
class Hall {
  readonly #models = new Map<number, PhiModel>()
  readonly #chats = new Map<number, { readonly chat: Chat; readonly model: number }>()
  readonly #pictures = new Map<number, { readonly picture: Picture; readonly model: number }>()
  /** Models that are being loaded, and what ends that. */
  readonly #loads = new Map<Promise<PhiModel>, AbortController>()
  readonly answers: CallAnswers<EngineCalls> = {
    load: async ({ model: number, source, options }, { signal, tell }) => {
      const model = await this.#load(signal, (loadSignal) =>
        loadModel(openSource(source), {
          ...options,
          signal: loadSignal,
          onPlan: (plan) => tell({ kind: 'plan', plan }),
          onProgress: (progress) => tell({ kind: 'progress', progress }),
        }),
      )
      this.#models.set(number, model)
      return factsOf(model)
    },
    measure: ({ source, options }, { signal }) => measureModel(openSource(source), { ...options, signal }),
    counters: async ({ model }) => this.#model(model).counters,
    countTokens: async ({ model, text }) => this.#model(model).tokenizer.encode(text).length,
    embed: ({ model, texts }, { signal, tell }) =>
      this.#model(model).embed(
        texts.map((text) => this.#prompt(text, model)),
        { signal, onProgress: tell },
      ),
    openPicture: async ({ model, picture: number, source, options }) => {
      const picture = await this.#model(model).picture(source, options)
      this.#pictures.set(number, { picture, model })
      const { width, height, tokens } = picture
      return { width, height, tokens }
    },
    closePicture: async ({ picture }) => {
      this.#pictures.delete(picture)
    },
    generate: ({ model, prompt, options }, scope) =>
      read((listen) => this.#model(model).generate(this.#prompt(prompt, model), { ...options, ...listen }), scope),
    openChat: async ({ model, chat, like }) => {
      const opened = like === undefined ? this.#model(model).chat() : this.#chat(like).chat.branch()
      this.#chats.set(chat, { chat: opened, model })
    },
    closeChat: async ({ chat }) => {
      this.#chats.delete(chat)
    },
    answer: ({ chat, messages, options }, scope) =>
      read((listen) => {
        const { chat: opened, model } = this.#chat(chat)
        return opened.answer(this.#messages(messages, model), { ...options, ...listen })
      }, scope),
    disposeModel: async ({ model }) => {
      const found = this.#models.get(model)
      this.#models.delete(model)
      for (const known of [this.#chats, this.#pictures]) {
        for (const [number, entry] of known) if (entry.model === model) known.delete(number)
      }
      await found?.dispose()
    },
    disposeAll: async () => {
      for (const controller of this.#loads.values()) controller.abort()
      await Promise.allSettled(this.#loads.keys())
      const models = [...this.#models.values()]
      this.#models.clear()
      this.#chats.clear()
      this.#pictures.clear()
      await Promise.all(models.map((model) => model.dispose()))
    },
  }

  /** Loads a model that `disposeAll` ends. A load may have come too far to be ended: then there is a model to free. */
  async #load(signal: AbortSignal, load: (signal: AbortSignal) => Promise<PhiModel>): Promise<PhiModel> {
    const controller = new AbortController()
    const either = AbortSignal.any([signal, controller.signal])
    const loading = load(either).then(async (model) => {
      if (either.aborted) await model.dispose()
      throwIfAborted(either)
      return model
    })
    this.#loads.set(loading, controller)
    try {
      return await loading
    } finally {
      this.#loads.delete(loading)
    }
  }

  #model(number: number): PhiModel {
    const model = this.#models.get(number)
    if (model !== undefined) return model
    throw new PocketPhiError('invalid-argument', 'The model was disposed of.', { remedy: 'Load it again.' })
  }

  #chat(number: number): { readonly chat: Chat; readonly model: number } {
    const found = this.#chats.get(number)
    if (found !== undefined) return found
    throw new PocketPhiError('invalid-argument', 'The conversation was closed, or its model was disposed of.', {
      remedy: 'Start another one with the messages of its history.',
    })
  }

  #picture({ picture: number }: SentPicture, model: number): Picture {
    const found = this.#pictures.get(number)
    if (found?.model === model) return found.picture
    throw new PocketPhiError('invalid-argument', 'A picture was closed, or is that of another model.', {
      remedy: 'Take it in again.',
    })
  }

  #messages(messages: readonly SentMessage[], model: number): Message[] {
    return messages.map(({ pictures, ...message }) => {
      return pictures === undefined
        ? message
        : { ...message, pictures: pictures.map((picture) => this.#picture(picture, model)) }
    })
  }

  #prompt(prompt: SentPrompt, model: number): Prompt {
    if (typeof prompt === 'string') return prompt
    const parts = prompt as readonly (string | SpecialToken | SentPicture | number)[]
    return parts.map((part) =>
      typeof part === 'object' && part.kind === 'picture' ? this.#picture(part, model) : part,
    ) as Prompt
  }
}

type Listen = Pick<NonNullable<Parameters<PhiModel['generate']>[1]>, 'signal' | 'onProgress'>

/** Reads an answer to its end and tells its chunks on the way. */
async function read(
  start: (listen: Listen) => Generation & { readonly dropped?: readonly Message[] },
  { signal, tell }: CallScope<AnswerNews>,
): Promise<SentAnswer> {
  const reply = start({ signal, onProgress: (progress) => tell({ kind: 'progress', progress }) })
  const dropped = reply.dropped?.length ?? 0
  if (dropped > 0) tell({ kind: 'dropped', dropped })
  for await (const chunk of reply) tell({ kind: 'chunk', chunk })
  return { result: await reply.result(), dropped }
}

function openSource(source: SentSource): ModelSource {
  return isHandle(source) ? handleFolder(source) : source
}

function isHandle(source: SentSource): source is DirectoryHandle {
  return typeof source === 'object' && 'getDirectoryHandle' in source
}

function factsOf(model: PhiModel): ModelFacts {
  const { backend, execution, memory, sees, context, config, templateName, stopIds, sampling } = model
  return { backend, execution, memory, sees, context, config, templateName, stopIds, sampling }
}
