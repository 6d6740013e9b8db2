/** Functions: how they are asked for, told to models, called, and read out of answers. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GenerationResult } from '../engine/generate.ts'
import { loadModel } from '../engine/load-model.ts'
import type { PhiModel } from '../engine/phi-model.ts'
import { tinyFiles } from '../engine/tiny-model-harness.ts'
import { phi3ControlTokens, trainTokenizer } from '../text/bpe-trainer.ts'
import { compileJinja } from '../text/jinja-template.ts'
import { renderChat } from '../text/templates.ts'
import { textToString } from '../text/text.ts'
import { RequestError } from './errors.ts'
import { createClient, type ChatCompletionChunk, type CompletionParams, type OpenAIClient } from './index.ts'
import { readRequest } from './request.ts'
import { toolNotation, type ToolMessage } from './tool-notation.ts'
import { ToolReader, type CallDelta } from './tool-reader.ts'

const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather of a city.',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string', maxLength: 12 }, unit: { enum: ['C', 'F'] } },
      required: ['city', 'unit'],
      additionalProperties: false,
    },
  },
} as const
const time = { type: 'function', function: { name: 'get_time' } } as const
const messages = [{ role: 'user', content: 'What is a dog?' }] as const

function refusal(fields: Readonly<Record<string, unknown>>): RequestError {
  try {
    readRequest({ messages, ...fields })
  } catch (error) {
    expect(error).toBeInstanceOf(RequestError)
    return error as RequestError
  }
  throw new Error('the request was not refused')
}

describe('a request with functions', () => {
  const tools = [weather, time]
  const schema = weather.function.parameters
  const nothing = { type: 'object', properties: {}, additionalProperties: false }

  it('may call any of them, of which those that are strict are held to their schemas', () => {
    const strict = { ...weather, function: { ...weather.function, strict: true } }
    const { tools: task } = readRequest({ messages, tools: [strict, time] })
    expect(task).toEqual({
      functions: [weather.function, { name: 'get_time', parameters: nothing }],
      callable: [{ name: 'get_weather', schema }, { name: 'get_time' }],
      isForced: false,
      most: Infinity,
    })
    expect(readRequest({ messages, tools, parallel_tool_calls: false }).tools?.most).toBe(1)
  })

  it('holds arguments to schemas where a call is forced', () => {
    const forced = readRequest({ messages, tools, tool_choice: 'required' }).tools
    expect(forced).toMatchObject({ isForced: true, most: Infinity })
    expect(forced?.callable).toEqual([
      { name: 'get_weather', schema },
      { name: 'get_time', schema: nothing },
    ])
    const one = readRequest({
      messages,
      tools,
      tool_choice: { type: 'function', function: { name: 'get_time' } },
    }).tools
    expect(one).toMatchObject({ isForced: true, most: 1, callable: [{ name: 'get_time', schema: nothing }] })
    expect(one?.functions).toHaveLength(2)
  })

  it('calls none where it says so, or where there are none', () => {
    for (const fields of [{ tools, tool_choice: 'none' }, { tools: [] }, { tool_choice: 'auto' }, { tools: null }]) {
      expect(readRequest({ messages, ...fields })).not.toHaveProperty('tools')
    }
  })

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['tools', { tools: 'all' }],
    ['tools[0].type', { tools: [{ type: 'custom', custom: { name: 'x' } }] }],
    ['tools[0].function', { tools: [{ type: 'function' }] }],
    ['tools[0].function.name', { tools: [{ type: 'function', function: { name: 'two words' } }] }],
    ['tools[0].function.kind', { tools: [{ type: 'function', function: { name: 'x', kind: 1 } }] }],
    ['tools[0].function.strict', { tools: [{ type: 'function', function: { name: 'x', strict: 1 } }] }],
    [
      'tools[0].function.parameters',
      { tools: [{ type: 'function', function: { name: 'x', parameters: { type: 'string' } } }] },
    ],
    ['tools[1].function.name', { tools: [time, time] }],
    ['tool_choice', { tool_choice: 'required' }],
    ['tool_choice', { tools, tool_choice: 'any' }],
    ['tool_choice', { tools, tool_choice: { type: 'allowed_tools' } }],
    ['tool_choice.function.name', { tools, tool_choice: { type: 'function', function: { name: 'other' } } }],
    ['parallel_tool_calls', { tools, parallel_tool_calls: 'yes' }],
    ['functions', { functions: [] }],
  ])('is refused where %s cannot be used: %j', (param, fields) => {
    expect(refusal(fields).param).toBe(param)
  })

  it('is refused where a value is nested beyond any use', () => {
    const deep = (count: number): unknown => JSON.parse(`${'['.repeat(count)}${']'.repeat(count)}`)
    const parametersOf = (count: number) => [
      { type: 'function', function: { name: 'x', parameters: { type: 'object', default: deep(count) } } },
    ]
    expect(refusal({ tools: parametersOf(100_000) }).param).toBe('tools[0].function.parameters')
    expect(readRequest({ messages, tools: parametersOf(400) }).tools?.functions).toHaveLength(1)
    const format = { json_schema: { name: 'x', schema: deep(100_000) }, type: 'json_schema' }
    expect(refusal({ response_format: format }).param).toBe('response_format.json_schema.schema')
    const made = { name: 'x', arguments: JSON.stringify({ a: 0 }).replace('0', '['.repeat(1e5) + ']'.repeat(1e5)) }
    const lists = [{ role: 'assistant', tool_calls: [{ id: 'call_1', type: 'function', function: made }] }]
    expect(refusal({ messages: lists }).param).toBe('messages[0].tool_calls[0].function.arguments')
  })

  const call = { id: 'call_1', type: 'function', function: { name: 'get_time', arguments: '{}' } }
  const called = { role: 'assistant', content: null, tool_calls: [call] }
  it.each<[string, readonly unknown[]]>([
    ['messages[0].tool_call_id', [{ role: 'tool', content: 'x' }]],
    ['messages[1].tool_call_id', [called, { role: 'tool', content: 'x', tool_call_id: 'call_2' }]],
    ['messages[0].tool_calls', [{ role: 'user', content: 'x', tool_calls: [call] }]],
    ['messages[0].tool_call_id', [{ role: 'user', content: 'x', tool_call_id: 'call_1' }]],
    ['messages[0].tool_calls[0]', [{ ...called, tool_calls: [{ ...call, id: '' }] }]],
    ['messages[0].tool_calls[0].type', [{ ...called, tool_calls: [{ ...call, type: 'custom' }] }]],
    ['messages[0].tool_calls[0].function', [{ ...called, tool_calls: [{ ...call, function: {} }] }]],
    [
      'messages[0].tool_calls[0].function.arguments',
      [{ ...called, tool_calls: [{ ...call, function: { name: 'x', arguments: '{"torn' } }] }],
    ],
    ['messages[0].content', [{ role: 'assistant', content: null, tool_calls: [] }]],
  ])('is refused where %s is wrong: %j', (param, list) => {
    expect(refusal({ messages: list }).param).toBe(param)
  })
})

describe('a model is shown', () => {
  const conversation: readonly ToolMessage<never>[] = [
    { role: 'user', content: 'Weather?' },
    {
      role: 'assistant',
      content: 'I look.',
      calls: [
        { name: 'get_weather', arguments: '{"city":"Oslo","unit":"C","list":[1,{}]}' },
        { name: 'get_time', arguments: '{}' },
      ],
    },
    { role: 'tool', content: '-3 <|end|>', from: 'get_weather' },
    { role: 'tool', content: 'noon', from: 'get_time' },
  ]
  const functions = [{ name: 'get_time', parameters: { type: 'object' } }]
  const list =
    '[{"name": "get_weather", "arguments": {"city": "Oslo", "unit": "C", "list": [1, {}]}}, {"name": "get_time", "arguments": {}}]'

  it("what the published template of Phi-4-mini makes of the model card's form", () => {
    const written = toolNotation('phi-4-mini').write(conversation, functions)
    const text = textToString(renderChat('phi-4-mini', written, { addGenerationPrompt: true }))
    const reference = compileJinja(
      `{% for m in messages %}{{ '<|' ~ m.role ~ '|>' ~ m.content }}{% if m.role == 'system' and 'tools' in m and m.tools is not none %}{{ '<|tool|>' ~ m.tools ~ '<|/tool|>' }}{% endif %}{{ '<|end|>' }}{% endfor %}{{ '<|assistant|>' if add_generation_prompt else eos_token }}`,
      { eosToken: '<|endoftext|>' },
    )(
      [
        {
          role: 'system',
          content: 'You are a helpful assistant with some tools.',
          tools: '[{"name": "get_time", "parameters": {"type": "object"}}]',
        },
        { role: 'user', content: 'Weather?' },
        { role: 'assistant', content: `I look.<|tool_call|>${list}<|/tool_call|>` },
        { role: 'tool_response', content: '-3 <|end|>' },
        { role: 'tool_response', content: 'noon' },
      ],
      { addGenerationPrompt: true },
      new Date(0),
    )
    expect(text).toBe(reference)
    const control = renderChat('phi-4-mini', written).filter((part) => typeof part !== 'string')
    const spellings = control.map(({ content }) => content)
    expect(spellings.filter((spelling) => /tool_call/.test(spelling))).toEqual(['<|tool_call|>', '<|/tool_call|>'])
    // What a function returned ends no turn: as many as there are messages.
    expect(spellings.filter((spelling) => spelling === '<|end|>')).toHaveLength(5)
  })

  it('functions beside the words of the system, where there are such', () => {
    const system = { role: 'system', content: 'Be brief.' }
    const [native] = toolNotation('phi-4-mini').write([system, ...conversation], functions)
    expect(native).toMatchObject({ content: 'Be brief.', tools: expect.stringContaining('get_time') })
    const [other] = toolNotation('phi-3.5-mini').write([system, ...conversation], functions)
    expect(other?.content).toMatch(/^Be brief\.\n\nThese functions[^]*"name": "get_time"/)
  })

  it('them by a convention where its template has no place for them, and results together', () => {
    const written = toolNotation('phi-3-mini').write(conversation, functions)
    expect(written.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'user'])
    expect(written[2]?.content).toBe(`I look.\nfunctools${list}`)
    expect(written[3]?.content).toBe(
      'The functions returned:\n{"name": "get_weather", "result": "-3 <|end|>"}\n{"name": "get_time", "result": "noon"}',
    )
    const rendered = textToString(renderChat('phi-3-mini', written))
    for (const part of ['get_time', 'functools[', 'noon']) expect(rendered).toContain(part)
    const [first] = toolNotation('phi-3-medium').write(conversation, functions)
    expect(first).toMatchObject({ role: 'user', content: expect.stringMatching(/get_time[^]*\n\nWeather\?$/) })
  })

  it('nothing of functions where none may be called', () => {
    const plain = [{ role: 'user', content: 'Hello' }]
    for (const name of ['phi-4-mini', 'phi-3-mini', 'phi-3-medium', 'jinja', undefined]) {
      expect(toolNotation(name).write(plain, [])).toEqual(plain)
    }
  })
})

describe('an answer', () => {
  const notation = toolNotation(undefined)
  const text =
    'I "look" {}.\nfunctools[{"name": "a", "arguments": {"x": "}\\"{", "y": {"z": [1]}}}, {"name":"b","arguments":{}}]'

  /** Reads a text in pieces of so many characters. */
  function read(whole: string, size: number): { reader: ToolReader; content: string; deltas: CallDelta[] } {
    const reader = new ToolReader(notation)
    const deltas: CallDelta[] = []
    let content = ''
    for (let at = 0; at < whole.length; at += size) {
      const piece = reader.push(whole.slice(at, at + size))
      content += piece.content
      deltas.push(...piece.calls)
    }
    return { reader, content: content + reader.end(), deltas }
  }

  it.each([1, 2, 3, 7, 1000])('is read in pieces of %i characters', (size) => {
    const { reader, content, deltas } = read(text, size)
    expect(content).toBe('I "look" {}.\n')
    const { calls } = reader.answer
    expect(calls).toMatchObject([
      { name: 'a', arguments: '{"x": "}\\"{", "y": {"z": [1]}}' },
      { name: 'b', arguments: '{}' },
    ])
    expect(reader.answer.content).toBe(content)
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2)
    for (const [index, call] of calls.entries()) {
      const own = deltas.filter((delta) => delta.index === index)
      expect(own.map((delta) => delta.arguments).join('')).toBe(call.arguments)
      expect(own.map(({ begun }) => begun)).toEqual([
        { id: call.id, name: call.name },
        ...own.slice(1).map(() => undefined),
      ])
    }
  })

  it('of words alone keeps all of them, also those that might have begun a call', () => {
    for (const words of ['', 'Hello', 'I like func', 'functoo']) {
      expect(read(words, 1).content).toBe(words)
      expect(read(words, 1).reader.answer.calls).toEqual([])
    }
  })

  it('that is broken off has what there is of a call', () => {
    expect(read(text.slice(0, text.indexOf('}\\"') + 1), 4).reader.answer.calls).toMatchObject([
      { name: 'a', arguments: '{"x": "}' },
    ])
    expect(read('functools[{"name": "a"', 4).reader.answer.calls).toEqual([])
  })
})

