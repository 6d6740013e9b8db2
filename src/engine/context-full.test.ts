import { expect, test } from 'vitest'
import { loadModel } from './load-model.ts'
import { tinyFiles } from './tiny-model-harness.ts'

test('a larger context is advised only where the model takes it', async () => {
  const refusal = async (context: number): Promise<unknown> => {
    await using model = await loadModel(await tinyFiles(), { backend: 'ref', context })
    try {
      model.generate(Array.from({ length: 300 }, () => 5))
    } catch (error) {
      return error
    }
    return undefined
  }
  expect(await refusal(128)).toMatchObject({
    expected: 'at most 127 tokens',
    remedy: expect.stringContaining('load the model with a larger'),
  })
  expect(await refusal(256)).toMatchObject({ found: '300', remedy: 'Shorten it: the model takes no longer context.' })
})

test('only what is left of a conversation is the last message alone', async () => {
  await using model = await loadModel(await tinyFiles(), { backend: 'ref', template: 'phi-3-mini' })
  const long = 'the sea '.repeat(300)
  expect(() => model.chat().send(long)).toThrow(/^The message does not fit/)
  const messages = [
    { role: 'user', content: 'hello' },
    { role: 'assistant', content: 'well' },
  ]
  expect(() => model.chat({ messages }).send(long)).toThrow(/^The last message alone does not fit/)
})

test('a message that says nothing and shows nothing is refused', async () => {
  await using model = await loadModel(await tinyFiles(), { backend: 'ref', template: 'phi-3-mini' })
  expect(() => model.chat().send('')).toThrow(/The message is empty/)
})
