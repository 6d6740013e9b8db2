/** The engine over a port against the engine itself, both in this process. */
import { afterAll, beforeAll, describe, expect, expectTypeOf, it, vi } from 'vitest'
import { PocketPhiError } from '../base/errors.ts'
import { loadModel } from '../engine/load-model.ts'
import type { GenerationChunk } from '../engine/generate.ts'
import type { PhiModel } from '../engine/phi-model.ts'
import { someIds, tinyEyes, tinyFiles } from '../engine/tiny-model-harness.ts'
import { special } from '../text/text.ts'
import { errorFromData, errorToData } from '../base/error-data.ts'
import { Caller } from './calls.ts'
import { connectEngine, startEngine } from './start.ts'
import { RemoteEngine, type RemoteLoadOptions } from './remote-engine.ts'
import type { RemoteModel } from './remote-model.ts'
import type { EngineCalls } from './messages.ts'
import { sentLoadOptions, sentSource } from './sent.ts'
import { serveEngine } from './serve.ts'

const files = await tinyFiles({ tidy: true })
const options: RemoteLoadOptions = { threads: 1, maxRows: 32, context: 192 }
const endless = { stopIds: [], maxTokens: 24 }
const ids = someIds(20, 1)

let engine: RemoteEngine
let remote: RemoteModel
let local: PhiModel
const ports: MessagePort[] = []

function connect(): RemoteEngine {
  const { port1, port2 } = new MessageChannel()
  ports.push(port1, port2)
  serveEngine(port2)
  return connectEngine(port1)
}

beforeAll(async () => {
  engine = connect()
  remote = await engine.loadModel(files, options)
  local = await loadModel(files, options)
})

afterAll(async () => {
  await engine.dispose()
  await local.dispose()
  for (const port of ports) port.close()
})

async function chunksOf(answer: AsyncIterable<GenerationChunk>): Promise<GenerationChunk[]> {
  const chunks: GenerationChunk[] = []
  for await (const chunk of answer) chunks.push(chunk)
  return chunks
}

async function caught(work: Promise<unknown>): Promise<PocketPhiError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(PocketPhiError)
  return error as PocketPhiError
}

describe('a model over a port', () => {
  it('has the facts of the model, and what it offers has the same types', () => {
    const { backend, execution, memory, context, config, stopIds, sampling } = local
    expect(remote).toMatchObject({ backend, execution, memory, context, config, stopIds, sampling })
    expectTypeOf<RemoteModel>().toExtend<
      Pick<PhiModel, 'backend' | 'execution' | 'memory' | 'context' | 'config' | 'stopIds' | 'sampling' | 'dispose'>
    >()
  })

  it('generates the same tokens, chunk by chunk', async () => {
    const chunks = await chunksOf(remote.generate(ids, endless))
    expect(chunks).toEqual(await chunksOf(local.generate(ids, endless)))
    expect(chunks.length).toBeGreaterThan(5)
  })

  it('carries typed text, seeds and log-probabilities', async () => {
    const prompt = [special('<|user|>'), 'how does the ship sail?', special('<|end|>'), special('<|assistant|>')]
    const sampled = { ...endless, temperature: 1, seed: 7, logprobs: 2 }
    const found = await remote.generate(prompt, sampled).result()
    const { usage, ...expected } = await local.generate(prompt, sampled).result()
    expect(found).toMatchObject(expected)
    expect(found.seed).toBe(7)
    expect(found.usage.promptTokens).toBe(usage.promptTokens)
  })

  it('counts the tokens of a text', async () => {
    for (const text of ['', 'the sea', '<|end|> is text']) {
      expect(await remote.countTokens(text)).toBe(local.tokenizer.encode(text).length)
    }
  })

  it('counts rows on the other side', async () => {
    const before = await remote.counters()
    await remote.generate(someIds(9, 3), { ...endless, maxTokens: 1 }).result()
    const after = await remote.counters()
    expect(after).not.toEqual(before)
  })

  it('measures without loading, and tells the plan and the progress while it loads', async () => {
    const measured = await engine.measureModel(files, options)
    const plans: number[] = []
    const done: number[] = []
    await using other = await engine.loadModel(files, {
      ...options,
      onPlan: (plan) => plans.push(plan.total),
      onProgress: (progress) => done.push(progress.done / progress.total),
    })
    expect(measured.total).toBe(other.memory.total)
    expect(measured.contextTokens).toBe(192)
    expect(plans).toEqual([other.memory.total])
    expect(done.at(-1)).toBe(1)
  })
})

