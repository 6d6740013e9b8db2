import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { loadModel } from '../engine/load-model.ts'
import { tinyFiles } from '../engine/tiny-model-harness.ts'
import { groundedQuestion } from '../search/question.ts'
import { ChatSession } from './chat-commands.ts'
import { sourceLines, type Searcher } from './search-options.ts'

test('/save writes no file of others over, and its own again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'phi-commands-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await using model = await loadModel(await tinyFiles(), { backend: 'ref', template: 'phi-3-mini' })
  const session = new ChatSession({
    ...{ model, name: 'tiny', system: undefined, generate: {}, pictures: [], tiles: undefined, searcher: undefined },
  })
  const save = async (name: string): Promise<string> => {
    const step = await session.handle(`/save ${join(folder, name)}`, new AbortController().signal)
    return step.kind === 'text' ? step.text : step.kind
  }
  await writeFile(join(folder, 'notes.md'), 'mine')
  expect(await save('notes.md')).toMatch(/exists already/)
  expect(await readFile(join(folder, 'notes.md'), 'utf8')).toBe('mine')
  expect([await save('chat.json'), await save('chat.json')]).toEqual(Array(2).fill(expect.stringMatching(/^Saved 0/)))
})

test('sources go with one question, again with its retry, and leave the conversation', async () => {
  await using model = await loadModel('phi-nano', { threads: 0 })
  const passages = [{ title: 'Ferry', address: '/ferry.md', text: 'noon' }]
  const asked: [string, number][] = []
  const searcher: Searcher = {
    names: 'notes',
    ground(question, said) {
      asked.push([question, said.length])
      const content = groundedQuestion(question, passages)
      const grounded = { content, sources: passages, queries: [question], failures: [] }
      return Promise.resolve(question.includes('ferry') ? grounded : undefined)
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
  const generate = { maxTokens: 2, stopIds: [] }
  const setting = { model, name: 'tiny', system: 'rules', generate, pictures: [], tiles: undefined, searcher }
  const session = new ChatSession(setting)
  const { signal } = new AbortController()
  const answered = async (line: string): Promise<string> => {
    const step = await session.handle(line, signal)
    if (step.kind !== 'reply') return step.kind === 'text' ? step.text : step.kind
    session.remember(await step.reply.result())
    return step.grounded?.content ?? 'no sources'
  }
  expect(await answered('the ferry?')).toBe(groundedQuestion('the ferry?', passages))
  expect(session.chat.history.map(({ role, content }) => (role === 'assistant' ? role : content))).toEqual([
    ...['rules', 'the ferry?', 'assistant'],
  ])
  expect(await answered('/retry')).toBe(groundedQuestion('the ferry?', passages))
  expect(await answered('the boat?')).toMatch(/^Nothing was found about this in notes\./)
  expect(asked).toEqual([
    ['the ferry?', 1],
    ['the ferry?', 1],
    ['the boat?', 3],
  ])
  expect(await answered('/undo')).toBe('Taken back: the ferry?')
})

test('what an answer rests on is told a line each', () => {
  const sources = ['One', 'Two'].map((title) => ({ title, address: `/${title}`, text: 'x' }))
  expect(sourceLines('It is so [2], and [7].', sources)).toEqual(['[2] Two (/Two)', '(there is no source 7)'])
  expect(sourceLines('The sources do not say.', sources)).toEqual([])
  expect(sourceLines('Because.', sources)).toEqual([
    '(the answer names no source; it was given these)',
    ...['- One (/One)', '- Two (/Two)'],
  ])
})
