/** Parts of pages that scripts write: what stands between two marks, tables for the most part. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/** The text with `content` between the marks of `name`. @throws when the marks are missing */
export function withPart(text: string, name: string, content: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const [before, rest] = text.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new Error(`The page lacks the marks ${begin} and ${end}.`)
  return `${before}${begin}\n${content}\n${end}${after}`
}

/**
 * Writes a part of a page; with `--check` among the arguments of the process compares instead.
 *
 * @param page its path in the repository
 * @param command what writes it, for whoever finds it stale
 */
export function writePart(page: string, name: string, content: string, command: string): void {
  const text = readFileSync(new URL(`../${page}`, import.meta.url), 'utf8')
  writeMade(page, withPart(text, name, content), command, `The part "${name}" of ${page}`)
}

/** Writes a whole file of the repository, such as a picture; or compares, as `writePart` does. */
export function writeMade(path: string, content: string, command: string, what = path): void {
  const file = new URL(`../${path}`, import.meta.url)
  if (!process.argv.includes('--check')) writeFileSync(file, content)
  else if (!existsSync(file) || readFileSync(file, 'utf8') !== content)
    throw new Error(`${what} is stale: run ${command}.`)
}

/** A table in Markdown, numbers to the right of its first column. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_, column) => (column === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n')
}
