/** How functions are told to a model, and how it calls them: as its chat template has it, or by a convention where that has nothing. */
import type { PicturedMessage } from '../engine/picture-text.ts'

/** A function that may be called. */
export interface ToolFunction {
  readonly name: string
  readonly description?: string
  /** A JSON schema. */
  readonly parameters?: unknown
}

/** A call of a function. */
export interface ToolCall {
  readonly name: string
  /** An object in JSON. */
  readonly arguments: string
}

/** A message that may call functions (of an assistant), or be what one of them returned (of the role `tool`). */
export interface ToolMessage<Shown> extends PicturedMessage<Shown> {
  readonly calls?: readonly ToolCall[]
  /** The function that returned it. */
  readonly from?: string
}

export interface ToolNotation {
  /** What stands before and behind a list of calls. */
  readonly open: string
  readonly close: string
  /** A conversation as the template can write it. @param functions none where none may be called */
  write<Shown>(
    messages: readonly ToolMessage<Shown>[],
    functions: readonly ToolFunction[],
  ): readonly PicturedMessage<Shown>[]
}

/** @param template the name of a model's chat template, where it is known */
export function toolNotation(template: string | undefined): ToolNotation {
  if (template === 'phi-4-mini') return native
  return systemless.has(template ?? '') ? byUserMessage : bySystemMessage
}

/**
 * Phi-4-mini's: functions in the system message, calls between tokens of their own. Its template writes messages of any role; of
 * its tokens, `<|tool_response|>` is the one for results that has no closing one, as those of roles have none.
 */
const native: ToolNotation = {
  open: '<|tool_call|>',
  close: '<|/tool_call|>',
  write(messages, functions) {
    const written = messages.map(({ calls = [], from, ...message }) => {
      if (from !== undefined) return { ...message, role: 'tool_response' }
      return calls.length === 0 ? message : { ...message, toolCalls: listOf(calls) }
    })
    if (functions.length === 0) return written
    const [first, ...others] = written
    const tools = spaced(functions)
    if (first?.role === 'system') return [{ ...first, tools }, ...others]
    // The words of the model's card.
    return [{ role: 'system', content: 'You are a helpful assistant with some tools.', tools }, ...written]
  },
}

/** Templates that leave system messages out. */
const systemless: ReadonlySet<string> = new Set(['phi-3-medium', 'phi-3-orig'])

const bySystemMessage = convention((messages, told) => {
  const [first, ...others] = messages
  if (first?.role !== 'system') return [{ role: 'system', content: told }, ...messages]
  return [{ ...first, content: `${first.content}\n\n${told}` }, ...others]
})

const byUserMessage = convention((messages, told) => {
  const at = messages.findIndex(({ role }) => role === 'user')
  return messages.map((message, index) =>
    index === at ? { ...message, content: `${told}\n\n${message.content}` } : message,
  )
})

type Tell = <Shown>(messages: readonly PicturedMessage<Shown>[], told: string) => readonly PicturedMessage<Shown>[]

/** `functools` and a list of calls, as Microsoft writes them for models of the family; results are what a user says. */
function convention(tell: Tell): ToolNotation {
  const open = 'functools'
  return {
    open,
    close: '',
    write(messages, functions) {
      const written = messages.flatMap(({ calls = [], from, ...message }, index) => {
        if (from !== undefined) return messages[index - 1]?.from === undefined ? [resultsFrom(messages, index)] : []
        if (calls.length === 0) return [message]
        return [
          { ...message, content: [message.content, open + listOf(calls)].filter((text) => text !== '').join('\n') },
        ]
      })
      return functions.length === 0 ? written : tell(written, instruction(functions, open))
    },
  }
}

function instruction(functions: readonly ToolFunction[], open: string): string {
  return [
    'These functions can be called. Each is given in JSON, with a schema of its parameters:',
    ...functions.map(spaced),
    'To call some of them, write this and nothing behind it:',
    `${open}[{"name": "name of the function", "arguments": {"parameter": "value"}}]`,
    'What they return is told in the next message. Where no function helps, answer in words.',
  ].join('\n')
}

/** The results that stand one after another from `index` on, as one message. */
function resultsFrom<Shown>(messages: readonly ToolMessage<Shown>[], index: number): PicturedMessage<Shown> {
  const end = messages.findIndex(({ from }, at) => at > index && from === undefined)
  const results = messages.slice(index, end < 0 ? undefined : end)
  const lines = results.map(({ from, content }) => spaced({ name: from, result: content }))
  return { role: 'user', content: ['The functions returned:', ...lines].join('\n') }
}

function listOf(calls: readonly ToolCall[]): string {
  return spaced(calls.map((call) => ({ name: call.name, arguments: JSON.parse(call.arguments) as unknown })))
}

/** JSON on one line, with spaces as Python's `json.dumps` sets them, which is what models have seen of it. */
function spaced(value: unknown): string {
  // Strings have no line breaks of their own in JSON.
  return JSON.stringify(value, null, 1)
    .replaceAll(/(?<=[[{])\n *|\n *(?=[\]}])/g, '')
    .replaceAll(/\n */g, ' ')
}
