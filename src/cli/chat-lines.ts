/** A chat through a pipe: one line in, one line out. */
import { createInterface } from 'node:readline'
import { PocketPhiError } from '../base/errors.ts'
import type { Chat, ChatReply } from '../engine/chat.ts'
import { isChatCommand, type ChatSetting } from './chat-commands.ts'
import type { ChatCommandOptions } from './chat.ts'
import { exitCodes, reportError } from './errors.ts'
import { describeResult, droppedNote, readReply } from './reply.ts'
import { describeSources, nothingFound, sourceLines } from './search-options.ts'
import { note, print, printJson } from './terminal.ts'

/**
 * Answers every line of standard input with one line of standard output. A line that cannot be answered (it is longer than
 * the context, or a command) gets an empty one, and the reason goes to standard error. Commands are refused, not obeyed, since
 * lines may come from anyone and /save writes files.
 *
 * @returns the last conversation
 */
export async function chatByLines(
  { model, name, system, generate, pictures, searcher }: ChatSetting,
  { conversation = false, json = false }: Pick<ChatCommandOptions, 'conversation' | 'json'>,
): Promise<Chat> {
  const start = (): Chat => model.chat(system === undefined ? {} : { system })
  let chat = start()
  const send = (line: string): ChatReply => {
    const isFirst = chat.history.every(({ role }) => role === 'system')
    return chat.send(line, { ...generate, ...(isFirst && pictures.length > 0 && { pictures }) })
  }
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    if (line.trim() === '') {
      if (!json) print()
      continue
    }
    try {
      refuseCommand(line)
      if (!conversation) chat = start()
      const grounded = await searcher?.ground(line, chat.history)
      if (searcher !== undefined && grounded === undefined) {
        if (json) printJson({ prompt: line, text: nothingFound(searcher), sources: [] })
        else print(nothingFound(searcher))
        continue
      }
      const reply = send(grounded?.content ?? line)
      if (json) {
        const result = await readReply(reply, () => {})
        const described = describeResult(name, result, model)
        const sources = grounded && describeSources(result.text, grounded)
        printJson({ prompt: line, ...described, ...sources, dropped: reply.dropped.length })
      } else {
        const dropped = droppedNote(reply)
        if (dropped !== undefined) note(dropped)
        const { text } = await readReply(
          reply,
          oneLine((piece) => process.stdout.write(piece)),
        )
        print()
        for (const source of grounded === undefined ? [] : sourceLines(text, grounded.sources)) note(source)
      }
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
