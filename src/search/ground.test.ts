import { expect, test } from 'vitest'
import { fuse } from './choose.ts'
import { groundForModel, usualSources, type ReadingModel } from './ground-for-model.ts'
import { ground } from './ground.ts'
import type { Passage, SearchProvider } from './passage.ts'
import { queryQuestion } from './question.ts'

const passage = (name: string, text = `text of ${name}`): Passage => ({ title: name, address: `/${name}`, text })
const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => passage(name)) as [Passage, Passage, Passage, Passage]

/** Finds by whole queries, and notes what it was asked. */
function scripted(
  answers: Readonly<Record<string, readonly Passage[]>>,
  isLocal = true,
): SearchProvider & { asked: string[] } {
  const asked: string[] = []
  return {
    name: 'scripted',
    isLocal,
    asked,
    find(query, { count }) {
      asked.push(query)
      return Promise.resolve((answers[query] ?? []).slice(0, count))
    },
    close: () => Promise.resolve(),
  }
}

const wordsOf = (text: string): number => text.split(/\s+/).length

test('what two queries find comes before what one finds first, and is there once', () => {
  expect(
    fuse([
      [a, b],
      [c, b, d],
    ]),
  ).toEqual([b, a, c, d])
  expect(fuse([[a], [{ ...a, text: 'text  of\na' }]])).toEqual([a])
})

test('the question and what the model writes are both searched for', async () => {
  const provider = scripted({ 'When was it built?': [a], 'Redhill bridge': [b] })
  const said = [{ role: 'user', content: 'Where is the bridge of Redhill?' }]
  const options = { providers: [provider], said, tokensOf: wordsOf, room: 100, count: 3 }
  const found = await ground('When was it built?', { ...options, write: () => Promise.resolve('Redhill bridge') })
  expect(found?.queries).toEqual(['When was it built?', 'Redhill bridge'])
  expect(found?.sources).toEqual([a, b])
  expect(found?.content).toContain('[1] a\ntext of a\n\n[2] b\ntext of b')
  // What has nothing to do with the question is no query.
  const other = await ground('When was it built?', { ...options, write: () => Promise.resolve('A fox is an animal') })
  expect(other?.queries).toEqual(['When was it built?'])
})

test('sources are as many as there is room for; the first is cut where it alone is too long', async () => {
  const long = passage('long', Array.from({ length: 50 }, (_, index) => `w${index}`).join(' '))
  const provider = scripted({ q: [long, a, b, c] })
  const options = { providers: [provider], tokensOf: wordsOf, count: 2 }
  expect((await ground('q', { ...options, room: 100 }))?.sources).toEqual([long, a])
  expect((await ground('q', { ...options, room: 13 }))?.sources).toEqual([a, b])
  const only = scripted({ q: [long] })
  const [cut] = (await ground('q', { ...options, providers: [only], room: 10 }))?.sources ?? []
  expect(cut?.text).toMatch(/^w0 w1 .*w[78]…$/)
  await expect(ground('q', { ...options, providers: [only], room: 1 })).rejects.toMatchObject({ code: 'context-full' })
})

test('nothing is said where nothing is found', async () => {
  const provider = scripted({})
  expect(await ground('q', { providers: [provider], tokensOf: wordsOf, room: 100, count: 2 })).toBeUndefined()
  expect(provider.asked).toEqual(['q'])
})

test('a text without spaces is cut too', async () => {
  const dense = passage('dense', '东西'.repeat(300))
  const options = {
    providers: [scripted({ q: [dense] })],
    tokensOf: (text: string) => text.length,
    room: 100,
    count: 1,
  }
  const [cut] = (await ground('q', options))?.sources ?? []
  expect(cut?.text).toMatch(/^(?:东西)+东?…$/)
})

test('a query that the model writes stays here where one of the places is here', async () => {
  const [here, web] = [scripted({ 'Why is it?': [a] }), scripted({}, false)]
  const write = (): Promise<string> => Promise.resolve('secret why')
  const options = { write, tokensOf: wordsOf, room: 100, count: 2 }
  await ground('Why is it?', { ...options, providers: [here, web] })
  expect([here.asked, web.asked]).toEqual([['Why is it?', 'secret why'], ['Why is it?']])
  const alone = scripted({ 'Why is it?': [a] }, false)
  await ground('Why is it?', { ...options, providers: [alone] })
  expect(alone.asked).toEqual(['Why is it?', 'secret why'])
})

test('a place that fails is told, and the others answer; where none does, that is the error', async () => {
  const broken = { ...scripted({}), find: () => Promise.reject(new Error('gone')) }
  const options = { tokensOf: wordsOf, room: 100, count: 2 }
  const found = await ground('q', { ...options, providers: [broken, scripted({ q: [a] })] })
  expect([found?.sources, found?.failures]).toEqual([[a], [new Error('gone')]])
  await expect(ground('q', { ...options, providers: [broken, scripted({})] })).rejects.toThrow('gone')
  const signal = AbortSignal.abort()
  await expect(ground('q', { ...options, signal, providers: [broken] })).rejects.toMatchObject({ code: 'aborted' })
})

test('a model writes the query, gives half of its context to sources, and its chat behind a port is closed', async () => {
  const asked: { message: string; maxTokens: number; signal?: AbortSignal }[] = []
  let closed = 0
  const model = (context: number): ReadingModel => ({
    context,
    chat: () => ({
      send(message, options) {
        asked.push({ message, ...options })
        return { result: () => Promise.resolve({ text: 'Redhill bridge' }) }
      },
      close: () => Promise.resolve(void closed++),
    }),
  })
  const provider = scripted({ 'How old is the bridge?': [a], 'Redhill bridge': [b, c, d] })
  const { signal } = new AbortController()
  const options = { providers: [provider], tokensOf: wordsOf, count: usualSources, signal }
  const found = await groundForModel(model(100), 'How old is the bridge?', options)
  expect(found?.queries).toEqual(['How old is the bridge?', 'Redhill bridge'])
  expect(asked).toEqual([{ message: queryQuestion('How old is the bridge?', []), maxTokens: 32, signal }])
  expect(closed).toBe(1)
  expect(found?.sources).toHaveLength(4)
  // Each of them has four words, and there is room for three.
  expect((await groundForModel(model(26), 'How old is the bridge?', options))?.sources).toHaveLength(3)
})
