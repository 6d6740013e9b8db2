import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { quoted } from './shell.ts'

test.each([
  ['org/model@main:phi-Q4_K_M.gguf', 'org/model@main:phi-Q4_K_M.gguf'],
  ['What is a fox?', '"What is a fox?"'],
  [`What's "a" $fox?`, `'What'\\''s "a" $fox?'`],
  ['', '""'],
])('%j is written as %s', (text, written) => {
  expect(quoted(text)).toBe(written)
})

test.skipIf(process.platform === 'win32')('a shell reads back what was written', () => {
  for (const text of ['a b', `it's`, '`ls` $HOME \\ "x" !!', '-n', '*', 'ü?']) {
    expect(execFileSync('sh', ['-c', `printf %s ${quoted(text)}`], { encoding: 'utf8' })).toBe(text)
  }
})
