/** Conversations as a file: all of them to keep or to take elsewhere, or one to read. */
import { citationsOf, type Passage } from 'pocket-phi/search'
import { PocketPhiError, type FinishReason, type Usage } from 'pocket-phi/worker'
import {
  shownTurns,
  titleOf,
  type AnswerFacts,
  type Heading,
  type KeptPicture,
  type ShownPicture,
  type Thread,
  type Turn,
} from './thread.ts'

export interface Conversation {
  readonly heading: Heading
  readonly thread: Thread
}

/** A conversation and the pictures that it shows. */
export interface WholeConversation extends Conversation {
  readonly pictures: readonly KeptPicture[]
}

const format = 'pocket-phi-conversations'
const version = 1

/** A file that holds them all; in pieces, since pictures may be longer than a text can be. */
export async function formatConversations(conversations: AsyncIterable<WholeConversation>): Promise<Blob> {
  const pieces: BlobPart[] = []
  for await (const { heading, thread, pictures } of conversations) {
    const files: Record<string, string> = {}
    for (const { id, file } of pictures) files[id] = await dataUrlOf(file)
    pieces.push(pieces.length === 0 ? '' : ',\n', JSON.stringify({ heading, thread, pictures: files }, undefined, 2))
  }
  return new Blob([`{"format": "${format}", "version": ${version}, "conversations": [`, ...pieces, ']}\n'])
}

const pictureType = /^image\/(?:png|jpeg|webp|gif)$/

async function dataUrlOf(file: Blob): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer())
  let binary = ''
  // A call takes some ten thousand arguments.
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192))
  return `data:${pictureType.test(file.type) ? file.type : 'image/png'};base64,${btoa(binary)}`
}

/** @returns undefined for what is no picture that could have been exported */
function fileOf(dataUrl: unknown): Blob | undefined {
  const [, type = '', content = ''] =
    /^data:([^;,]*);base64,(.*)$/.exec(typeof dataUrl === 'string' ? dataUrl : '') ?? []
  if (!pictureType.test(type)) return undefined
  try {
    return new Blob([Uint8Array.from(atob(content), (character) => character.charCodeAt(0))], { type })
  } catch {
    return undefined
  }
}

/** The branch that is shown, for people. */
export function formatMarkdown({ heading, thread }: Conversation): string {
  const turns = shownTurns(thread).map(({ role, content, pictures = [], sources = [] }) => {
    const shown = pictures.map(({ name, width, height }) => `*Picture: ${name}, ${width} × ${height}*\n\n`).join('')
    return `**${role === 'user' ? 'You' : 'Phi'}**\n\n${shown}${content}\n${citedLines(content, sources)}`
  })
  return `# ${heading.title}\n\n${turns.join('\n')}`
}

/** The sources that an answer names, a line each. */
function citedLines(answer: string, sources: readonly Passage[]): string {
  const lines = citationsOf(answer, sources.length).cited.map((number) => {
    const { title = '', address = '' } = sources[number - 1] ?? {}
    return `- [${number}] ${title} (${address})\n`
  })
  return lines.length === 0 ? '' : `\n${lines.join('')}`
}

/**
 * Reads what `formatConversations` writes, or `{"messages": […]}` as `phi chat` saves it. Every conversation, and every picture, gets a name
 * of its own, so that none is overwritten; pictures of which there is no file are left out.
 *
 * @throws PocketPhiError `invalid-file`
 */
export function parseConversations(text: string): WholeConversation[] {
  const json = parse(text)
  if (Array.isArray(json['messages'])) return [conversationOf(json['messages'] as readonly unknown[])]
  if (json['format'] !== format || json['version'] !== version || !Array.isArray(json['conversations'])) {
    throw noConversations('something else')
  }
  return (json['conversations'] as readonly unknown[]).map(checked)
}

function noConversations(found: string): PocketPhiError {
  return new PocketPhiError('invalid-file', 'The file holds no conversations.', {
    expected: 'a file that was exported here, or one that `phi chat` saved',
    found,
  })
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parse(text: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(text)
    if (isRecord(json)) return json
  } catch {
    // Said below.
  }
  throw noConversations('no JSON object')
}

