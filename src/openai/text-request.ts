/** From a request to continue texts (OpenAI's older completions) to what the engine is asked for. */
import { invalid, isBetween, isCount, isFields, isSafeInteger, optional, type Fields } from './fields.ts'
import {
  commonNeutral,
  commonParameters,
  mostAlternatives,
  readTask,
  refuseOthers,
  type AnswerTask,
  type NeutralValues,
} from './options.ts'
import { readPrompts, type TextPrompt } from './prompts.ts'

/** A request that was understood. */
export interface TextTask extends AnswerTask {
  /** Each is continued on its own. */
  readonly prompts: readonly TextPrompt[]
}

const understood: ReadonlySet<string> = new Set(['prompt', ...commonParameters, 'max_tokens'])

const neutral: NeutralValues = {
  ...commonNeutral,
  best_of: (value) => value === 1,
  echo: (value) => value === false,
  suffix: (value) => value === '',
}

/** OpenAI's limit where a request names none. */
const usualLimit = 16

/** The most prompts of one request. */
const mostPrompts = 128

/**
 * Reads a request. Nothing in it is believed, since it may come from a network.
 *
 * @throws RequestError naming the parameter: one that is not built or not known, or a value that cannot be used
 */
export function readTextRequest(request: unknown): TextTask {
  if (!isFields(request)) throw invalid('body', 'an object with "prompt"', request)
  refuseOthers(request, understood, neutral)
  const limit = optional(request, 'max_tokens', isCount(Number.MAX_SAFE_INTEGER), 'an integer of at least 1')
  return {
    prompts: readPrompts(request, 'prompt', mostPrompts),
    ...readTask(request, limit ?? usualLimit, readAlternatives(request)),
  }
}

/** Here `logprobs` is a number, and 0 tells those of the tokens that were drawn. */
function readAlternatives(request: Fields): number | undefined {
  const isFitting = (value: unknown): value is number => isSafeInteger(value) && isBetween(0, mostAlternatives)(value)
  return optional(request, 'logprobs', isFitting, `an integer from 0 to ${mostAlternatives}`)
}
