/** What is printed: results on standard output, everything else on standard error. */
import { styleText } from 'node:util'
import type { OnProgress } from '../base/progress.ts'
import { formatBytes } from '../base/units.ts'

export { formatBytes, formatCount, formatSeconds } from '../base/units.ts'

export function print(line = ''): void {
  process.stdout.write(`${line}\n`)
}

/** One JSON value on a line of standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

/** A line for the reader that is not part of the result. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** Pale text where standard error is a terminal that shows it. */
export function dim(text: string): string {
  return styleText('dim', text, { stream: process.stderr })
}

/** One line on standard error that is written over in place; without a terminal nothing is written. */
export class StatusLine {
  readonly #enabled: boolean
  #shown = false
  #last = 0

  constructor(enabled = true) {
    this.#enabled = enabled && process.stderr.isTTY
  }

  get enabled(): boolean {
    return this.#enabled
  }

  /** Shows a text, at most about ten times a second unless it must be seen. */
  show(text: string, always = false): void {
    if (!this.#enabled) return
    const now = performance.now()
    if (!always && this.#shown && now - this.#last < 100) return
    this.#last = now
    this.#shown = true
    const width = process.stderr.columns || 80
    process.stderr.write(`\r${text.slice(0, width - 1)}\u001B[K`)
  }

  clear(): void {
    if (!this.#shown) return
    this.#shown = false
    process.stderr.write('\r\u001B[K')
  }
}

/** Shows the progress of long work in a status line. */
export function progressOn(status: StatusLine): OnProgress {
  return ({ stage, done, total, unit }) => {
    const share = total === 0 ? 1 : done / total
    const amount = unit === 'bytes' ? `${formatBytes(done)} of ${formatBytes(total)}` : `${done} of ${total} ${unit}`
    status.show(`${stage}  ${bar(share)} ${Math.floor(100 * share)} %  ${amount}`, done >= total)
  }
}

const barWidth = 24

export function bar(share: number): string {
  const filled = Math.round(barWidth * Math.max(0, Math.min(1, share)))
  return `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}`
}

export function formatPercent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

/** Columns padded to the widest cell; numbers to the right. The first row is the head. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows
  const widths = head.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  const numeric = head.map((_, column) => body.every((row) => /^[-+]?[\d.]|^-?$/.test(row[column] ?? '')))
  const line = (row: readonly string[]): string =>
    widths
      .map((width, column) => {
        const cell = row[column] ?? ''
        return numeric[column] === true ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd()
  return [line(head), widths.map((width) => '─'.repeat(width)).join('  '), ...body.map(line)].join('\n')
}
