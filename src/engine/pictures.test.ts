import { describe, expect, test } from 'vitest'
import { wasmBackend } from '../backends/wasm/index.ts'
import type { Backend } from '../backends/backend.ts'
import { visionProgramName } from '../models/trace-vision.ts'
import { special } from '../text/text.ts'
import type { Pixels } from '../vision/index.ts'
import { loadModel } from './load-model.ts'
import { encodePictured, renderConversation } from './picture-text.ts'
import { Picture } from './pictures.ts'
import { tinyEyes, tinyFiles, tinyTree } from './tiny-model-harness.ts'

/** A backend that counts how often a tile is looked at. */
function countingBackend(): { readonly backend: Backend; looks: number } {
  const wasm = wasmBackend({ threads: 0 })
  const counted = {
    looks: 0,
    backend: {
      ...wasm,
      async open(programs: Parameters<Backend['open']>[0]) {
        const device = await wasm.open(programs)
        const run = device.run.bind(device)
        device.run = (name, inputs, options) => {
          if (name === visionProgramName) counted.looks++
          return run(name, inputs, options)
        }
        return device
      },
    },
  }
  return counted
}

function stripes(width: number, height: number, period: number): Pixels {
  const data = new Uint8Array(width * height * 4)
  for (let at = 0; at < data.length; at++) data[at] = at % 4 === 3 ? 255 : (Math.floor(at / 4) % period) * 20
  return { width, height, data }
}

const short = { maxTokens: 4, stopIds: [] }

describe('a model that sees', () => {
  test('looks at a picture once, and finds it in the cache in the next turn', async () => {
    const counted = countingBackend()
    await using model = await loadModel(await tinyTree({ tidy: true, config: tinyEyes }), {
      backend: counted.backend,
      context: 1024,
    })
    const picture = await model.picture(stripes(60, 40, 7), { tiles: 1 })
    expect([picture.tokens, picture.isSeen, counted.looks]).toEqual([313, false, 0])
    const chat = model.chat()
    const first = await chat.send('what is it?', { ...short, pictures: [picture] }).result()
    expect([picture.isSeen, counted.looks]).toEqual([true, 1])
    expect(first.usage.promptTokens).toBeGreaterThan(313)
    expect(chat.history[0]?.pictures).toEqual([picture])
    const second = await chat.send('and why?', short).result()
    expect(second.usage.reusedTokens).toBeGreaterThanOrEqual(first.usage.promptTokens)
    expect(counted.looks).toBe(1)
    // Four tiles, and all of it in small.
    await chat
      .send('and now?', { ...short, pictures: [await model.picture(stripes(40, 40, 5), { tiles: 4 })] })
      .result()
    expect(counted.looks).toBe(6)
  })

  test('answers by what it sees', async () => {
    await using model = await loadModel(await tinyTree({ config: tinyEyes }), { backend: 'wasm', context: 1024 })
    const logits = async (pixels: Pixels): Promise<Float32Array> => {
      const prompt = ['look: ', await model.picture(pixels, { tiles: 1 }), ' what?']
      return (await model.logits(prompt, { from: 320 })).subarray(0, model.engine.vocabulary)
    }
    const [one, same, other] = [
      await logits(stripes(30, 30, 7)),
      await logits(stripes(30, 30, 7)),
      await logits(stripes(30, 30, 3)),
    ]
    expect(one).toEqual(same)
    expect(one).not.toEqual(other)
  })

  test('knows the same pixels again, and tells other tiles apart', async () => {
    await using model = await loadModel(await tinyTree({ config: tinyEyes }), { backend: 'wasm', context: 1024 })
    const picture = await model.picture(stripes(50, 50, 4))
    expect(await model.picture(stripes(50, 50, 4))).toBe(picture)
    expect(await model.picture(stripes(50, 50, 4), { tiles: 1 })).not.toBe(picture)
    expect(picture.tokens).toBe(757)
  })

  test('cuts pictures as preprocessor_config.json says', async () => {
    const files = await tinyFiles({ config: tinyEyes })
    const settings = (crops: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify({ num_crops: crops }))
    files.set('preprocessor_config.json', settings(1))
    await using model = await loadModel(files, { backend: 'wasm', context: 512 })
    expect((await model.picture(stripes(50, 50, 4))).tokens).toBe(313)
    files.set('preprocessor_config.json', settings('many'))
    await expect(loadModel(files, { backend: 'wasm' })).rejects.toMatchObject({ code: 'invalid-config' })
  })

  test('reads a text with a picture again across the LongRoPE border, and says what it says when it reads it at once', async () => {
    const tree = await tinyTree({ border: 340, config: tinyEyes })
    await using model = await loadModel(tree, { backend: 'wasm', context: 1024, exact: true })
    const prompt = ['see ', await model.picture(stripes(60, 40, 7), { tiles: 1 }), ' and say']
    const { ids } = await model.generate(prompt, { maxTokens: 40, stopIds: [] }).result()
    expect(model.counters.recomputedRows).toBeGreaterThan(300)
    await using fresh = await loadModel(tree, { backend: 'wasm', context: 1024, exact: true })
    const [words, , more] = prompt
    const again = [words as string, await fresh.picture(stripes(60, 40, 7), { tiles: 1 }), more as string]
    const crossing = await fresh.generate(again, { maxTokens: 40, stopIds: [], speculate: true }).result()
    expect(crossing.ids).toEqual(ids)
  })

  test('several pictures stand in their order', async () => {
    await using model = await loadModel(await tinyTree({ config: tinyEyes }), { backend: 'wasm', context: 1024 })
    const pictures = [
      await model.picture(stripes(9, 9, 4), { tiles: 1 }),
      await model.picture(stripes(9, 9, 5), { tiles: 1 }),
    ]
    const result = await model
      .chat()
      .send('which?', { ...short, pictures })
      .result()
    expect(result.usage.promptTokens).toBeGreaterThan(626)
  })

  test('an abort while it looks leaves the picture to be looked at again', async () => {
    await using model = await loadModel(await tinyTree({ config: tinyEyes }), { backend: 'wasm', context: 1024 })
    const picture = await model.picture(stripes(60, 40, 7), { tiles: 4 })
    const controller = new AbortController()
    const onProgress = (): void => controller.abort()
    const options = { ...short, pictures: [picture], signal: controller.signal, onProgress }
    const result = await model.chat().send('what?', options).result()
    expect([result.finish, picture.isSeen]).toEqual(['aborted', false])
    await model
      .chat()
      .send('what?', { ...short, pictures: [picture] })
      .result()
    expect(picture.isSeen).toBe(true)
  })

  test('a picture that leaves no room is refused before it is looked at', async () => {
    await using model = await loadModel(await tinyTree({ config: tinyEyes }), { backend: 'wasm', context: 512 })
    const picture = await model.picture(stripes(60, 40, 7), { tiles: 4 })
    expect(() => model.chat().send('what?', { pictures: [picture] })).toThrow(
      expect.objectContaining({ code: 'context-full' }),
    )
    expect(picture.isSeen).toBe(false)
  })

  test('ids of a picture without the picture are refused', async () => {
    await using model = await loadModel(await tinyTree({ config: tinyEyes }), { backend: 'wasm', context: 512 })
    const picture = await model.picture(stripes(60, 40, 7), { tiles: 1 })
    await expect(model.logits(picture.ids)).rejects.toMatchObject({ code: 'invalid-argument' })
  })
})

