/** Conversations as a file: all of them to keep or to take elsewhere, or one to read. */
import { PocketPhiError, type FinishReason, type Usage } from 'pocket-phi/worker'
import { shownTurns, titleOf, type AnswerFacts, type Heading, type Thread, type Turn } from './thread.ts'

export interface Conversation {
  readonly heading: Heading
  readonly thread: Thread
}

const format = 'pocket-phi-conversations'
const version = 1

export function formatConversations(conversations: readonly Conversation[]): string {
  return `${JSON.stringify({ format, version, conversations }, undefined, 2)}\n`
}

/** The branch that is shown, for people. */
export function formatMarkdown({ heading, thread }: Conversation): string {
  const turns = shownTurns(thread).map(({ role, content }) => `**${role === 'user' ? 'You' : 'Phi'}**\n\n${content}\n`)
  return `# ${heading.title}\n\n${turns.join('\n')}`
}

/**
 * Reads what `formatConversations` writes, or `{"messages": […]}` as `phi chat` saves it. Every conversation gets a name of its own, so that
 * none is overwritten.
 *
 * @throws PocketPhiError `invalid-file`
 */
export function parseConversations(text: string): Conversation[] {
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

function checked(value: unknown): Conversation {
  const heading = isRecord(value) ? value['heading'] : undefined
  const thread = isRecord(value) ? value['thread'] : undefined
  if (!isRecord(heading) || !isRecord(thread) || !Array.isArray(thread['turns'])) {
    throw noConversations('a conversation without messages')
  }
  const id = crypto.randomUUID()
  const turns = (thread['turns'] as readonly unknown[]).map(checkedTurn)
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
  return { heading: { id, title, created: time('created'), updated: time('updated') }, thread: checkedThread }
}

function checkedTurn(value: unknown): Turn {
  if (isRecord(value)) {
    const { id, parent, role, content, at, facts } = value
    const isNamed = Number.isSafeInteger(id) && Number.isSafeInteger(parent)
    if (isNamed && (role === 'user' || role === 'assistant') && typeof content === 'string' && typeof at === 'number') {
      const turn: Turn = { id: id as number, parent: parent as number, role, content, at }
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
function conversationOf(messages: readonly unknown[]): Conversation {
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
  return { heading: { id, title: titleOf(thread), created: at, updated: at }, thread }
}
