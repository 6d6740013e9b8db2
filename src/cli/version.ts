import { readFileSync } from 'node:fs'

export function packageVersion(): string {
  const json: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return String((json as { version?: unknown }).version)
}
