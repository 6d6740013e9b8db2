/** What is typed at a terminal, with editing and history; between prompts the terminal is as a shell leaves it. */
import { createInterface, type Interface, type Key } from 'node:readline'

/** What came of a prompt. */
export type Typed =
  /** Several lines where all but the last ended in a backslash, or were pasted. */
  | { readonly kind: 'text'; readonly text: string }
  /** Ctrl-C with nothing typed. */
  | { readonly kind: 'interrupt' }
  /** Ctrl-D, or the terminal is gone. */
  | { readonly kind: 'end' }

const historySize = 500

/** What begins a line that goes on with the one before. */
const continuation = '… '

/** Makes a terminal tell what is pasted from what is typed, by keys of Node's readline before and after it; others ignore it. */
const tellPastes = { on: '\u001B[?2004h', off: '\u001B[?2004l' }

/** A terminal to read from. */
export type TerminalInput = NodeJS.ReadableStream & { setRawMode(isRaw: boolean): unknown }

/** The text of a line, of which two backslashes at its end spell out one, and whether a single one there says that it goes on. */
function readEnd(line: string): { readonly text: string; readonly goesOn: boolean } {
  const count = /\\*$/.exec(line)?.[0].length ?? 0
  return { text: line.slice(0, line.length - Math.ceil(count / 2)), goesOn: count % 2 === 1 }
}

/**
 * Prompts at a terminal. While nothing is asked the terminal is in its ordinary mode: Ctrl-C is then a signal, and what is
 * typed waits for the next prompt.
 */
export class LinePrompt {
  readonly #input: TerminalInput
  readonly #output: NodeJS.WritableStream
  readonly #prompt: string
  readonly #interface: Interface
  /** What was typed before it was asked for. */
  readonly #texts: string[] = []
  /** Lines of a text that goes on. */
  readonly #begun: string[] = []
  #isPasted = false
  #isOver = false
  #answer: ((typed: Typed) => void) | undefined

  constructor(input: TerminalInput, output: NodeJS.WritableStream, prompt: string) {
    this.#input = input
    this.#output = output
    this.#prompt = prompt
    this.#interface = createInterface({
      input,
      output,
      prompt,
      terminal: true,
      historySize,
      removeHistoryDuplicates: true,
    })
    input.on('keypress', (_text: unknown, { name }: Key) => {
      if (name === 'paste-start') this.#isPasted = true
      else if (name === 'paste-end') this.#isPasted = false
    })
    this.#interface.on('line', (line) => this.#take(line))
    this.#interface.on('SIGINT', () => this.interrupt())
    this.#interface.on('close', () => {
      this.#output.write(tellPastes.off)
      this.#isOver = true
      if (this.#begun.length > 0) this.#end()
      this.#give({ kind: 'end' })
    })
    this.#rest()
  }

  async read(): Promise<Typed> {
    const text = this.#texts.shift()
    if (text !== undefined) return { kind: 'text', text }
    if (this.#isOver) return { kind: 'end' }
    this.#input.setRawMode(true)
    this.#output.write(tellPastes.on)
    const typed = await new Promise<Typed>((resolve) => {
      this.#answer = resolve
      this.#interface.prompt(true)
    })
    this.#rest()
    return typed
  }

  /** What Ctrl-C does at the prompt: it drops the text that was begun, or else is reported. */
  interrupt(): void {
    if (this.#interface.line === '' && this.#begun.length === 0) return this.#give({ kind: 'interrupt' })
    this.#interface.write(null, { ctrl: true, name: 'e' })
    this.#interface.write(null, { ctrl: true, name: 'u' })
    if (this.#begun.length === 0) return
    this.#begun.length = 0
    this.#interface.setPrompt(this.#prompt)
    this.#interface.prompt(true)
  }

  close(): void {
    this.#answer = undefined
    this.#interface.close()
  }

  #take(line: string): void {
    const { text, goesOn } = this.#isPasted ? { text: line, goesOn: true } : readEnd(line)
    this.#begun.push(text)
    if (!goesOn) return this.#end()
    this.#interface.setPrompt(continuation)
    if (this.#answer !== undefined) this.#interface.prompt(true)
  }

  /** The text is whole. What was pasted may end in line breaks, which nobody has seen. */
  #end(): void {
    const text = this.#begun.splice(0).join('\n').replace(/\n+$/, '')
    this.#interface.setPrompt(this.#prompt)
    if (this.#answer === undefined) this.#texts.push(text)
    else this.#give({ kind: 'text', text })
  }

  #give(typed: Typed): void {
    const answer = this.#answer
    this.#answer = undefined
    answer?.(typed)
  }

  #rest(): void {
    if (this.#isOver) return
    this.#interface.pause()
    this.#output.write(tellPastes.off)
    this.#input.setRawMode(false)
  }
}
