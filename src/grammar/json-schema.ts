/**
 * JSON schemas as grammars: every text that fits is JSON that is valid by the schema. Not the other way round: members of an object come in
 * the order in which the schema names them, and where it does not say that there may be others there are none; without a
 * type values are of those types that its keywords are about; numbers have at most 15 digits on each side of the point.
 */
import { complement, codePoints, intersection, type CodePoints } from './code-points.ts'
import {
  call,
  choice,
  literal,
  nothing,
  optional,
  repeat,
  sequence,
  unsupported,
  type Expression,
  type Grammar,
} from './expression.ts'
import { formatText } from './formats.ts'
import {
  anyArray,
  anyObject,
  anyString,
  anyValue,
  countedCharacter,
  inString,
  jsonRules,
  member,
  quoted,
  space,
} from './json.ts'
import { anyInteger, anyNumber, integersWithin, numbersWithin, type NumberLimits } from './numbers.ts'
import { regexParts, unanchored } from './regex.ts'
import {
  asSchema,
  assertions,
  invalid,
  isOfTypes,
  isSameJson,
  merge,
  typeOfValue,
  types,
  typesOf,
  type Json,
  type Schema,
  type SchemaObject,
  type TypeName,
} from './schema.ts'

/** Schemas within schemas. */
const deepest = 100

/**
 * @param schema of draft 2020-12; references may point within it
 * @param owner what the names of its rules and places begin with, where a grammar has several schemas
 * @throws PocketPhiError `invalid-argument` for what is no schema; `not-supported` naming a keyword that cannot be held to, and where
 */
export function jsonSchemaGrammar(schema: unknown, owner = ''): Grammar {
  const compiler = new Compiler(schema, owner)
  const place = `${owner}#`
  return { start: compiler.value(asSchema(schema, place), place, 0), rules: compiler.rules }
}

class Compiler {
  readonly rules = new Map(jsonRules)
  readonly #root: unknown
  readonly #owner: string
  #ruleCount = 0

  constructor(root: unknown, owner: string) {
    this.#root = root
    this.#owner = owner
  }