function checked(value: unknown): WholeConversation {
  const heading = isRecord(value) ? value['heading'] : undefined
  const thread = isRecord(value) ? value['thread'] : undefined
  if (!isRecord(heading) || !isRecord(thread) || !Array.isArray(thread['turns'])) {
    throw noConversations('a conversation without messages')
  }
  const id = crypto.randomUUID()
  const files = picturesOf((value as Record<string, unknown>)['pictures'], id)
  const turns = (thread['turns'] as readonly unknown[]).map((turn) => checkedTurn(turn, files))
  const places = new Set([0, ...turns.map((turn) => turn.id)])
  if (places.size <= turns.length || turns.some(({ parent, id: own }) => !places.has(parent) || parent >= own)) {
    throw noConversations('messages that follow nothing')
  }
  const chosen = isRecord(thread['chosen']) ? thread['chosen'] : {}
  const checkedThread: Thread = {
    id,
    system: typeof thread['system'] === 'string' ? thread['system'] : '',
    turns,
    chosen: Object.fromEntries(
      Object.entries(chosen).filter(([, turn]) => typeof turn === 'number'),
    ) as Thread['chosen'],
  }
  const time = (name: string): number => (typeof heading[name] === 'number' ? heading[name] : Date.now())
  const title = typeof heading['title'] === 'string' ? heading['title'] : titleOf(checkedThread)
  const named = { id, title, created: time('created'), updated: time('updated') }
  return { heading: named, thread: checkedThread, pictures: [...files.values()] }
}

/** Pictures by the names that they have in the file. */
function picturesOf(value: unknown, conversation: string): Map<string, KeptPicture> {
  const pictures = new Map<string, KeptPicture>()
  for (const [name, dataUrl] of Object.entries(isRecord(value) ? value : {})) {
    const file = fileOf(dataUrl)
    if (file !== undefined) pictures.set(name, { id: crypto.randomUUID(), conversation, file })
  }
  return pictures
}

function shownPictures(value: unknown, files: ReadonlyMap<string, KeptPicture>): ShownPicture[] {
  return (Array.isArray(value) ? (value as readonly unknown[]) : []).flatMap((picture) => {
    const { id, name, width, height } = isRecord(picture) ? picture : {}
    const file = typeof id === 'string' ? files.get(id) : undefined
    if (file === undefined || typeof width !== 'number' || typeof height !== 'number') return []
    return [{ id: file.id, name: typeof name === 'string' ? name : 'picture', width, height }]
  })
}

function sourcesOf(value: unknown): Passage[] {
  return (Array.isArray(value) ? (value as readonly unknown[]) : []).flatMap((source) => {
    const { title, address, text } = isRecord(source) ? source : {}
    if (typeof title !== 'string' || typeof address !== 'string' || typeof text !== 'string') return []
    return [{ title, address, text }]
  })
}

function checkedTurn(value: unknown, files: ReadonlyMap<string, KeptPicture>): Turn {
  if (isRecord(value)) {
    const { id, parent, role, content, at, facts } = value
    const pictures = shownPictures(value['pictures'], files)
    const isNamed = Number.isSafeInteger(id) && Number.isSafeInteger(parent)
    if (isNamed && (role === 'user' || role === 'assistant') && typeof content === 'string' && typeof at === 'number') {
      const sources = sourcesOf(value['sources'])
      const shown = { ...(pictures.length > 0 && { pictures }), ...(sources.length > 0 && { sources }) }
      const turn: Turn = { id: id as number, parent: parent as number, role, content, at, ...shown }
      return isFacts(facts) ? { ...turn, facts } : turn
    }
  }
  throw noConversations('a message of another form')
}

const finishes: readonly unknown[] = ['stop', 'length', 'aborted', 'context-full'] satisfies FinishReason[]
const figures = [
  'promptTokens',
  'reusedTokens',
  'generatedTokens',
  'promptSeconds',
  'promptTokensPerSecond',
  'generatedTokensPerSecond',
] as const satisfies readonly (keyof Usage)[]

/** Whether all is there that is shown of them. */
function isFacts(value: unknown): value is AnswerFacts {
  if (!isRecord(value)) return false
  const { model, finish, usage, seed, dropped } = value
  const isMade = typeof model === 'string' && finishes.includes(finish) && isRecord(usage)
  const numbers = isMade ? [seed, dropped, ...figures.map((name) => usage[name])] : [undefined]
  return numbers.every((number) => typeof number === 'number')
}

/** A plain list of messages, each following the one before. */
function conversationOf(messages: readonly unknown[]): WholeConversation {
  const id = crypto.randomUUID()
  const at = Date.now()
  const turns: Turn[] = []
  let system = ''
  for (const message of messages) {
    const { role, content } = isRecord(message) ? message : {}
    if (typeof content !== 'string') throw noConversations('a message without content')
    if (role === 'system') system = content
    else if (role === 'user' || role === 'assistant')
      turns.push({ id: turns.length + 1, parent: turns.length, role, content, at })
    else throw noConversations('a message with another role')
  }
  const thread: Thread = { id, system, turns, chosen: {} }
  return { heading: { id, title: titleOf(thread), created: at, updated: at }, thread, pictures: [] }
}
