/** A chat through a pipe: one line in, one line out. */
import { createInterface } from 'node:readline'
import { PocketPhiError } from '../base/errors.ts'
import type { Chat, ChatReply } from '../engine/chat.ts'
import type { Grounded } from '../search/ground.ts'
import { isChatCommand, type ChatSetting } from './chat-commands.ts'
import type { ChatCommandOptions } from './chat.ts'
import { exitCodes, reportError } from './errors.ts'
import { describeResult, droppedNote, readReply } from './reply.ts'
import { describeNothing, describeSources, failureLines, nothingFound, sourceLines } from './search-options.ts'
import { note, print, printJson } from './terminal.ts'

/**
 * Answers every line of standard input with one line of standard output. A line that cannot be answered (it is longer than
 * the context, or a command) gets an empty one, and the reason goes to standard error. Commands are refused, not obeyed, since
 * lines may come from anyone and /save writes files.
 *
 * @returns the last conversation
 */
export async function chatByLines(
  setting: ChatSetting,
  { conversation = false, json = false }: Pick<ChatCommandOptions, 'conversation' | 'json'>,
): Promise<Chat> {
  const { model, system } = setting
  const start = (): Chat => model.chat(system === undefined ? {} : { system })
  let chat = start()
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    if (line.trim() === '') {
      if (!json) print()
      continue
    }
    try {
      refuseCommand(line)
      chat = await answerLine(setting, conversation ? chat : start(), line, json)
    } catch (error) {
      const { text = '' } = reportError(error, false)
      note(text)
      if (json) printJson({ prompt: line, error: text })
      else print()
      process.exitCode = exitCodes.failure
    }
  }
  return chat
}

/** Prints the answer to a line. @returns the conversation to go on with */
async function answerLine(setting: ChatSetting, chat: Chat, line: string, json: boolean): Promise<Chat> {
  const { model, generate, pictures, searcher } = setting
  const grounded = await searcher?.ground(line, chat.history)
  if (searcher !== undefined && grounded === undefined) {
    if (json) printJson({ prompt: line, ...describeNothing(searcher) })
    else print(nothingFound(searcher))
    return chat
  }
  for (const failure of grounded === undefined ? [] : failureLines(grounded)) note(failure)
  const isFirst = chat.history.every(({ role }) => role === 'system')
  const shown = isFirst && pictures.length > 0 ? { pictures } : {}
  const reply = chat.send(grounded?.content ?? line, { ...generate, ...shown })
  await printReply(setting, reply, { line, grounded, json })
  if (grounded === undefined) return chat
  // Sources go with one question: the conversation goes on without them.
  const messages = chat.history.map((said) => (said.content === grounded.content ? { ...said, content: line } : said))
  return model.chat({ messages })
}

interface AskedLine {
  readonly line: string
  readonly grounded: Grounded | undefined
  readonly json: boolean
}

async function printReply(
  { name, model }: ChatSetting,
  reply: ChatReply,
  { line, grounded, json }: AskedLine,
): Promise<void> {
  if (json) {
    const result = await readReply(reply, () => {})
    const sources = grounded && describeSources(result.text, grounded)
    printJson({ prompt: line, ...describeResult(name, result, model), ...sources, dropped: reply.dropped.length })
    return
  }
  const dropped = droppedNote(reply)
  if (dropped !== undefined) note(dropped)
  const { text } = await readReply(
    reply,
    oneLine((piece) => process.stdout.write(piece)),
  )
  print()
  for (const source of grounded === undefined ? [] : sourceLines(text, grounded.sources)) note(source)
}

/** @throws PocketPhiError `not-supported` for a line that would be a command at a terminal */
function refuseCommand(line: string): void {
  if (!isChatCommand(line)) return
  throw new PocketPhiError('not-supported', `${line.split(' ')[0]} is a command, and commands are for a terminal.`, {
    remedy: 'Options do the same (phi chat --help). With a space before the slash the line is a message.',
  })
}

/**
 * Writes a text that comes in pieces on one line: white space around it goes, and line breaks in it become spaces.
 *
 * @param write receives what is certain
 */
export function oneLine(write: (text: string) => void): (piece: string) => void {
  let started = false
  let held = ''
  return (piece) => {
    const text = started ? held + piece : piece.trimStart()
    const solid = text.trimEnd()
    held = text.slice(solid.length)
    if (solid === '') return
    started = true
    write(solid.replaceAll(/\s*[\n\v\f\r\x85\u2028\u2029]\s*/g, ' '))
  }
}
