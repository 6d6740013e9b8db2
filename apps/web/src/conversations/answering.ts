/** Questions and answers: one at a time, kept while they are written. */
import { computed, effect, signal } from '@preact/signals'
import { groundForModel, nothingFoundIn, usualSources, type Passage } from 'pocket-phi/search'
import { PocketPhiError, type Progress, type RemoteChat, type RemoteMessage, type RemoteModel } from 'pocket-phi/worker'
import { errorData, explained, isAborted } from '../app/errors.ts'
import { answersFromDocuments, documentProvider } from '../documents/documents.ts'
import { readyModel, recover } from '../models/session.ts'
import { settings } from '../settings/settings.ts'
import { begin, keep, thread } from './conversations.ts'
import { takePicture } from './pictures.ts'
import {
  addTurn,
  changeTurn,
  removeTurn,
  shownTurns,
  type AnswerFacts,
  type KeptPicture,
  type ShownPicture,
  type Thread,
  type Turn,
} from './thread.ts'

/** An answer that is being written. */
export interface LiveAnswer {
  readonly thread: string
  readonly turn: number
  readonly text: string
  /** While a long prompt is being read. */
  readonly progress: Progress | undefined
}

export const live = signal<LiveAnswer | undefined>(undefined)
/** Unlike the text these do not change with every frame. */
export const isAnswering = computed(() => live.value !== undefined)
export const writtenTurn = computed(() => (live.value === undefined ? '' : turnKey(live.value.thread, live.value.turn)))

/** A turn among those of all conversations. */
export function turnKey(threadId: string, turn: number): string {
  return `${threadId} ${turn}`
}

/** What was said last, for those who do not see it. */
export const announcement = signal('')

let controller: AbortController | undefined
/** Text comes faster than frames; the page is drawn once for each. */
let pending: Partial<LiveAnswer> | undefined
/** The engine's side of a conversation, which knows what the model has read. */
let side: { readonly thread: string; readonly model: RemoteModel; readonly chat: RemoteChat } | undefined

/** Milliseconds between two times that an unfinished answer is kept. */
const keepEvery = 1000

/** A picture of a question, and its file. */
export interface AskedPicture {
  readonly shown: ShownPicture
  readonly file: Blob
}

/** @returns whether it began: one answer is written at a time */
export function ask(question: string, pictures: readonly AskedPicture[] = []): boolean {
  if (isAnswering.value) return false
  const opened = begin()
  const parent = shownTurns(opened).at(-1)?.id ?? 0
  const at = Date.now()
  const shown = pictures.length === 0 ? {} : { pictures: pictures.map((picture) => picture.shown) }
  void answerAfter(
    opened,
    (now) => addTurn(now, { parent, role: 'user', content: question, at, ...shown }),
    pictures.map(({ shown: { id }, file }) => ({ id, conversation: opened.id, file })),
  )
  return true
}

/** Asks another question in the place of one: a branch. @returns whether it began */
export function edit({ parent, pictures }: Turn, question: string): boolean {
  if (isAnswering.value) return false
  const at = Date.now()
  const shown = pictures === undefined ? {} : { pictures }
  void answerAfter(thread.value, (now) => addTurn(now, { parent, role: 'user', content: question, at, ...shown }))
  return true
}

/** Another answer to the same question. @returns whether it began */
export function regenerate(answer: Turn): boolean {
  const question = thread.value.turns.find(({ id }) => id === answer.parent)
  if (isAnswering.value || question === undefined) return false
  void answerAfter(thread.value, (now) => {
    // An answer of which nothing came is no branch worth keeping.
    return { thread: answer.content === '' ? removeTurn(now, answer.id) : now, turn: question }
  })
  return true
}

export function stop(): void {
  controller?.abort()
}

interface Begun {
  readonly thread: Thread
  readonly turn: Turn
}

/**
 * @param question the conversation with the question, as it is now, that is answered
 * @param pictures are new in it
 */
async function answerAfter(
  known: Thread,
  question: (now: Thread) => Begun,
  pictures: readonly KeptPicture[] = [],
): Promise<void> {
  const at = Date.now()
  const beginIn = (now: Thread): Begun => {
    const asked = question(now)
    return addTurn(asked.thread, { parent: asked.turn.id, role: 'assistant', content: '', at, isUnfinished: true })
  }
  let begun = beginIn(known)
  controller = new AbortController()
  const { signal: stopped } = controller
  pending = undefined
  live.value = { thread: known.id, turn: begun.turn.id, text: '', progress: undefined }
  announcement.value = 'Phi is answering.'
  // Another tab may have added turns, so that these have other numbers.
  await keep(known, (now) => (begun = beginIn(now)).thread, pictures)
  live.value = { ...live.value, turn: begun.turn.id }
  const draft = new Draft(begun)
  let end: Partial<Turn>
  try {
    end = await write(begun, draft, stopped)
    announcement.value = draft.text
  } catch (error) {
    end = isAborted(error) ? {} : { error: errorData(recover(error)) }
    announcement.value = isAborted(error) ? 'Stopped.' : `The answer failed. ${explained(error).message}`
  }
  // Only then: whoever sees that it has ended may reload the page.
  await draft.finish(end)
  live.value = undefined
}

