import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { loadModel } from '../engine/load-model.ts'
import { tinyEyes, tinyTree } from '../engine/tiny-model-harness.ts'
import { ChatSession } from './chat-commands.ts'
import { openPictures } from './pictures.ts'

const file = fileURLToPath(new URL('../../tests/fixtures/vision/portrait.input.png', import.meta.url))

test('what a picture costs is told before anything is computed', async () => {
  await using model = await loadModel(await tinyTree({ config: tinyEyes }), { backend: 'wasm' })
  const told: string[] = []
  const [picture] = await openPictures(model, { image: [file], tiles: 1 }, (cost) => told.push(cost))
  expect(told).toEqual([`${file}: 90 x 130 pixels, 313 tokens`])
  expect([picture?.isSeen, model.counters.runs]).toEqual([false, 0])
})

test('errors name the file', async () => {
  await using model = await loadModel(await tinyTree({ config: tinyEyes }), { backend: 'wasm' })
  const open = (image: string): Promise<unknown> => openPictures(model, { image: [image] }, () => {})
  await expect(open('no-such-picture.png')).rejects.toMatchObject({ code: 'not-found', found: 'no such file' })
  const words = fileURLToPath(import.meta.url)
  await expect(open(words)).rejects.toMatchObject({ code: 'invalid-file', problem: expect.stringContaining(words) })
})

test('/image shows a picture with the next message, and only with that', async () => {
  await using model = await loadModel(await tinyTree({ tidy: true, config: tinyEyes }), { backend: 'wasm' })
  const generate = { maxTokens: 2, stopIds: [] }
  const setting = { model, name: 'tiny', system: undefined, generate, pictures: [], tiles: 1, searcher: undefined }
  const session = new ChatSession(setting)
  const { signal } = new AbortController()
  const shown = await session.handle(`/image ${file}`, signal)
  expect(shown).toEqual({ kind: 'text', text: `${file}: 90 x 130 pixels, 313 tokens, with the next message.` })
  const tokens: number[] = []
  for (const words of ['what?', 'why?']) {
    const step = await session.handle(words, signal)
    if (step.kind !== 'reply') throw new Error('an answer was expected')
    tokens.push((await step.reply.result()).usage.promptTokens)
  }
  const [first = 0, second = 0] = tokens
  expect(first).toBeGreaterThan(313)
  expect(second - first).toBeLessThan(100)
})
