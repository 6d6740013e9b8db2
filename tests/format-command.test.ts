/** `phi run` with a format: the command and its errors, with the model that ships. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const main = path.join(import.meta.dirname, '../src/cli/main.ts')
let folder: string

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'pocket-phi-'))
})

afterAll(() => rmSync(folder, { recursive: true }))

function run(...options: readonly string[]): {
  readonly code: number | null
  readonly out: string
  readonly err: string
} {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [main, 'run', 'phi-nano', 'Is a lemon yellow?', '--threads', '1', '--temperature', '0', ...options],
    { encoding: 'utf8' },
  )
  return { code: status, out: stdout.trim(), err: stderr }
}

function schemaFile(text: string): string {
  const file = path.join(folder, 'answer.schema.json')
  writeFileSync(file, text)
  return file
}

describe('phi run', () => {
  it('holds an answer to a regular expression', () => {
    const { code, out } = run('--regex', '(Red|Blue)[!]{2}')
    expect(code).toBe(0)
    expect(out).toMatch(/^(Red|Blue)!!$/)
  })

  it('holds an answer to a schema', () => {
    const schema = { type: 'object', properties: { yes: { type: 'boolean' } }, required: ['yes'] }
    const { code, out } = run('--schema', schemaFile(JSON.stringify(schema)), '--json')
    expect(code).toBe(0)
    const { text } = JSON.parse(out) as { readonly text: string }
    expect(JSON.parse(text)).toEqual({ yes: expect.any(Boolean) as boolean })
  })

  it('says what cannot be held to, and what is no schema', () => {
    const refused = run('--schema', schemaFile('{"not":{}}'))
    expect(refused.code).not.toBe(0)
    expect(refused.err).toContain('the keyword "not"')
    expect(run('--schema', schemaFile('{')).err).toContain('is not JSON')
    expect(run('--schema', path.join(folder, 'none.json')).code).not.toBe(0)
    expect(run('--schema', 'json', '--regex', 'a').err).toContain('leave one out')
  })
})