  value(schema: Schema, place: string, depth: number): Expression {
    if (depth > deepest) throw unsupported(`more than ${deepest} schemas within each other`, place, 'Use references.')
    if (schema === true) return anyValue
    if (schema === false) return choice()
    if (schema['$ref'] !== undefined) return this.#reference(schema, place, depth)
    for (const keyword of ['allOf', 'anyOf', 'oneOf'] as const) {
      if (schema[keyword] !== undefined) return this.#combination(keyword, schema, place, depth)
    }
    const allowed = typesOf(schema, place)
    const values = listed(schema, place)
    if (values !== undefined) {
      const fitting = values.filter((value) => allowed === undefined || isOfTypes(value, allowed))
      return choice(...fitting.map((value) => literal(JSON.stringify(value))))
    }
    if (allowed === undefined) return anyValue
    const wanted = allowed.includes('number') ? allowed.filter((type) => type !== 'integer') : allowed
    return choice(...wanted.map((type) => this.#ofType(type, schema, place, depth)))
  }

  /** A rule of its own for an expression that is needed in several places. */
  #shared(expression: Expression): Expression {
    const name = `${this.#owner}shared ${this.#ruleCount++}`
    this.rules.set(name, expression)
    return call(name)
  }

  #reference(schema: SchemaObject, place: string, depth: number): Expression {
    const target = schema['$ref']
    if (typeof target !== 'string') throw invalid('a text', target, `${place}/$ref`)
    const others = assertions(schema).filter((keyword) => keyword !== '$ref')
    if (others.length > 0) {
      throw unsupported(`"${others[0] as string}" beside a reference`, place, 'Put it into what is referred to.')
    }
    const name = `${this.#owner}reference ${target}`
    if (!this.rules.has(name)) {
      // Before what it refers to is known: that may refer to itself.
      this.rules.set(name, choice())
      this.rules.set(name, this.value(asSchema(this.#find(target, place), target), target, depth + 1))
    }
    return call(name)
  }

  #find(target: string, place: string): unknown {
    if (target !== '#' && !target.startsWith('#/')) {
      throw unsupported(`the reference ${target}`, place, 'Refer to a place within the schema: #/$defs/NAME.')
    }
    const names = target.split('/').slice(1)
    const steps = names.map((name) => decodeURIComponent(name).replaceAll('~1', '/').replaceAll('~0', '~'))
    let found = this.#root
    for (const step of steps) {
      if (typeof found !== 'object' || found === null || !Object.hasOwn(found, step)) {
        throw invalid('a place within the schema', target, `${place}/$ref`)
      }
      found = (found as Readonly<Record<string, unknown>>)[step]
    }
    return found
  }

  #combination(keyword: 'allOf' | 'anyOf' | 'oneOf', schema: SchemaObject, place: string, depth: number): Expression {
    const list = schema[keyword]
    if (!Array.isArray(list) || list.length === 0) throw invalid('a list of schemas', list, `${place}/${keyword}`)
    const { [keyword]: _, ...rest } = schema
    const options = list.map((option: unknown, index) => asSchema(option, `${place}/${keyword}/${index}`))
    const hasMore = assertions(rest).length > 0
    if (keyword === 'allOf') {
      const all = options.reduce((both, option) => merge(both, this.#resolved(option, place), place), rest as Schema)
      return this.value(all, place, depth + 1)
    }
    const resolved = hasMore || keyword === 'oneOf' ? options.map((option) => this.#resolved(option, place)) : options
    if (keyword === 'oneOf') checkApart(resolved, place)
    const whole = hasMore ? resolved.map((option) => merge(rest, option, place)) : options
    return choice(...whole.map((option, index) => this.value(option, `${place}/${keyword}/${index}`, depth + 1)))
  }

  /** What a schema that is nothing but references stands for. */
  #resolved(schema: Schema, place: string, steps = 0): Schema {
    if (typeof schema === 'boolean' || typeof schema['$ref'] !== 'string') return schema
    if (assertions(schema).length > 1 || steps > deepest) return schema
    const target = schema['$ref']
    return this.#resolved(asSchema(this.#find(target, place), target), place, steps + 1)
  }

  #ofType(type: TypeName, schema: SchemaObject, place: string, depth: number): Expression {
    switch (type) {
      case 'null':
        return literal('null')
      case 'boolean':
        return choice(literal('true'), literal('false'))
      case 'integer':
      case 'number':
        return numberText(type, schema, place)
      case 'string':
        return stringText(schema, place)
      case 'array':
        return this.#array(schema, place, depth)
      case 'object':
        return this.#object(schema, place, depth)
    }
  }

  #array(schema: SchemaObject, place: string, depth: number): Expression {
    if (schema['uniqueItems'] === true) throw unsupported('the keyword "uniqueItems"', place, 'Leave it out.')
    const [least, most] = counts(schema, 'minItems', 'maxItems', place)
    const items = schema['items']
    // Before draft 2020-12 a list of items was what `prefixItems` are.
    const isPrefix = Array.isArray(items)
    const prefix = isPrefix ? items : (schema['prefixItems'] ?? [])
    if (!Array.isArray(prefix)) throw invalid('a list of schemas', prefix, `${place}/prefixItems`)
    const hasRest = prefix.length === 0 || (!isPrefix && items !== undefined)
    const rest = hasRest && !isPrefix ? asSchema(items ?? true, `${place}/items`) : prefix.length < least
    if (least === 0 && most === Infinity && prefix.length === 0 && rest === true) return anyArray
    const values = prefix.map((item: Json, index) =>
      this.value(asSchema(item, `${place}/prefixItems/${index}`), `${place}/prefixItems/${index}`, depth + 1),
    )
    const comma = (index: number): Expression => (index === 0 ? nothing : sequence(literal(','), space))
    const from = values.length
    let content: Expression = nothing
    if (rest !== false && most > from) {
      const value = this.#shared(this.value(rest, `${place}/items`, depth + 1))
      const following = (fewest: number, count: number): Expression =>
        repeat(sequence(literal(','), space, value, space), Math.max(0, fewest), count)
      const others = sequence(comma(from), value, space, following(least - from - 1, most - from - 1))
      content = least > from ? others : optional(others)
    } else if (least > from) return choice()
    for (let index = Math.min(from, most) - 1; index >= 0; index--) {
      const item = sequence(comma(index), values[index] ?? nothing, space, content)
      content = index < least ? item : optional(item)
    }
    return sequence(literal('['), space, content, literal(']'))
  }

  #object(schema: SchemaObject, place: string, depth: number): Expression {
    const required = schema['required'] ?? []
    if (!Array.isArray(required) || required.some((name) => typeof name !== 'string')) {
      throw invalid('a list of names', required, `${place}/required`)
    }
    const properties = schema['properties'] ?? {}
    if (typeof properties !== 'object' || properties === null || Array.isArray(properties)) {
      throw invalid('an object of schemas', properties, `${place}/properties`)
    }
    const given = schema['additionalProperties']
    const isDeclared = Object.keys(properties).length > 0
    const additional = asSchema(given ?? !isDeclared, `${place}/additionalProperties`)
    if (!isDeclared && required.length === 0 && additional === true) return anyObject
    const names = [...new Set([...Object.keys(properties), ...(required as readonly string[])])]
    const schemas = names.map((name) => {
      const own = Object.hasOwn(properties, name) ? (properties as SchemaObject)[name] : (given ?? true)
      return asSchema(own, `${place}/properties/${name}`)
    })
    const members = names.flatMap((name, index) => {
      const own = schemas[index] as Schema
      const isRequired = required.includes(name)
      if (own === false && !isRequired) return []
      const value = this.value(own, `${place}/properties/${name}`, depth + 1)
      return [{ text: this.#shared(member(literal(JSON.stringify(name)), value)), isRequired }]
    })
    const others =
      additional === false
        ? choice()
        : this.#shared(member(keyOtherThan(names), this.value(additional, `${place}/additionalProperties`, depth + 1)))
    return this.#members(members, others, additional !== false)
  }

  /** Members in order, of which some may be missing, then others. */
  #members(
    members: readonly { readonly text: Expression; readonly isRequired: boolean }[],
    others: Expression,
    hasOthers: boolean,
  ): Expression {
    const comma = sequence(literal(','), space)
    const more = repeat(sequence(comma, others, space), 0)
    // What follows a member that was written, and what follows where none was yet.
    let after: Expression = hasOthers ? more : nothing
    let before: Expression = hasOthers ? optional(sequence(others, space, more)) : nothing
    for (const { text, isRequired } of members.toReversed()) {
      const rest = this.#shared(after)
      const first = sequence(text, space, rest)
      before = isRequired ? first : choice(first, before)
      after = isRequired ? sequence(comma, text, space, rest) : choice(sequence(comma, text, space, rest), rest)
    }
    return sequence(literal('{'), space, before, literal('}'))
  }
}

/** The values that `enum` and `const` leave. */
function listed(schema: SchemaObject, place: string): readonly Json[] | undefined {
  const { enum: list, const: single } = schema
  if (list === undefined && single === undefined) return undefined
  if (list !== undefined && !Array.isArray(list)) throw invalid('a list of values', list, `${place}/enum`)
  const others = assertions(schema).filter((keyword) => !['enum', 'const', 'type'].includes(keyword))
  if (others.length > 0) {
    throw unsupported(`"${others[0] as string}" beside listed values`, place, 'List the values that are meant.')
  }
  const values = (list as readonly Json[] | undefined) ?? [single as Json]
  return single === undefined ? values : values.filter((value) => isSameJson(value, single))
}

function integerAt(schema: SchemaObject, keyword: string, place: string): number | undefined {
  const value = schema[keyword]
  if (value === undefined || (typeof value === 'number' && Number.isInteger(value) && value >= 0)) return value
  throw invalid('an integer of at least 0', value, `${place}/${keyword}`)
}

function counts(schema: SchemaObject, least: string, most: string, place: string): readonly [number, number] {
  return [integerAt(schema, least, place) ?? 0, integerAt(schema, most, place) ?? Infinity]
}

function numberAt(schema: SchemaObject, keyword: string, place: string): number | undefined {
  const value = schema[keyword]
  if (value === undefined || typeof value === 'number') return value
  throw invalid('a number', value, `${place}/${keyword}`)
}

function numberText(type: 'integer' | 'number', schema: SchemaObject, place: string): Expression {
  const step = numberAt(schema, 'multipleOf', place)
  if (step !== undefined && !(step === 1 && type === 'integer')) {
    throw unsupported('the keyword "multipleOf"', place, 'Leave it out, or list the values.')
  }
  const at = (keyword: string): number | undefined => numberAt(schema, keyword, place)
  const [minimum, above] = [at('minimum') ?? -Infinity, at('exclusiveMinimum') ?? -Infinity]
  const [maximum, below] = [at('maximum') ?? Infinity, at('exclusiveMaximum') ?? Infinity]
  const limits: NumberLimits = {
    least: Math.max(minimum, above),
    isLeastExcluded: above >= minimum && above !== -Infinity,
    most: Math.min(maximum, below),
    isMostExcluded: below <= maximum && below !== Infinity,
  }
  const isFree = limits.least === -Infinity && limits.most === Infinity
  if (type === 'integer') return isFree ? anyInteger : integersWithin(limits, place)
  return isFree ? anyNumber : numbersWithin(limits, place)
}

function stringText(schema: SchemaObject, place: string): Expression {
  const { pattern, format } = schema
  const hasLength = schema['minLength'] !== undefined || schema['maxLength'] !== undefined
  const said = [pattern !== undefined, format !== undefined, hasLength].filter(Boolean).length
  if (said > 1) throw unsupported('a pattern, a format or a length together', place, 'Say it in one pattern.')
  if (pattern !== undefined) {
    if (typeof pattern !== 'string') throw invalid('a regular expression', pattern, `${place}/pattern`)
    return quoted(unanchored(regexParts(pattern, inString), inString))
  }
  if (format !== undefined) {
    if (typeof format !== 'string') throw invalid('a name', format, `${place}/format`)
    return quoted(formatText(format, place))
  }
  if (!hasLength) return anyString
  const [least, most] = counts(schema, 'minLength', 'maxLength', place)
  if (least > most) return choice()
  return quoted(repeat(countedCharacter, least, most))
}

/** Characters that stand in a string as they are. */
const plain = complement(
  codePoints([
    [0, 0x1f],
    [0x22, 0x22],
    [0x5c, 0x5c],
  ]),
)

/** A name in quotes, without escapes, that is none of these. */
function keyOtherThan(names: readonly string[]): Expression {
  const rest = repeat(inString(plain), 0)
  const otherThan = (suffixes: readonly (readonly string[])[]): Expression => {
    const firsts = [...new Set(suffixes.flatMap(([first]) => first ?? []))]
    const isName = suffixes.some((suffix) => suffix.length === 0)
    const taken: CodePoints = codePoints(
      firsts.map((first) => [first.codePointAt(0) as number, first.codePointAt(0) as number]),
    )
    const others = sequence(inString(intersection(plain, complement(taken))), rest)
    const onward = firsts
      .filter(
        (first) =>
          intersection(plain, codePoints([[first.codePointAt(0) as number, first.codePointAt(0) as number]])).length >
          0,
      )
      .map((first) =>
        sequence(literal(first), otherThan(suffixes.filter(([own]) => own === first).map((suffix) => suffix.slice(1)))),
      )
    return choice(others, ...onward, ...(isName ? [] : [nothing]))
  }
  return quoted(names.length === 0 ? rest : otherThan(names.map((name) => [...name])))
}

/** Refuses alternatives of which a value might fit two. */
function checkApart(options: readonly Schema[], place: string): void {
  for (const [index, option] of options.entries()) {
    for (const other of options.slice(index + 1)) {
      if (areApart(option, other, place)) continue
      throw unsupported(
        'the keyword "oneOf" with alternatives that may overlap',
        place,
        'Use anyOf, or give the alternatives different types or a required property with different constants.',
      )
    }
  }
}

function areApart(left: Schema, right: Schema, place: string): boolean {
  if (left === false || right === false) return true
  if (left === true || right === true) return false
  const [mine, others] = [listed(only(left, ['enum', 'const']), place), listed(only(right, ['enum', 'const']), place)]
  if (mine !== undefined && others !== undefined) {
    return !mine.some((value) => others.some((other) => isSameJson(value, other)))
  }
  const [own, foreign] = [possibleTypes(left, place), possibleTypes(right, place)]
  if (!own.some((type) => foreign.includes(type))) return true
  const [properties, otherProperties] = [left['properties'] ?? {}, right['properties'] ?? {}]
  const both = [own, foreign].every((list) => list.length === 1 && list[0] === 'object')
  return (
    both &&
    requiredNames(left).some((name) => {
      const [one, two] = [(properties as SchemaObject)[name], (otherProperties as SchemaObject)[name]]
      if (!requiredNames(right).includes(name) || one === undefined || two === undefined) return false
      return areApart(asSchema(one, place), asSchema(two, place), place)
    })
  )
}

function requiredNames(schema: SchemaObject): readonly string[] {
  const names = schema['required']
  return Array.isArray(names) ? (names as readonly string[]) : []
}

function only(schema: SchemaObject, keywords: readonly string[]): SchemaObject {
  return Object.fromEntries(Object.entries(schema).filter(([keyword]) => keywords.includes(keyword)))
}

/** What values may be by a schema, in the sense of the specification: a keyword about one type allows all others. Integers count as numbers. */
function possibleTypes(schema: SchemaObject, place: string): readonly TypeName[] {
  const values = listed(only(schema, ['enum', 'const']), place)
  const named = schema['type'] === undefined ? undefined : typesOf(schema, place)
  const possible = values?.map(typeOfValue) ?? named ?? types
  return [...new Set(possible.map((type) => (type === 'integer' ? 'number' : type)))]
}