describe('a conversation over a port', () => {
  it('says the same as without one, turn by turn, also after a retry, a branch and a cut', async () => {
    const sides = [remote.chat({ system: 'the model helps' }), local.chat({ system: 'the model helps' })] as const
    const say = async (text: string): Promise<void> => {
      const [found, expected] = [
        await sides[0].send(text, endless).result(),
        await sides[1].send(text, endless).result(),
      ]
      expect(found.text).toBe(expected.text)
      expect(found.usage.reusedTokens).toBe(expected.usage.reusedTokens)
    }
    await say('hello there')
    await say('how are you?')
    expect(sides[0].history).toEqual(sides[1].history)
    const retried = await sides[0].retry(endless).result()
    expect(retried.text).toBe((await sides[1].retry(endless).result()).text)
    const [branch, expected] = [sides[0].branch(3), sides[1].branch(3)]
    const answer = await branch.send('the sea', endless).result()
    expect(answer.text).toBe((await expected.send('the sea', endless).result()).text)
    // The beginning was found in the cache: its ids were known to the branch too.
    expect(answer.usage.reusedTokens).toBeGreaterThan(20)
    sides[0].truncate(1)
    expect(sides[0].history).toEqual([{ role: 'system', content: 'the model helps' }])
    expect(branch.history).toHaveLength(5)
  })

  it('drops the oldest turns as the engine does, and says which', async () => {
    const [chat, expected] = [remote.chat({ system: 'short' }), local.chat({ system: 'short' })]
    let dropped = 0
    for (let turn = 0; turn < 6; turn++) {
      const reply = chat.send(`the old ship sails the sea ${turn}`, endless)
      const other = expected.send(`the old ship sails the sea ${turn}`, endless)
      await reply.result()
      await other.result()
      expect(reply.dropped).toEqual(other.dropped)
      expect(chat.history).toEqual(expected.history)
      dropped += reply.dropped.length
    }
    expect(dropped).toBeGreaterThan(0)
  })

  it('refuses a second message before the first is answered, and one that was overtaken', async () => {
    const chat = remote.chat()
    const first = chat.send('one', endless)
    const second = chat.send('two', endless)
    await first.result()
    expect((await caught(second.result())).message).toContain('has changed')
    for await (const { ids: some } of chat.send('three', endless)) {
      expect(some).not.toEqual([])
      expect(() => chat.send('four')).toThrow('waiting for an answer')
      break
    }
  })

  it('can be closed', async () => {
    const chat = remote.chat()
    await chat.send('one', { ...endless, maxTokens: 2 }).result()
    await chat.close()
    expect((await caught(chat.send('two').result())).code).toBe('invalid-argument')
  })
})

