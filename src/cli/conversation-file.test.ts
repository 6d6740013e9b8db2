import { expect, test } from 'vitest'
import { formatConversation, parseConversation } from './conversation-file.ts'

const messages = [
  { role: 'system', content: 'Be brief.', tools: '[]' },
  { role: 'user', content: '**user**\n\n"quoted" <|end|>' },
]

test('what is saved is read again, under any name but Markdown', () => {
  for (const path of ['chat.json', 'chat.txt', 'chat']) {
    expect(parseConversation(formatConversation(messages, path), path)).toEqual(messages)
  }
  expect(parseConversation(JSON.stringify(messages), '-')).toEqual(messages)
})

test('Markdown is for people, and the reader of one is told what to do', () => {
  const text = formatConversation(messages.slice(0, 1), 'chat.MD')
  expect(text).toBe('**system**\n\nBe brief.\n')
  expect(() => parseConversation(text, 'chat.MD')).toThrow(/Markdown.*in \.json/)
})

test.each(['{"messages": "hello"}', '3', '{'])('%s is no conversation', (text) => {
  expect(() => parseConversation(text, 'chat.json')).toThrow(expect.objectContaining({ code: 'invalid-file' }))
})
