import { expect, test } from 'vitest'
import { systemClock, type Clock } from '../base/clock.ts'
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

test('a server that has gone away ends a measurement, rather than leaving all that is left without a grade', async () => {
  await using server = new SafetyServer(() => ({ content: 'An answer.' }))
  const endpoint = await server.start()
  server.status = 500
  // Nobody waits between attempts, of which each has a minute.
  const clock: Clock = { ...systemClock, after: (time, call) => systemClock.after(time < 60_000 ? 0 : time, call) }
  await using subject = endpointSubject(endpoint, 60, clock)
  await expect(
    subject.answer([{ role: 'user', content: 'x' }], 10, new AbortController().signal),
  ).rejects.toMatchObject({ code: 'network' })
})
