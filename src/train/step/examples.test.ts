import { describe, expect, test } from 'vitest'
import { tinyTokenizerJson } from '../../engine/tiny-model-harness.ts'
import { builtinTemplate, renderChat, templateNames } from '../../text/templates.ts'
import { chatTemplate } from '../../text/template-detection.ts'
import { loadTokenizerJson } from '../../text/tokenizer-json.ts'
import { trainedTokenizerConfig } from '../tokenizer-config.ts'
import { conversationExample, documentExample, type Message } from './examples.ts'

const tokenizer = loadTokenizerJson(JSON.parse(JSON.stringify(tinyTokenizerJson)))

/** The same vocabulary, whose control tokens leave white space alone, as in Phi-3-mini before June 2024. */
const keeping = loadTokenizerJson({
  ...tinyTokenizerJson,
  added_tokens: tinyTokenizerJson.added_tokens.map((token) => ({ ...token, rstrip: false })),
})

const id = (token: string): number => {
  const found = tokenizer.idOf(token)
  if (found === undefined) throw new Error(token)
  return found
}

const messages: readonly Message[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'how are you?' },
  { role: 'assistant', content: 'I am well.' },
  { role: 'user', content: 'hello' },
  { role: 'assistant', content: 'hello there' },
]

/** What is learned of an example, as text. */
function learnedText({ ids, learned }: ReturnType<typeof conversationExample>, of = tokenizer): string {
  return of.decode(ids.filter((_, index) => learned?.[index] !== false))
}

describe('a conversation', () => {
  const template = chatTemplate(trainedTokenizerConfig.chat_template, {
    controlTokens: tokenizer.addedTokens.map(({ content }) => content),
  })

  test('has the ids that the engine gives for its template', () => {
    const open = renderChat(template, messages.slice(0, -1), { addGenerationPrompt: true })
    const whole = conversationExample(tokenizer, messages).ids
    const prompt = tokenizer.encode(open)
    expect(whole.slice(0, prompt.length)).toEqual(prompt)
    expect(whole.slice(prompt.length)).toEqual([...tokenizer.encode('hello there'), id('<|end|>')])
  })

  test.each([
    ['swallow', tokenizer, 'I am well.<|end|> hello there<|end|>'],
    // The space that marks the start of a text stands before the line break then.
    ['keep', keeping, 'I am well.<|end|>hello there<|end|>'],
  ])(
    'learns the words of the assistant and the ends of its turns, no more, where control tokens %s line breaks',
    (_, of, expected) => {
      const example = conversationExample(of, messages)
      expect(example.learned?.length).toBe(example.ids.length)
      expect(learnedText(example, of)).toBe(expected)
    },
  )

  test('of which nobody answers learns nothing', () => {
    const { learned } = conversationExample(tokenizer, messages.slice(0, 2))
    expect(learned?.some(Boolean)).toBe(false)
  })
})

test('a document is learned whole, with the token that ends it', () => {
  const { ids, learned } = documentExample(tokenizer, 'the old ship')
  expect(ids).toEqual([...tokenizer.encode('the old ship'), id('<|endoftext|>')])
  expect(learned).toBe(undefined)
})

describe('in the template of another model', () => {
  /** What is learned, as ids. */
  const learnedIds = ({ ids, learned }: ReturnType<typeof conversationExample>): number[] =>
    ids.filter((_, index) => learned?.[index] === true)
  const endOfTurn = id('<|end|>')

  test.each(templateNames.filter((name) => name !== 'phi-4'))(
    '%s: the same words are learned, behind what the engine asks with',
    (name) => {
      const talk = messages.filter(({ role }) => role !== 'system')
      const asked = tokenizer.encode(renderChat(name, talk.slice(0, 3), { addGenerationPrompt: true }))
      const example = conversationExample(tokenizer, talk, builtinTemplate(name))
      expect(example.ids.slice(0, asked.length)).toEqual(asked)
      const words = ['I am well.', 'hello there'].flatMap((text) => [...tokenizer.encode(text), endOfTurn])
      expect(learnedIds(example)).toEqual(words)
      const last = conversationExample(tokenizer, talk, builtinTemplate(name), 'last')
      expect(last.ids).toEqual(example.ids)
      expect(learnedIds(last)).toEqual([...tokenizer.encode('hello there'), endOfTurn])
      const unanswered = [...talk, { role: 'user', content: 'and you?' }] as const
      expect(conversationExample(tokenizer, unanswered, builtinTemplate(name), 'last')).toEqual(last)
    },
  )

  test('one that a user spells is no control token, and ends nothing', () => {
    const { ids } = conversationExample(tokenizer, [
      { role: 'user', content: 'say <|end|>' },
      { role: 'assistant', content: 'I say <|end|> and more' },
    ])
    expect(ids.filter((one) => one === endOfTurn).length).toBe(2)
    expect(ids.at(-1)).toBe(endOfTurn)
  })

  test.each([
    ['does not end answers', "{% for m in messages %}{{ m['content'] }}{% endfor %}", 'does not end it'],
    [
      'hides earlier turns',
      "{{ '<|user|>' + messages[-1]['content'] }}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% else %}{{ '<|end|>' }}{% endif %}",
      'writes something else there',
    ],
  ])('one that %s is refused', (_, source, found) => {
    const template = chatTemplate(source, { controlTokens: tokenizer.addedTokens.map(({ content }) => content) })
    expect(() => conversationExample(tokenizer, messages, template)).toThrow(
      expect.objectContaining({ code: 'not-supported', message: expect.stringContaining(found) }),
    )
  })
})