/** An answer as far as it has come, kept now and then so that a page that goes away loses little. */
class Draft {
  text = ''
  readonly #begun: Begun
  #kept = performance.now()

  constructor(begun: Begun) {
    this.#begun = begun
  }

  add(text: string): void {
    this.text += text
    showLive({ text: this.text, progress: undefined })
    if (performance.now() - this.#kept < keepEvery) return
    this.#kept = performance.now()
    const { thread: known, turn } = this.#begun
    void keep(known, (now) => changeTurn(now, turn.id, { content: this.text }))
  }

  /** An answer that was stopped before its first word was never given. */
  async finish(end: Partial<Turn>): Promise<void> {
    const { thread: known, turn } = this.#begun
    const ended = { ...end, content: this.text, isUnfinished: false }
    const isNothing = this.text === '' && end.error === undefined && end.facts?.finish !== 'stop'
    await keep(known, (now) => (isNothing ? removeTurn(now, turn.id) : changeTurn(now, turn.id, ended)))
  }
}

/** @throws PocketPhiError as `takePicture` */
async function messagesBefore(
  { turns, system }: Thread,
  { parent }: Turn,
  model: RemoteModel,
): Promise<RemoteMessage[]> {
  const byId = new Map(turns.map((turn) => [turn.id, turn]))
  const messages: RemoteMessage[] = []
  for (let at = byId.get(parent); at !== undefined; at = byId.get(at.parent)) {
    const { role, content, pictures = [] } = at
    const shown = await Promise.all(pictures.map(({ id }) => takePicture(model, id)))
    messages.unshift({ role, content, ...(shown.length === 0 ? {} : { pictures: shown }) })
  }
  return system === '' ? messages : [{ role: 'system', content: system }, ...messages]
}

/** @returns what is known of the answer when it has ended */
async function write({ thread: begun, turn }: Begun, draft: Draft, stopped: AbortSignal): Promise<Partial<Turn>> {
  const { name, model } = await unlessAborted(readyModel(), stopped)
  const { sampling, maxTokens, seed } = settings.value
  const messages = await unlessAborted(messagesBefore(begun, turn, model), stopped)
  const grounded = await groundedMessages(messages, model, stopped)
  if (grounded === undefined) {
    draft.add(nothingFoundIn(documentProvider.name))
    return {}
  }
  const reply = chatOf(begun, model).answer(grounded.messages, {
    ...sampling,
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(seed === undefined ? {} : { seed }),
    signal: stopped,
    onProgress: (progress) => showLive({ progress }),
  })
  for await (const { text } of reply) draft.add(text)
  const { finish, usage, seed: used } = await reply.result()
  const facts: AnswerFacts = { model: name, finish, usage, seed: used, dropped: reply.dropped.length }
  return grounded.sources.length === 0 ? { facts } : { facts, sources: grounded.sources }
}

/**
 * The messages with sources for the last of them, where answers are to come from documents. Sources go with one question: the conversation goes on
 * without them.
 *
 * @returns undefined where nothing was found
 */
async function groundedMessages(
  messages: readonly RemoteMessage[],
  model: RemoteModel,
  stopped: AbortSignal,
): Promise<{ readonly messages: readonly RemoteMessage[]; readonly sources: readonly Passage[] } | undefined> {
  const question = messages.at(-1)
  // A picture without words has nothing to look up.
  if (!answersFromDocuments.value || question === undefined || question.content.trim() === '') {
    return { messages, sources: [] }
  }
  showLive({ progress: { stage: 'looking in your documents', done: 0, total: 0, unit: 'documents' } })
  const said = messages.slice(0, -1)
  const found = await groundForModel(model, question.content, {
    providers: [documentProvider],
    said,
    tokensOf: (text) => model.countTokens(text),
    count: usualSources,
    signal: stopped,
  })
  if (found === undefined) return undefined
  return { messages: [...said, { ...question, content: found.content }], sources: found.sources }
}

/** Loading goes on for the next question when this one is taken back. */
function unlessAborted<T>(work: Promise<T>, stopped: AbortSignal): Promise<T> {
  const aborted = new Promise<never>((_resolve, reject) => {
    const takeBack = (): void => reject(new PocketPhiError('aborted', 'The question was taken back.'))
    // It may have been taken back while it was being kept.
    if (stopped.aborted) takeBack()
    else stopped.addEventListener('abort', takeBack, { once: true })
  })
  return Promise.race([work, aborted])
}

function chatOf({ id }: Thread, model: RemoteModel): RemoteChat {
  if (side?.thread === id && side.model === model) return side.chat
  if (side?.model === model) void side.chat.close().catch(() => undefined)
  side = { thread: id, model, chat: model.chat() }
  return side.chat
}

function showLive(change: Partial<LiveAnswer>): void {
  if (pending === undefined) requestAnimationFrame(flush)
  pending = { ...pending, ...change }
}

function flush(): void {
  if (live.value !== undefined && pending !== undefined) live.value = { ...live.value, ...pending }
  pending = undefined
}

effect(() => {
  // A title that says whether somebody has to wait is seen in other tabs too.
  document.title = isAnswering.value ? 'Answering … Pocket Phi' : 'Pocket Phi'
})