/** A tiny model whose vocabulary has the control tokens of Phi-4-mini. */
async function phi4MiniLike(): Promise<Map<string, Uint8Array>> {
  const files = await tinyFiles({
    config: { vocab_size: 330, max_position_embeddings: 1024, original_max_position_embeddings: 1024 },
  })
  const controlTokens = [
    ...phi3ControlTokens,
    ...['<|tool|>', '<|/tool|>', '<|tool_call|>', '<|/tool_call|>', '<|tool_response|>'],
  ]
  const words = ['the small phi reads a story about the sea', 'hello there, how are you today?']
  const json = trainTokenizer(words, { vocabularySize: 330, characterCoverage: 1, controlTokens })
  return files.set('tokenizer.json', new TextEncoder().encode(JSON.stringify(json)))
}

describe.each(['phi-nano', 'phi-4-mini'])('a client of %s', (name) => {
  let model: PhiModel
  let client: OpenAIClient

  beforeAll(async () => {
    model =
      name === 'phi-nano'
        ? await loadModel('phi-nano', { threads: 1, context: 512 })
        : await loadModel(await phi4MiniLike(), { threads: 1, context: 1024, template: 'phi-4-mini' })
    client = createClient(model)
  })

  afterAll(async () => {
    await model.dispose()
  })

  const forced = {
    messages,
    tools: [weather, time],
    tool_choice: { type: 'function', function: { name: 'get_weather' } },
    temperature: 1,
    seed: 3,
    max_tokens: 200,
  } as const

  it('gets the call that it asks for, by its schema', async () => {
    const { choices } = await client.chat.completions.create({ ...forced, n: 2 })
    for (const { message, finish_reason } of choices) {
      expect(finish_reason).toBe('tool_calls')
      expect(message.content).toBeNull()
      expect(message.tool_calls).toHaveLength(1)
      const [call] = message.tool_calls ?? []
      expect(call).toMatchObject({ id: expect.stringMatching(/^call_/), type: 'function' })
      expect(call?.function.name).toBe('get_weather')
      const given = JSON.parse(call?.function.arguments ?? '') as { city: string; unit: string }
      expect(Object.keys(given)).toEqual(['city', 'unit'])
      expect(given.city.length).toBeLessThanOrEqual(12)
      expect(['C', 'F']).toContain(given.unit)
    }
  })

  it('streams the same call piece by piece', async () => {
    const whole = await client.chat.completions.create(forced)
    const chunks: ChatCompletionChunk[] = []
    for await (const chunk of await client.chat.completions.create({ ...forced, stream: true })) chunks.push(chunk)
    const deltas = chunks.flatMap(({ choices }) => choices[0]?.delta.tool_calls ?? [])
    expect(deltas.length).toBeGreaterThan(2)
    expect(deltas[0]).toMatchObject({ index: 0, type: 'function', function: { name: 'get_weather' } })
    expect(deltas.map((delta) => delta.function.arguments).join('')).toBe(
      whole.choices[0]?.message.tool_calls?.[0]?.function.arguments,
    )
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('tool_calls')
    expect(chunks.every(({ choices }) => (choices[0]?.delta.content ?? '') === '')).toBe(true)
  })

  it('answers with what was returned, also in words', async () => {
    const { choices } = await client.chat.completions.create(forced)
    const message = choices[0]?.message
    if (message?.tool_calls === undefined) throw new Error('no call')
    const [call] = message.tool_calls
    const again: CompletionParams = {
      ...forced,
      tool_choice: 'none',
      max_tokens: 8,
      messages: [...messages, message, { role: 'tool', content: '5 degrees', tool_call_id: call?.id ?? '' }],
    }
    const answer = await client.chat.completions.create(again)
    expect(answer).toMatchObject({ choices: [{ message: { role: 'assistant', content: expect.any(String) } }] })
    expect('choices' in answer && answer.choices[0]?.message).not.toHaveProperty('tool_calls')
  })

  it('says what is broken off, and refuses schemas that it would have to hold to', async () => {
    const short = await client.chat.completions.create({ ...forced, max_tokens: 8 })
    expect(short.choices[0]?.finish_reason).toBe('length')
    const parameters = { type: 'object', properties: { a: { not: {} } } }
    const tools = [{ type: 'function', function: { name: 'odd', parameters } }] as const
    await expect(client.chat.completions.create({ messages, tools, tool_choice: 'required' })).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('odd #/properties/a'),
    })
    const lenient = await client.chat.completions.create({ messages, tools, max_tokens: 4 })
    expect(lenient.choices).toHaveLength(1)
  })
})

