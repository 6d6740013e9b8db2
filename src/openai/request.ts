/** From a request to what the engine is asked for. Pure: a server reads bodies with it as the client reads arguments. */
import { RequestError } from './errors.ts'
import { invalid, isBetween, isBoolean, isCount, isFields, isSafeInteger, optional, type Fields } from './fields.ts'
import { readFormat } from './format.ts'
import { readMessages, type AskedMessage } from './messages.ts'
import {
  commonNeutral,
  commonParameters,
  mostAlternatives,
  readTask,
  refuseOthers,
  type AnswerTask,
  type NeutralValues,
} from './options.ts'
import { readTools, toolParameters, type ToolTask } from './tool-request.ts'

/** A request that was understood. */
export interface CompletionTask extends AnswerTask {
  readonly messages: readonly AskedMessage[]
  /** What may be called; undefined for nothing. */
  readonly tools?: ToolTask
  /** Whether it is to be answered from sources. */
  readonly searches?: boolean
}

const understood: ReadonlySet<string> = new Set([
  'messages',
  ...commonParameters,
  ...toolParameters,
  ...['max_tokens', 'max_completion_tokens', 'response_format', 'top_logprobs'],
])

const searchParameter = 'web_search_options'

/** What clients send that fill in every default. */
const neutral: NeutralValues = {
  ...commonNeutral,
  store: (value) => value === false,
}

/**
 * Reads a request. Nothing in it is believed, since it may come from a network.
 *
 * @param canSearch whether there are sources to answer from
 * @throws RequestError naming the parameter: one that is not built or not known, or a value that cannot be used
 */
export function readRequest(request: unknown, canSearch = false): CompletionTask {
  if (!isFields(request)) throw invalid('body', 'an object with "messages"', request)
  refuseOthers(request, canSearch ? new Set([...understood, searchParameter]) : understood, neutral)
  const messages = readMessages(request['messages'])
  const task = readTask(request, readLimit(request), readAlternatives(request))
  const format = readFormat(request)
  const tools = readTools(request)
  return {
    messages,
    ...task,
    options: format === undefined ? task.options : { ...task.options, format },
    ...(tools === undefined ? {} : { tools }),
    ...(isSearchWanted(request) ? { searches: true } : {}),
  }
}

function isSearchWanted(request: Fields): boolean {
  const options = optional(request, searchParameter, isFields, 'an object')
  if (options === undefined) return false
  refuseOthers(options, new Set(), {})
  return true
}

function readLimit(request: Fields): number | undefined {
  const isLimit = isCount(Number.MAX_SAFE_INTEGER)
  const older = optional(request, 'max_tokens', isLimit, 'an integer of at least 1')
  const newer = optional(request, 'max_completion_tokens', isLimit, 'an integer of at least 1')
  if (older === undefined || newer === undefined || older === newer) return newer ?? older
  throw new RequestError('max_tokens', 'invalid_value', 'There are two limits of tokens, and they differ.', {
    found: `max_tokens ${older}, max_completion_tokens ${newer}`,
    remedy: 'Give max_completion_tokens alone.',
  })
}

function readAlternatives(request: Fields): number | undefined {
  const isWanted = optional(request, 'logprobs', isBoolean, 'true or false') ?? false
  const isFitting = (value: unknown): value is number => isSafeInteger(value) && isBetween(0, mostAlternatives)(value)
  const count = optional(request, 'top_logprobs', isFitting, `an integer from 0 to ${mostAlternatives}`)
  if (isWanted) return count ?? 0
  if (count === undefined || count === 0) return undefined
  throw invalid('top_logprobs', 'it only together with "logprobs": true', count)
}
