/** Reads calls of functions out of an answer while it is written. */
import { StopGate } from '../engine/stops.ts'
import type { ToolCall, ToolNotation } from './tool-notation.ts'

/** A call that an answer has made. */
export interface MadeCall extends ToolCall {
  readonly id: string
}

/** What has become known of a call. */
export interface CallDelta {
  readonly index: number
  /** With its first piece. */
  readonly begun?: { readonly id: string; readonly name: string }
  readonly arguments: string
}

export interface ReadPiece {
  /** Words that are no part of calls. */
  readonly content: string
  readonly calls: readonly CallDelta[]
}

/** An answer, once it is whole. */
export interface ReadAnswer {
  readonly content: string
  readonly calls: readonly MadeCall[]
}

/** What stands before the arguments of a call; names have no escapes. */
const callHead = /^[^{]*\{\s*"name"\s*:\s*"([^"]*)"\s*,\s*"arguments"\s*:\s*(?=\{)/

/** The text is known to fit the grammar of calls, as far as it goes. */
export class ToolReader {
  readonly #gate: StopGate
  readonly #calls: MadeCall[] = []
  #content = ''
  #unread = ''
  /** Braces that are open in the arguments that are being read; 0 between calls. */
  #depth = 0
  #isInString = false
  #isEscaped = false

  constructor({ open }: ToolNotation) {
    this.#gate = new StopGate([open])
  }

  push(text: string): ReadPiece {
    if (this.#gate.found !== undefined) return { content: '', calls: this.#readCalls(text) }
    const content = this.#gate.push(text)
    this.#content += content
    return { content, calls: this.#gate.found === undefined ? [] : this.#readCalls(this.#gate.rest) }
  }

  /** The words that were held back because they might have been the beginning of calls. */
  end(): string {
    const content = this.#gate.flush()
    this.#content += content
    return content
  }

  get answer(): ReadAnswer {
    return { content: this.#content, calls: this.#calls }
  }

  #readCalls(text: string): CallDelta[] {
    this.#unread += text
    const deltas: CallDelta[] = []
    while (this.#unread !== '') {
      if (this.#depth > 0) deltas.push(this.#readArguments())
      else {
        const head = callHead.exec(this.#unread)
        if (head === null) break
        const begun = { id: `call_${crypto.randomUUID().replaceAll('-', '')}`, name: head[1] ?? '' }
        this.#unread = this.#unread.slice(head[0].length)
        this.#calls.push({ ...begun, arguments: '' })
        deltas.push({ ...this.#readArguments(), begun })
      }
    }
    return deltas
  }

  /** Takes what there is of the arguments. */
  #readArguments(): CallDelta {
    let end = 0
    do this.#look(this.#unread[end++])
    while (end < this.#unread.length && this.#depth > 0)
    const part = this.#unread.slice(0, end)
    this.#unread = this.#unread.slice(end)
    const index = this.#calls.length - 1
    const call = this.#calls[index]
    if (call === undefined) throw new Error('defect: arguments without a call')
    this.#calls[index] = { ...call, arguments: call.arguments + part }
    return { index, arguments: part }
  }

  #look(character: string | undefined): void {
    if (this.#isEscaped) this.#isEscaped = false
    else if (this.#isInString) {
      if (character === '\\') this.#isEscaped = true
      else if (character === '"') this.#isInString = false
    } else if (character === '"') this.#isInString = true
    else if (character === '{') this.#depth++
    else if (character === '}') this.#depth--
  }
}