it('a model that writes the token of calls by itself has called, and is held to a schema that is strict', async () => {
  await using model = await loadModel(await phi4MiniLike(), { threads: 1, context: 1024, template: 'phi-4-mini' })
  const strict = { ...weather, function: { ...weather.function, strict: true } }
  const asked = { messages, tools: [strict], parallel_tool_calls: false, temperature: 1, max_tokens: 200 } as const
  const open = String(model.tokenizer.idOf('<|tool_call|>'))
  for (const seed of [1, 2, 3]) {
    const { choices } = await createClient(model).chat.completions.create({
      ...asked,
      seed,
      logit_bias: { [open]: 100 },
    })
    expect(choices[0]).toMatchObject({ finish_reason: 'tool_calls', message: { content: null } })
    const calls = choices[0]?.message.tool_calls ?? []
    expect(calls).toHaveLength(1)
    expect(Object.keys(JSON.parse(calls[0]?.function.arguments ?? '') as object)).toEqual(['city', 'unit'])
  }
  const { choices } = await createClient(model).chat.completions.create({
    ...asked,
    seed: 1,
    logit_bias: { [open]: -100 },
  })
  expect(choices[0]?.message.tool_calls).toBeUndefined()
  expect(choices[0]?.message.content).not.toContain('tool_call')
})

it('an answer that may call has the words of one that may not where the model wants no function', async () => {
  await using model = await loadModel('phi-nano', { threads: 1, context: 512 })
  const client = createClient(model)
  const notation = toolNotation(model.templateName)
  const asked = { messages, tools: [weather] } as const
  const { choices } = await client.chat.completions.create(asked)
  const written = notation.write<never>([...messages], readRequest(asked).tools?.functions ?? [])
  const plain: GenerationResult = await model.chat().answer(written).result()
  expect(choices[0]?.message.content).toBe(plain.text)
  expect(choices[0]?.finish_reason).toBe('stop')
  const format = { type: 'json_object' } as const
  const json = await client.chat.completions.create({ ...asked, response_format: format, max_tokens: 100 })
  const { content, tool_calls: calls } = json.choices[0]?.message ?? {}
  expect(calls !== undefined || content?.trimStart().startsWith('{')).toBe(true)
})
