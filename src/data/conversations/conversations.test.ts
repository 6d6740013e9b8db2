import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConversations, readPreferences } from './index.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pocket-phi-conversations-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

/** A file with these objects, one in a line. */
function written(name: string, ...lines: readonly unknown[]): string {
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('\n')
  writeFileSync(join(folder, name), name.endsWith('.gz') ? gzipSync(text) : text)
  return join(folder, name)
}

const question = { role: 'user', content: 'Who are you?' }
const answer = { role: 'assistant', content: 'I am Phi.' }
const system = { role: 'system', content: 'Be brief.' }

describe('conversations', () => {
  test.each([
    ['messages.jsonl', { id: 1, messages: [system, question, answer] }],
    ['sharegpt.jsonl', { system: 'Be brief.', conversations: sharegpt() }],
    ['instruction.jsonl', { system: 'Be brief.', instruction: 'Who are you?', input: '', output: 'I am Phi.' }],
    ['dolly.jsonl.gz', { system: 'Be brief.', instruction: 'Who are you?', context: '', response: 'I am Phi.' }],
  ])('are detected in %s, and read', async (name, line) => {
    expect(await readConversations(written(name, line, line))).toEqual([
      [system, question, answer],
      [system, question, answer],
    ])
  })

  test('have an input behind the instruction', async () => {
    const file = written('input.jsonl', { instruction: 'Add.', input: '1 and 2', output: '3' })
    expect(await readConversations(file)).toEqual([
      [
        { role: 'user', content: 'Add.\n\n1 and 2' },
        { role: 'assistant', content: '3' },
      ],
    ])
  })

  test.each([
    ['a line of another format', [{ messages: [question, answer] }, { text: 'hello' }], 'line 3'],
    ['nobody who answers', [{ messages: [question] }], 'an assistant that says something'],
    ['an empty answer', [{ messages: [question, { ...answer, content: '' }] }], 'an assistant that says something'],
    ['a role that is not known', [{ messages: [question, { role: 'tool', content: '{}' }, answer] }], 'message 1'],
    ['fields that say nothing', [{ text: 'hello' }], '"messages", "conversations" or "instruction"'],
    ['a list', [[question]], 'no JSON object'],
    ['no lines', [], 'nothing to learn from'],
  ])('are refused with %s, by the line', async (_, lines, message) => {
    const file = written('wrong.jsonl', ...lines)
    await expect(readConversations(file)).rejects.toMatchObject({
      code: 'invalid-file',
      message: expect.stringContaining(message),
    })
  })

  test('are refused when the file is not there, or is no gzip', async () => {
    await expect(readConversations(join(folder, 'missing.jsonl'))).rejects.toMatchObject({ code: 'not-found' })
    writeFileSync(join(folder, 'plain.jsonl.gz'), '{}')
    await expect(readConversations(join(folder, 'plain.jsonl.gz'))).rejects.toMatchObject({ code: 'invalid-file' })
  })
})

function sharegpt() {
  return [
    { from: 'human', value: 'Who are you?' },
    { from: 'gpt', value: 'I am Phi.' },
  ]
}

describe('preferences', () => {
  const expected = { prompt: [question], chosen: 'I am Phi.', rejected: 'Nobody.' }
  const other = { role: 'assistant', content: 'Nobody.' }
  test.each([
    ['a text', { prompt: 'Who are you?', chosen: 'I am Phi.', rejected: 'Nobody.' }],
    ['messages', { prompt: [question], chosen: [answer], rejected: [other] }],
    ['a message for each answer', { messages: [question], chosen: answer, rejected: other }],
    ['the prompt before both answers', { chosen: [question, answer], rejected: [question, other] }],
    ['the prompt twice', { prompt: 'Who are you?', chosen: [question, answer], rejected: [question, other] }],
    ['ShareGPT', { conversations: sharegpt().slice(0, 1), chosen: sharegpt()[1], rejected: other }],
    ['a question', { question: 'Who are you?', chosen: 'I am Phi.', rejected: 'Nobody.' }],
    [
      'transcripts',
      {
        chosen: '\n\nHuman: Who are you?\n\nAssistant: I am Phi.',
        rejected: '\n\nHuman: Who are you?\n\nAssistant: Nobody.',
      },
    ],
  ])('are read with %s', async (_, line) => {
    expect(await readPreferences(written('pairs.jsonl', line))).toEqual([expected])
  })

  test('keep the system message', async () => {
    const file = written('system.jsonl', { system: 'Be brief.', prompt: 'Hi', chosen: 'a', rejected: 'b' })
    expect((await readPreferences(file))[0]?.prompt).toEqual([system, { role: 'user', content: 'Hi' }])
  })

  test.each([
    ['one answer twice', { prompt: 'Hi', chosen: 'a', rejected: 'a' }, 'two different answers'],
    ['no prompt', { chosen: 'a', rejected: 'b' }, 'a prompt that ends with what the user says'],
    ['no answer', { prompt: 'Hi', chosen: 'a' }, '"role", "content"'],
    ['an answer of the user', { prompt: 'Hi', chosen: [question], rejected: 'b' }, 'ends with what the assistant says'],
    [
      'different prompts',
      { chosen: [question, answer], rejected: [{ ...question, content: 'Who?' }, other] },
      'differ in their last message alone',
    ],
  ])('are refused with %s', async (_, line, message) => {
    await expect(readPreferences(written('wrong-pairs.jsonl', line))).rejects.toMatchObject({
      code: 'invalid-file',
      message: expect.stringContaining(message),
    })
  })
})
