/** The functions of a request: `tools`, `tool_choice`, `parallel_tool_calls`. */
import { quoted } from '../base/describe.ts'
import type { CallableFunction } from '../grammar/calls.ts'
import { RequestError } from './errors.ts'
import { checkDepth, invalid, isBoolean, isFields, isString, optional, unsupported, type Fields } from './fields.ts'
import type { ToolFunction } from './tool-notation.ts'

/** What an answer may call. */
export interface ToolTask {
  /** Those that the model is told of. */
  readonly functions: readonly ToolFunction[]
  /** Those that may be called, and what their arguments are held to. */
  readonly callable: readonly CallableFunction[]
  /** Whether there must be a call. */
  readonly isForced: boolean
  /** Calls at most. */
  readonly most: number
}

/** The parameters that `readTools` reads. */
export const toolParameters = ['tools', 'tool_choice', 'parallel_tool_calls']

/** OpenAI's limits. */
const mostFunctions = 128
const functionName = /^[a-zA-Z0-9_-]{1,64}$/

interface AskedFunction {
  readonly told: ToolFunction
  readonly isStrict: boolean
}

/**
 * Reads what may be called; undefined for nothing.
 *
 * Arguments are held to a function's schema where it is `strict` or a call is forced; else they are any object.
 *
 * @throws RequestError naming the parameter
 */
export function readTools(request: Fields): ToolTask | undefined {
  const functions = readFunctions(request)
  const isParallel = optional(request, 'parallel_tool_calls', isBoolean, 'true or false') ?? true
  const choice = readChoice(request, functions)
  if (choice === 'none' || functions.length === 0) return undefined
  const isForced = choice !== 'auto'
  const chosen = isForced && choice !== 'required' ? [choice] : functions
  const isOne = chosen !== functions || !isParallel
  return {
    functions: functions.map(({ told }) => told),
    callable: chosen.map(({ told: { name, parameters }, isStrict }) =>
      isForced || isStrict ? { name, schema: parameters } : { name },
    ),
    isForced,
    most: isOne ? 1 : Infinity,
  }
}

function readFunctions(request: Fields): AskedFunction[] {
  const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value) && value.length <= mostFunctions
  const tools = optional(request, 'tools', isList, `a list of up to ${mostFunctions} functions`) ?? []
  const functions = tools.map((tool, index) => readFunction(tool, `tools[${index}]`))
  functions.forEach(({ told: { name } }, index) => {
    if (functions.findIndex(({ told }) => told.name === name) === index) return
    throw invalid(`tools[${index}].function.name`, 'a name that no other function has', name)
  })
  return functions
}

function readFunction(tool: unknown, path: string): AskedFunction {
  if (!isFields(tool)) throw invalid(path, 'an object with "type" and "function"', tool)
  if (tool['type'] !== 'function') throw unsupported(`${path}.type`, '"function"', tool['type'])
  refuseFields(tool, ['type', 'function'], path)
  const given = tool['function']
  const at = `${path}.function`
  if (!isFields(given)) throw invalid(at, 'an object with "name"', given)
  refuseFields(given, ['name', 'description', 'parameters', 'strict'], at)
  const { name } = given
  if (!isString(name) || !functionName.test(name)) {
    throw invalid(`${at}.name`, 'up to 64 letters, digits, underscores and hyphens', name)
  }
  const description = optional(given, 'description', isString, 'a text', `${at}.`)
  const parameters = optional(given, 'parameters', isFields, 'a JSON schema', `${at}.`) ?? {}
  return {
    told: {
      name,
      ...(description === undefined ? {} : { description }),
      parameters: objectSchema(parameters, `${at}.parameters`),
    },
    isStrict: optional(given, 'strict', isBoolean, 'true or false', `${at}.`) ?? false,
  }
}

/** Without parameters a function takes an empty object. */
function objectSchema(schema: Fields, path: string): Fields {
  checkDepth(schema, path)
  if (Object.keys(schema).length === 0) return { type: 'object', properties: {}, additionalProperties: false }
  if (schema['type'] === 'object') return schema
  throw invalid(path, 'a JSON schema with "type": "object"', schema)
}

function refuseFields(fields: Fields, known: readonly string[], path: string): void {
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null || known.includes(name)) continue
    throw unsupported(`${path}.${name}`, known.map(quoted).join(', '), value)
  }
}

type Choice = 'none' | 'auto' | 'required' | AskedFunction

function readChoice(request: Fields, functions: readonly AskedFunction[]): Choice {
  const choice = request['tool_choice'] ?? 'auto'
  if (choice === 'none' || choice === 'auto') return choice
  if (functions.length === 0) {
    throw new RequestError('tool_choice', 'invalid_value', 'A call is asked for, and there are no functions.', {
      remedy: 'Name them in "tools".',
    })
  }
  if (choice === 'required') return choice
  if (!isFields(choice) || choice['type'] !== 'function') {
    throw unsupported('tool_choice', '"none", "auto", "required", or a function by its name', choice)
  }
  const named = isFields(choice['function']) ? choice['function']['name'] : undefined
  const found = functions.find(({ told }) => told.name === named)
  if (found !== undefined) return found
  throw invalid('tool_choice.function.name', `one of ${functions.map(({ told }) => told.name).join(', ')}`, named)
}
