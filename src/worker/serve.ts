/** The side of the port on which the engine is. */
import { PocketPhiError } from '../base/errors.ts'
import type { Chat } from '../engine/chat.ts'
import type { Generation } from '../engine/generate.ts'
import { loadModel, measureModel, type ModelSource } from '../engine/load-model.ts'
import type { PhiModel } from '../engine/phi-model.ts'
import { handleFolder, type DirectoryHandle } from '../formats/tree.ts'
import type { ChatMessage } from '../text/templates.ts'
import { serveCalls, type CallAnswers, type CallScope, type MessageEnd } from './calls.ts'
import type { AnswerNews, EngineCalls, ModelFacts, SentAnswer, SentSource } from './messages.ts'

/** Answers the calls of a `RemoteEngine` at the other end. */
export function serveEngine(port: MessageEnd): void {
  serveCalls(port, new Hall().answers)
}

/** The models and conversations that one port knows by number. */
class Hall {
  readonly #models = new Map<number, PhiModel>()
  readonly #chats = new Map<number, { readonly chat: Chat; readonly model: number }>()
  readonly answers: CallAnswers<EngineCalls> = {
    load: async ({ model: number, source, options }, { signal, tell }) => {
      const model = await loadModel(openSource(source), {
        ...options,
        signal,
        onPlan: (plan) => tell({ kind: 'plan', plan }),
        onProgress: (progress) => tell({ kind: 'progress', progress }),
      })
      this.#models.set(number, model)
      return factsOf(model)
    },
    measure: ({ source, options }, { signal }) => measureModel(openSource(source), { ...options, signal }),
    counters: async ({ model }) => this.#model(model).counters,
    generate: ({ model, prompt, options }, scope) =>
      read((listen) => this.#model(model).generate(prompt, { ...options, ...listen }), scope),
    openChat: async ({ model, chat, like }) => {
      const opened = like === undefined ? this.#model(model).chat() : this.#chat(like).branch()
      this.#chats.set(chat, { chat: opened, model })
    },
    closeChat: async ({ chat }) => {
      this.#chats.delete(chat)
    },
    answer: ({ chat, messages, options }, scope) =>
      read((listen) => this.#chat(chat).answer(messages, { ...options, ...listen }), scope),
    disposeModel: async ({ model }) => {
      const found = this.#models.get(model)
      this.#models.delete(model)
      for (const [number, chat] of this.#chats) if (chat.model === model) this.#chats.delete(number)
      await found?.dispose()
    },
    disposeAll: async () => {
      const models = [...this.#models.values()]
      this.#models.clear()
      this.#chats.clear()
      await Promise.all(models.map((model) => model.dispose()))
    },
  }

  #model(number: number): PhiModel {
    const model = this.#models.get(number)
    if (model !== undefined) return model
    throw new PocketPhiError('invalid-argument', 'The model was disposed of.', { remedy: 'Load it again.' })
  }

  #chat(number: number): Chat {
    const found = this.#chats.get(number)
    if (found !== undefined) return found.chat
    throw new PocketPhiError('invalid-argument', 'The conversation was closed, or its model was disposed of.', {
      remedy: 'Start another one with the messages of its history.',
    })
  }
}

type Listen = Pick<NonNullable<Parameters<PhiModel['generate']>[1]>, 'signal' | 'onProgress'>

/** Reads an answer to its end and tells its chunks on the way. */
async function read(
  start: (listen: Listen) => Generation & { readonly dropped?: readonly ChatMessage[] },
  { signal, tell }: CallScope<AnswerNews>,
): Promise<SentAnswer> {
  const reply = start({ signal, onProgress: (progress) => tell({ kind: 'progress', progress }) })
  const { dropped = [] } = reply
  if (dropped.length > 0) tell({ kind: 'dropped', dropped })
  for await (const chunk of reply) tell({ kind: 'chunk', chunk })
  return { result: await reply.result(), dropped }
}

function openSource(source: SentSource): ModelSource {
  return isHandle(source) ? handleFolder(source) : source
}

function isHandle(source: SentSource): source is DirectoryHandle {
  return typeof source === 'object' && 'getDirectoryHandle' in source
}

function factsOf({ backend, execution, memory, context, config, stopIds, sampling }: PhiModel): ModelFacts {
  return { backend, execution, memory, context, config, stopIds, sampling }
}
