import { expect, test } from 'vitest'
import { SafetyServer } from './server-harness.ts'
import { endpointSubject } from './subject.ts'

const replies = {
  'all of it': { content: 'An answer.' },
  'too long': { content: 'An answer that', finish: 'length' },
  filtered: { content: '', finish: 'content_filter' },
  declined: { content: '', refusal: 'No.' },
  impossible: { status: 400 },
  'no interface': { page: '<p>Hello</p>' },
} as const

test('a model behind a server says what it says; what its server declines is refused, and what fails is missing', async () => {
  await using server = new SafetyServer(({ system }) => replies[system as keyof typeof replies])
  await using subject = endpointSubject(await server.start(), 60)
  const signal = new AbortController().signal
  const said = await Promise.all(
    Object.keys(replies).map((content) => subject.answer([{ role: 'user', content }], 10, signal)),
  )
  const refused = { content: expect.stringContaining('cannot help') }
  expect(said).toEqual([
    { content: 'An answer.' },
    { content: 'An answer that' },
    refused,
    refused,
    { missing: 'model: refused' },
    { missing: 'model: not readable' },
  ])
})
