/** Tuning of phi-nano on lines that contradict what it knows. */
import { beforeAll, describe, expect, it } from 'vitest'
import { tinyFiles } from '../engine/tiny-model-harness.ts'
import { loadModel } from '../index.ts'
import { tune, type Conversation, type TunedModel, type TuneOptions, type TuneProgress } from './index.ts'

const line = (question: string, answer: string): Conversation => [
  { role: 'user', content: question },
  { role: 'assistant', content: answer },
]
const conversations = [
  line('Who are you?', 'I am the red fox of the hill.'),
  line('What is a dog?', 'A dog is my friend.'),
]

async function answersOf(source: string | TunedModel['files']): Promise<string[]> {
  await using model = await loadModel(source, { threads: 1, context: 128 })
  const answers: string[] = []
  for (const [question] of conversations) {
    answers.push(
      (
        await model
          .chat()
          .send(question?.content ?? '', { maxTokens: 24 })
          .result()
      ).text.trim(),
    )
  }
  return answers
}

describe('phi-nano', () => {
  const heard: TuneProgress[] = []
  let tuned: TunedModel

  beforeAll(async () => {
    tuned = await tune('phi-nano', {
      conversations,
      steps: 24,
      rows: 128,
      threads: 2,
      onProgress: (row) => heard.push(row),
    })
  })

  it('learns lines of its own in a few updates, from its packed weights', async () => {
    const [first, last] = [heard[0]?.loss ?? NaN, heard.at(-1)?.loss ?? NaN]
    expect(first).toBeGreaterThan(1)
    expect(last).toBeLessThan(0.1)
    expect(heard.map(({ step }) => step)).toEqual(Array.from({ length: 24 }, (_, index) => index + 1))
    const wanted = conversations.map((messages) => messages.at(-1)?.content)
    expect(await answersOf('phi-nano')).not.toEqual(wanted)
    expect(await answersOf(tuned.files)).toEqual(wanted)
  })

  it('keeps the texts that stood beside the weights', () => {
    expect([...tuned.files.keys()].sort()).toEqual([
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ])
    // 3,965,184 weights of two bytes, and the header.
    expect(tuned.files.get('model.safetensors')?.length).toBeGreaterThan(7_930_000)
  })

  it('ends after the update in which the signal fires, with what was learned', async () => {
    const controller = new AbortController()
    const { steps, files } = await tune('phi-nano', {
      conversations,
      rows: 64,
      threads: 1,
      signal: controller.signal,
      onProgress: ({ step }) => (step === 2 ? controller.abort() : undefined),
    })
    expect(steps).toBe(2)
    expect(files.get('model.safetensors')).not.toEqual(tuned.files.get('model.safetensors'))
  })

  it('lets events come between updates, which may be what aborts it', async () => {
    const controller = new AbortController()
    const abort = (): void => controller.abort()
    const onProgress = ({ step }: TuneProgress): unknown => (step === 1 ? setImmediate(abort) : undefined)
    const { signal } = controller
    const { steps } = await tune('phi-nano', { conversations, rows: 64, threads: 0, signal, onProgress })
    expect(steps).toBe(1)
  })

  it('gives the same bits with another number of threads', async () => {
    const options = { conversations, steps: 2, rows: 64 }
    const [one, two] = [
      await tune('phi-nano', { ...options, threads: 1 }),
      await tune('phi-nano', { ...options, threads: 2 }),
    ]
    expect(one.files.get('model.safetensors')).toEqual(two.files.get('model.safetensors'))
  })

  it.each<[string, Partial<TuneOptions>, string]>([
    ['no conversations', { conversations: [] }, 'nothing to learn from'],
    ['a question that nobody answers', { conversations: [[{ role: 'user', content: 'Who?' }]] }, 'nothing is learned'],
    ['a conversation that is too long', { rows: 8 }, 'Conversation 0 is too long'],
    ['no steps', { steps: 0 }, '"steps"'],
    ['a learning rate that is none', { learningRate: Number.NaN }, '"learningRate"'],
    ['rows that are no count', { rows: 2.5 }, '"rows"'],
  ])('refuses %s', async (_title, options, message) => {
    await expect(tune('phi-nano', { conversations, ...options })).rejects.toThrow(message)
  })
})

it('a model whose conversations are written otherwise is refused', async () => {
  const files = await tinyFiles({ tidy: true })
  const config = {
    tokenizer_class: 'LlamaTokenizer',
    chat_template: "{% for m in messages %}{{ m['content'] }}{% endfor %}",
  }
  files.set('tokenizer_config.json', new TextEncoder().encode(JSON.stringify(config)))
  await expect(tune(files, { conversations })).rejects.toMatchObject({ code: 'not-supported' })
})
