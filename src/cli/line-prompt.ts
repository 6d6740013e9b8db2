/** Lines typed at a terminal, with editing and history; between them the terminal is as a shell leaves it. */
import { createInterface, type Interface } from 'node:readline'
import type { ReadStream } from 'node:tty'

/** What came of a prompt. */
export type Typed =
  | { readonly kind: 'line'; readonly line: string }
  /** Ctrl-C with nothing typed. */
  | { readonly kind: 'interrupt' }
  /** Ctrl-D, or the terminal is gone. */
  | { readonly kind: 'end' }

const historySize = 500

/**
 * Prompts at a terminal. While nothing is asked the terminal is in its ordinary mode: Ctrl-C is then a signal, and what is
 * typed waits for the next prompt.
 */
export class LinePrompt {
  readonly #input: ReadStream
  readonly #interface: Interface
  /** Lines of one paste, beyond the one that was asked for. */
  readonly #lines: string[] = []
  #isOver = false
  #answer: ((typed: Typed) => void) | undefined

  constructor(input: ReadStream, output: NodeJS.WritableStream, prompt: string) {
    this.#input = input
    this.#interface = createInterface({
      input,
      output,
      prompt,
      terminal: true,
      historySize,
      removeHistoryDuplicates: true,
    })
    this.#interface.on('line', (line) => {
      if (this.#answer === undefined) this.#lines.push(line)
      else this.#give({ kind: 'line', line })
    })
    this.#interface.on('SIGINT', () => this.interrupt())
    this.#interface.on('close', () => {
      this.#isOver = true
      this.#give({ kind: 'end' })
    })
    this.#rest()
  }

  async read(): Promise<Typed> {
    const line = this.#lines.shift()
    if (line !== undefined) return { kind: 'line', line }
    if (this.#isOver) return { kind: 'end' }
    this.#input.setRawMode(true)
    const typed = await new Promise<Typed>((resolve) => {
      this.#answer = resolve
      this.#interface.prompt(true)
    })
    this.#rest()
    return typed
  }

  /** What Ctrl-C does at the prompt: it drops the line that was begun, or else is reported. */
  interrupt(): void {
    if (this.#interface.line === '') return this.#give({ kind: 'interrupt' })
    this.#interface.write(null, { ctrl: true, name: 'e' })
    this.#interface.write(null, { ctrl: true, name: 'u' })
  }

  close(): void {
    this.#answer = undefined
    this.#interface.close()
  }

  #give(typed: Typed): void {
    const answer = this.#answer
    this.#answer = undefined
    answer?.(typed)
  }

  #rest(): void {
    if (this.#isOver) return
    this.#interface.pause()
    this.#input.setRawMode(false)
  }
}
