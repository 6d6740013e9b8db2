/** Parts of README.md that scripts write: what stands between two marks. */
import { readFileSync, writeFileSync } from 'node:fs'

/** The text with `content` between the marks of `name`. @throws when the marks are missing */
export function withPart(text: string, name: string, content: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const [before, rest] = text.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new Error(`README.md lacks the marks ${begin} and ${end}.`)
  return `${before}${begin}\n${content}\n${end}${after}`
}

/**
 * Writes a part of README.md; with `--check` among the arguments of the process compares instead.
 *
 * @param stale what to say on a difference
 */
export function writeReadmePart(name: string, content: string, stale: string): void {
  const readme = new URL('../README.md', import.meta.url)
  const text = readFileSync(readme, 'utf8')
  const updated = withPart(text, name, content)
  if (!process.argv.includes('--check')) writeFileSync(readme, updated)
  else if (updated !== text) throw new Error(stale)
}
