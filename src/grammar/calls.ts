/** Answers that call functions, or may. */
import {
  choice,
  control,
  literal,
  nothing,
  optional,
  repeat,
  sequence,
  type Expression,
  type Grammar,
} from './expression.ts'
import { textWithout } from './free-text.ts'
import { anyObject, jsonRules, member, space } from './json.ts'
import { jsonSchemaGrammar } from './json-schema.ts'

/** A function that an answer may call. */
export interface CallableFunction {
  readonly name: string
  /** A JSON schema for its arguments; any object when left out. */
  readonly schema?: unknown
}

/** The calls of functions that an answer may hold, and how they are written. */
export interface CallRules {
  /** Those that may be called. */
  readonly functions: readonly CallableFunction[]
  /** What stands before and behind the list of calls: control tokens where the vocabulary has such, else as it is spelled (ASCII). */
  readonly open: string
  readonly close: string
  /** Calls at most. */
  readonly most: number
}

/**
 * `open`, a list of calls in JSON (`[{"name": "f", "arguments": {…}}]`), `close`.
 *
 * @param words what may be said instead, or `free`: any text, calls behind it or not. Without it there must be a call.
 * @param isControl whether the vocabulary has a control token that is spelled so
 * @throws PocketPhiError as `jsonSchemaGrammar`
 */
export function callsGrammar(
  { functions, open, close, most }: CallRules,
  words: Grammar | 'free' | undefined,
  isControl: (spelling: string) => boolean,
): Grammar {
  const controls = [open, close].filter(isControl)
  const marker = (spelling: string): Expression =>
    isControl(spelling) ? control(controls.indexOf(spelling)) : literal(spelling)
  const rules = new Map(jsonRules)
  const add = ({ start, rules: more }: Grammar): Expression => {
    for (const [name, rule] of more) rules.set(name, rule)
    return start
  }
  const one = choice(
    ...functions.map(({ name, schema }) => {
      const given = schema === undefined ? anyObject : add(jsonSchemaGrammar(schema, `${name} `))
      const fields = sequence(
        text('name', literal(JSON.stringify(name))),
        literal(','),
        space,
        text('arguments', given),
      )
      return sequence(literal('{'), space, fields, space, literal('}'))
    }),
  )
  const more = repeat(sequence(literal(','), space, one, space), 0, most - 1)
  const list = sequence(literal('['), space, one, space, most > 1 ? more : nothing, literal(']'))
  const calls = sequence(marker(open), list, marker(close))
  const start =
    words === undefined
      ? calls
      : words === 'free'
        ? sequence(add(textWithout(open)), optional(calls))
        : choice(add(words), calls)
  return { start, rules, controls }
}

function text(key: string, value: Expression): Expression {
  return member(literal(JSON.stringify(key)), value)
}