test('a model that does not see refuses pictures', async () => {
  await using model = await loadModel(await tinyTree(), { backend: 'wasm' })
  await expect(model.picture(stripes(5, 5, 2))).rejects.toMatchObject({ code: 'not-supported' })
})

describe('a conversation with pictures', () => {
  const picture = (): Picture =>
    new Picture(5, 5, {
      layout: { width: 336, height: 336, left: 0, top: 0, columns: 1, rows: 1 },
      canvas: new Uint8Array(0),
    })
  const template = { name: 'phi-3-vision', render: () => [] } as const

  test('has them before the words of their message, whatever those spell', () => {
    const [one, two] = [picture(), picture()]
    const spelled = '\ue000 <|image_1|> \ue001'
    const text = renderConversation(
      {
        ...template,
        render: (messages) =>
          messages.flatMap(({ content }) => [special('<|user|>'), `\n${content}`, special('<|end|>')]),
      },
      [
        { role: 'user', content: spelled, pictures: [one] },
        { role: 'user', content: 'b', pictures: [two] },
      ],
    )
    expect(text).toEqual([
      ...[special('<|user|>'), '\n', one, `\n${spelled}`, special('<|end|>')],
      ...[special('<|user|>'), '\n', two, '\nb', special('<|end|>')],
    ])
  })

  test('is encoded piece by piece, each with what goes before a text, as by the published processor', async () => {
    await using model = await loadModel(await tinyTree(), { backend: 'wasm' })
    const { tokenizer } = model
    const adding = {
      ...tokenizer,
      encode: (text: Parameters<typeof tokenizer.encode>[0], { addBos = true } = {}) => [
        ...(addBos ? [1] : []),
        ...tokenizer.encode(text),
      ],
    }
    const [one, two] = [picture(), picture()]
    const ids = encodePictured(adding, ['a', one, '\n', two, '\nb'])
    const rest = encodePictured(adding, ['a', one, 'b'], { addBos: false })
    const part = (text: string): number[] => tokenizer.encode(text)
    expect(ids).toEqual([1, ...part('a'), ...one.ids, 1, ...part('\n'), ...two.ids, 1, ...part('\nb')])
    expect(rest).toEqual([...part('a'), ...one.ids, 1, ...part('b')])
  })
})
