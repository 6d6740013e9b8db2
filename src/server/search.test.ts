/** Answers from sources, of a model and a search that do as they are told. */
import { expect, it } from 'vitest'
import type { ChatCompletion, ChatCompletionChunk } from '../openai/types.ts'
import { groundedQuestion } from '../search/question.ts'
import { createServerApp, type ServerOptions } from './app.ts'
import { fakeModel, fakeOptions } from './fake-model-harness.ts'
import type { ServedSearch } from './search.ts'

const sources = [
  { title: 'One', address: 'https://one.example/', text: 'first' },
  { title: 'Two', address: '/notes/two.md', text: 'second' },
]

/** Finds something for questions about ferries, and notes what it was asked. */
function searchOf(asked: unknown[]): ServedSearch {
  return {
    nothingFound: 'Nothing was found.',
    ground(question, said) {
      asked.push({ question, said: said.map(({ content }) => content) })
      const content = groundedQuestion(question, sources)
      return Promise.resolve(
        question.includes('ferry') ? { content, sources, queries: [question], failures: [] } : undefined,
      )
    },
  }
}

/** What a server answers whose model says `text` and notes what it was shown. */
async function answered(body: object, text: string, options: Partial<ServerOptions> = {}) {
  const shown: string[] = []
  const model = fakeModel(async function* () {
    yield await Promise.resolve(text)
  })
  const chat: typeof model.chat = () => {
    const made = model.chat()
    return {
      answer(messages, given) {
        shown.push(...messages.map(({ content }) => content))
        return made.answer(messages, given)
      },
    }
  }
  const asked: unknown[] = []
  const app = createServerApp({ ...model, chat }, { ...fakeOptions, search: searchOf(asked), ...options })
  const request = new Request('http://127.0.0.1/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const response = await app.fetch(request)
  return { status: response.status, text: await response.text(), shown, asked }
}

const messages = [
  { role: 'system', content: 'rules' },
  { role: 'user', content: 'When does the ferry leave?' },
]

it('shows the model the sources, and tells where its answer names them', async () => {
  const { text, shown, asked } = await answered({ messages, web_search_options: {} }, 'At noon [2], daily [1, 2] [7].')
  expect(asked).toEqual([{ question: 'When does the ferry leave?', said: ['rules'] }])
  expect(shown).toEqual(['rules', groundedQuestion('When does the ferry leave?', sources)])
  const { choices } = JSON.parse(text) as ChatCompletion
  const places = choices[0]?.message.annotations?.map(({ url_citation: place }) => place)
  expect(places).toEqual([
    { start_index: 8, end_index: 11, title: 'Two', url: '/notes/two.md' },
    { start_index: 19, end_index: 25, title: 'One', url: 'https://one.example/' },
    { start_index: 19, end_index: 25, title: 'Two', url: '/notes/two.md' },
  ])
})

it('tells it with the last chunk of a choice', async () => {
  const { text } = await answered({ messages, web_search_options: {}, stream: true }, 'At noon [1].')
  const events = text.split('\n\n').filter((event) => event.startsWith('data: {'))
  const chunks = events.map((event) => JSON.parse(event.slice('data: '.length)) as ChatCompletionChunk)
  const deltas = chunks.map(({ choices }) => choices[0]?.delta)
  expect(deltas.slice(0, -1).every((delta) => delta?.annotations === undefined)).toBe(true)
  expect(deltas.at(-1)?.annotations).toMatchObject([{ url_citation: { title: 'One', start_index: 8 } }])
})

it('says that nothing was found without asking the model', async () => {
  const body = { messages: [{ role: 'user', content: 'Why?' }], web_search_options: {}, n: 2 }
  const { text, shown } = await answered(body, 'never')
  const { choices, usage } = JSON.parse(text) as ChatCompletion
  expect(choices.map(({ message }) => message.content)).toEqual(['Nothing was found.', 'Nothing was found.'])
  expect([shown, usage.total_tokens]).toEqual([[], 0])
})

it('looks for nothing where it is not asked to, or where the last message is no question', async () => {
  for (const body of [
    { messages },
    { messages, web_search_options: null },
    { messages: [...messages, { role: 'assistant', content: 'At' }], web_search_options: {} },
  ]) {
    const { text, asked } = await answered(body, 'noon')
    const { choices } = JSON.parse(text) as ChatCompletion
    expect([asked, choices[0]?.message]).toEqual([[], { role: 'assistant', content: 'noon', refusal: null }])
  }
})

it('refuses options that it does not have, and all of it where the server has no sources', async () => {
  const options = { messages, web_search_options: { search_context_size: 'low' } }
  const refused = await answered(options, 'x')
  expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('search_context_size')])
  const nowhere = await answered({ messages, web_search_options: {} }, 'x', { search: undefined } as object)
  expect([nowhere.status, nowhere.text]).toEqual([400, expect.stringContaining('web_search_options')])
})
