/** A chat at a terminal. */
import { stdin, stdout } from 'node:process'
import type { Chat, ChatReply } from '../engine/chat.ts'
import { ChatSession, type ChatSetting } from './chat-commands.ts'
import { reportError } from './errors.ts'
import { sameKeyMilliseconds } from './interrupt.ts'
import { LinePrompt } from './line-prompt.ts'
import { droppedNote, readReply } from './reply.ts'
import { failureLines, sourceLines } from './search-options.ts'
import { dim, print, progressOn, StatusLine } from './terminal.ts'

/**
 * Talks until the reader quits. Ctrl-C ends an answer; at the empty prompt it quits when pressed twice.
 *
 * @returns the conversation as it is then
 */
export async function chatAtTerminal(setting: ChatSetting): Promise<Chat> {
  const waiting = new StatusLine()
  const generate = { ...setting.generate, onProgress: progressOn(waiting) }
  const session = new ChatSession({ ...setting, generate })
  const prompt = new LinePrompt(stdin, stdout, '> ')
  let answering: AbortController | undefined
  let stoppedAt = -Infinity
  const onSignal = (): void => {
    const now = performance.now()
    if (answering !== undefined) {
      answering.abort()
      stoppedAt = now
    } else if (now - stoppedAt > sameKeyMilliseconds) prompt.interrupt()
  }
  process.on('SIGINT', onSignal)
  print(dim(`${setting.name}, ${setting.model.context} tokens of context. /help lists the commands, Ctrl-D quits.`))
  let interrupts = 0
  try {
    while (true) {
      const typed = await prompt.read()
      if (typed.kind === 'end') break
      if (typed.kind === 'interrupt') {
        if (++interrupts === 2) break
        print(dim('\nPress Ctrl-C again to quit.'))
        continue
      }
      interrupts = 0
      if (typed.text.trim() === '') continue
      answering = new AbortController()
      const goesOn = await answerText(session, typed.text, waiting, answering.signal)
      answering = undefined
      if (!goesOn) return session.chat
    }
    print()
    return session.chat
  } finally {
    process.off('SIGINT', onSignal)
    prompt.close()
  }
}

/** Does what was typed; false to quit. What goes wrong is shown, and the conversation goes on. */
async function answerText(
  session: ChatSession,
  text: string,
  waiting: StatusLine,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const step = await session.handle(text, signal)
    if (step.kind === 'quit') return false
    if (step.kind === 'text') print(dim(step.text))
    else {
      const { grounded } = step
      for (const failure of grounded === undefined ? [] : failureLines(grounded)) print(dim(failure))
      const result = await showReply(step.reply, waiting)
      session.remember(result)
      for (const source of grounded === undefined ? [] : sourceLines(result.text, grounded.sources)) print(dim(source))
    }
  } catch (error) {
    print(reportError(error, false).text)
  }
  return true
}

const endings: Readonly<Record<string, string>> = {
  aborted: '(stopped)',
  length: '(stopped at --max-tokens)',
  'context-full': '(the context is full: /reset, or /undo)',
}

async function showReply(reply: ChatReply, waiting: StatusLine) {
  const dropped = droppedNote(reply)
  if (dropped !== undefined) print(dim(dropped))
  waiting.show(dim('…'))
  const result = await readReply(reply, (text) => {
    waiting.clear()
    stdout.write(text)
  })
  waiting.clear()
  const ending = endings[result.finish]
  print(ending === undefined ? '' : dim(`${result.text === '' ? '' : ' '}${ending}`))
  return result
}