describe('pictures over a port', () => {
  const context = { ...options, context: 1024 }
  let seeing: RemoteModel
  let here: PhiModel

  beforeAll(async () => {
    const eyes = await tinyFiles({ tidy: true, config: tinyEyes })
    seeing = await engine.loadModel(eyes, context)
    here = await loadModel(eyes, context)
  })

  afterAll(async () => {
    await seeing.dispose()
    await here.dispose()
  })

  const stripes = (period: number) => {
    const data = new Uint8Array(40 * 30 * 4)
    for (let at = 0; at < data.length; at++) data[at] = at % 4 === 3 ? 255 : (Math.floor(at / 4) % period) * 20
    return { width: 40, height: 30, data }
  }
  const one = { tiles: 1 }

  it('are known by their cost before they are shown, and answered as without a port', async () => {
    expect([seeing.sees, remote.sees]).toEqual([true, false])
    const [found, expected] = [await seeing.picture(stripes(7), one), await here.picture(stripes(7), one)]
    expect(found).toMatchObject({ width: 40, height: 30, tokens: expected.tokens })
    expect(expected.isSeen).toBe(false)
    const [chat, local_] = [seeing.chat(), here.chat()]
    const say = async (content: string, isShown: boolean): Promise<void> => {
      const [answer, wanted] = [
        await chat.send(content, { ...endless, ...(isShown ? { pictures: [found] } : {}) }).result(),
        await local_.send(content, { ...endless, ...(isShown ? { pictures: [expected] } : {}) }).result(),
      ]
      expect(answer.text).toBe(wanted.text)
      expect(answer.usage.reusedTokens).toBe(wanted.usage.reusedTokens)
    }
    await say('what is it?', true)
    await say('and why?', false)
    expect(chat.history[0]?.pictures).toEqual([found])
    expect(chat.history.map(({ role, content }) => ({ role, content }))).toEqual(
      local_.history.map(({ role, content }) => ({ role, content })),
    )
  })

  it('stand in prompts, also in a branch', async () => {
    const [found, expected] = [await seeing.picture(stripes(5), one), await here.picture(stripes(5), one)]
    const answer = await seeing.generate(['see ', found, ' and say'], endless).result()
    expect(answer.ids).toEqual((await here.generate(['see ', expected, ' and say'], endless).result()).ids)
    const branch = seeing.chat({ messages: [{ role: 'user', content: 'look', pictures: [found] }] }).branch()
    const told = here.chat({ messages: [{ role: 'user', content: 'look', pictures: [expected] }] })
    expect((await branch.retry(endless).result()).text).toBe((await told.retry(endless).result()).text)
  })

  it('are given away where that is asked for, and else copied', async () => {
    const [given, copied] = [stripes(3), stripes(3)]
    await seeing.picture(given, { ...one, transfer: true })
    await seeing.picture(copied, one)
    expect([given.data.length, copied.data.length]).toEqual([0, 4800])
    const file = new Uint8Array(8)
    await caught(seeing.picture(file, { transfer: true }))
    expect(file.length).toBe(0)
    expect((await caught(seeing.picture(new Blob(['no picture']), { transfer: true }))).code).toBe('invalid-file')
  })

  it('can be closed, belong to their model, and are refused by one that does not see', async () => {
    const picture = await seeing.picture(stripes(4), one)
    expect((await caught(remote.picture(stripes(4)))).problem).toBe('This model cannot see pictures.')
    const foreign = remote.chat().send('what?', { pictures: [picture] })
    expect((await caught(foreign.result())).remedy).toBe('Take it in again.')
    await picture.close()
    const closed = seeing.chat().send('what?', { pictures: [picture] })
    expect((await caught(closed.result())).code).toBe('invalid-argument')
  })

  it('are left out with their turns', async () => {
    const [chat, local_] = [seeing.chat(), here.chat()]
    for (let turn = 0; turn < 4; turn++) {
      const pixels = stripes(8 + turn)
      const reply = chat.send(`look ${turn}`, { ...endless, pictures: [await seeing.picture(pixels, one)] })
      const other = local_.send(`look ${turn}`, { ...endless, pictures: [await here.picture(pixels, one)] })
      await reply.result()
      await other.result()
      expect(reply.dropped.map(({ content }) => content)).toEqual(other.dropped.map(({ content }) => content))
      expect(reply.dropped.every(({ role, pictures }) => role !== 'user' || pictures?.length === 1)).toBe(true)
      expect(chat.history).toHaveLength(local_.history.length)
    }
    expect(chat.history.length).toBeLessThan(8)
  })
})

