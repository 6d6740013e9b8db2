/** Runs a Jinja template within bounds: a template is a file from somewhere, and may loop or grow without end. */
import { Interpreter, type Environment } from '@huggingface/jinja'
import { PocketPhiError } from '../base/errors.ts'
import type { ChatMessage } from './templates.ts'

/** The declarations of the library do not resolve under nodenext, so that its classes are `any`. */
interface Evaluated {
  readonly value: unknown
}

interface OpenInterpreter {
  run(program: unknown): Evaluated
  evaluate(statement: unknown, scope: unknown): Evaluated
  evaluateBlock(statements: unknown, scope: unknown): Evaluated
}

/** Parts of a template that are evaluated: hundreds for each message in real ones, more where messages look at each other. */
const freeSteps = 20_000
const stepsPerMessage = 5_000

/** Expressions and macros within each other, of which real templates have some dozens. */
const mostNested = 500

/** Characters of a text, or members of a list, that a template makes: real ones write messages once, or a few times. */
const freeLength = 2 ** 16
const copiesOfMessages = 64

function tooMuch(what: string, most: number): PocketPhiError {
  return new PocketPhiError('not-supported', `The chat template ${what}.`, {
    expected: `at most ${most}`,
    remedy: 'Use a built-in template.',
  })
}

/**
 * What a template makes of the variables in its environment.
 * @throws PocketPhiError `not-supported` when it takes more steps, is nested more deeply, or makes longer texts than a template of
 * these messages does; what the library throws
 */
export function runBounded(program: unknown, environment: Environment, messages: readonly ChatMessage[]): unknown {
  const interpreter = new Interpreter(environment) as OpenInterpreter
  const mostSteps = freeSteps + stepsPerMessage * messages.length
  const written = messages.reduce((sum, { content, tools }) => sum + content.length + (tools?.length ?? 0), 0)
  const longest = freeLength + copiesOfMessages * written
  const evaluate = interpreter.evaluate.bind(interpreter)
  const evaluateBlock = interpreter.evaluateBlock.bind(interpreter)
  let steps = 0
  let depth = 0
  const countStep = (): void => {
    if (++steps > mostSteps) throw tooMuch('takes too many steps', mostSteps)
  }
  // Rounds of a loop are blocks, and may be empty.
  interpreter.evaluateBlock = (statements, scope) => {
    countStep()
    return evaluateBlock(statements, scope)
  }
  interpreter.evaluate = (statement, scope) => {
    countStep()
    if (depth >= mostNested) throw tooMuch('is nested too deeply', mostNested)
    depth++
    try {
      const result = evaluate(statement, scope)
      const { value } = result
      if ((typeof value === 'string' || Array.isArray(value)) && value.length > longest) {
        throw tooMuch('makes a text or a list that is too long', longest)
      }
      return result
    } finally {
      // The library throws for `continue` too.
      depth--
    }
  }
  return interpreter.run(program).value
}