describe('ends', () => {
  it('an aborted answer keeps what was said', async () => {
    const controller = new AbortController()
    const chat = remote.chat()
    const reply = chat.send('hello there', { stopIds: [], signal: controller.signal })
    let text = ''
    for await (const chunk of reply) {
      text += chunk.text
      controller.abort()
    }
    const { finish, text: said } = await reply.result()
    expect(finish).toBe('aborted')
    expect(said).toBe(text)
    expect(chat.history.at(-1)).toEqual({ role: 'assistant', content: text })
  })

  it('an answer that was aborted before it began leaves the history as it was', async () => {
    const chat = remote.chat()
    const { finish } = await chat.send('hello', { signal: AbortSignal.abort() }).result()
    expect(finish).toBe('aborted')
    expect(chat.history).toEqual([])
  })

  it('a reader that goes away ends the answer on the other side', async () => {
    for await (const chunk of remote.generate(ids, { stopIds: [] })) if (chunk.ids.length > 0) break
    // The engine has room for one sequence, so this would wait for ever if the other went on.
    expect((await remote.generate(ids, endless).result()).finish).toBe('length')
  })

  it('loading is aborted', async () => {
    const error = await caught(engine.loadModel(files, { ...options, signal: AbortSignal.abort() }))
    expect(error.code).toBe('aborted')
  })

  it('a model that was disposed of, and an engine, refuse what comes', async () => {
    await using own = connect()
    const model = await own.loadModel(files, options)
    await model.dispose()
    expect((await caught(model.generate('the sea').result())).remedy).toBe('Load it again.')
    await own.dispose()
    expect((await caught(own.loadModel(files))).code).toBe('aborted')
  })

  it('an engine that is disposed of while it loads ends that', async () => {
    const { port1, port2 } = new MessageChannel()
    ports.push(port1, port2)
    serveEngine(port2)
    // Calls of their own: an engine that is disposed of would not hear what the other side says of the load.
    const caller = new Caller<EngineCalls>(port1)
    const loading = caught(
      caller.call('load', { model: 1, source: sentSource(files), options: sentLoadOptions(options) }),
    )
    await caller.call('disposeAll', undefined)
    expect((await loading).code).toBe('aborted')
  })

  it('who asks for the result of an answer that failed hears why, after reading too', async () => {
    await using own = connect()
    const model = await own.loadModel(files, options)
    const here = await loadModel(files, options)
    const answers = [model.generate('the sea'), here.generate('the sea')]
    await model.dispose()
    await here.dispose()
    for (const answer of answers) {
      const read = await caught(chunksOf(answer))
      expect(read.code).toBe('invalid-argument')
      expect(await caught(answer.result())).toBe(read)
    }
  })

  it('everything that waits hears that the other side is gone', async () => {
    const { port1 } = new MessageChannel()
    ports.push(port1)
    const lost = connectEngine(port1)
    const waiting = lost.loadModel(files)
    lost.lose('out of memory')
    expect(await caught(waiting)).toMatchObject({ code: 'device-lost', found: 'out of memory' })
    await lost.dispose()
  })

  it('does not wait for ever to be disposed of where the other side hangs', async () => {
    const { port1 } = new MessageChannel()
    ports.push(port1)
    const end = vi.fn<() => void>()
    const hung = new RemoteEngine(port1, end)
    vi.useFakeTimers()
    try {
      const disposed = hung.dispose()
      expect(end).not.toHaveBeenCalled()
      await vi.runAllTimersAsync()
      await disposed
    } finally {
      vi.useRealTimers()
    }
    expect(end).toHaveBeenCalledOnce()
    expect((await caught(hung.loadModel(files))).code).toBe('aborted')
  })

  it('there are no workers of a browser in Node', () => {
    expect(() => startEngine()).toThrow('no workers of a browser')
  })
})

describe('errors', () => {
  it('cross with all their parts', async () => {
    const found = await caught(engine.loadModel(new Map([['config.json', new Uint8Array()]]), options))
    const expected = await caught(loadModel(new Map([['config.json', new Uint8Array()]]), options))
    const { code, message, problem, expected: wanted, found: met, remedy } = expected
    expect(found).toMatchObject({ code, message, problem, expected: wanted, found: met, remedy })
  })

  it('bring the plan of a model that does not fit', async () => {
    const error = await caught(engine.loadModel(files, { ...options, memoryLimit: 1000, context: 64 }))
    expect(error.code).toBe('out-of-memory')
    expect(error.remedy).toContain('smaller context')
  })

  it('keep causes, plain or not, and defects', () => {
    const inner = new TypeError('inner')
    const outer = new PocketPhiError('network', 'It broke.', { found: 'nothing', cause: inner })
    const back = errorFromData(structuredClone(errorToData(outer)))
    expect(back).toBeInstanceOf(PocketPhiError)
    expect(back).toMatchObject({ code: 'network', problem: 'It broke.', found: 'nothing', message: outer.message })
    expect((back as PocketPhiError).cause).toMatchObject({ message: 'inner' })
    const plan = new PocketPhiError('out-of-memory', 'No.', { cause: { total: 5 } })
    expect((errorFromData(errorToData(plan)) as PocketPhiError).cause).toEqual({ total: 5 })
    const odd = new Error('defect', { cause: () => 1 })
    const crossed = errorFromData(structuredClone(errorToData(odd)))
    expect(crossed).not.toBeInstanceOf(PocketPhiError)
    expect(crossed.message).toBe('defect')
    expect(errorFromData(errorToData('thrown text')).message).toBe('thrown text')
  })
})
