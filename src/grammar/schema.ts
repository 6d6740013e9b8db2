/** JSON Schema (draft 2020-12) as it is read: what is in a schema, and two schemas as one. */
import { PocketPhiError } from '../base/errors.ts'
import { unsupported } from './expression.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }
export type SchemaObject = { readonly [keyword: string]: Json }
export type Schema = boolean | SchemaObject

export const types = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] as const
export type TypeName = (typeof types)[number]

/** Keywords that change nothing about which values are valid. */
const annotations = [
  ...['title', 'description', 'default', 'examples', 'deprecated', 'readOnly', 'writeOnly', '$comment'],
  ...['$schema', '$id', '$defs', 'definitions', 'contentMediaType', 'contentEncoding', 'contentSchema'],
]

/** The keywords that say something about values of a type. */
const keywordsOf: Readonly<Partial<Record<TypeName, readonly string[]>>> = {
  object: ['properties', 'required', 'additionalProperties'],
  array: ['prefixItems', 'items', 'minItems', 'maxItems'],
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
}

const known = new Set([
  ...[...annotations, 'type', 'enum', 'const', '$ref', 'anyOf', 'oneOf', 'allOf', 'uniqueItems'],
  ...Object.values(keywordsOf).flat(),
])

/** @throws PocketPhiError `invalid-argument` for what is no schema; `not-supported` naming a keyword that cannot be held to */
export function asSchema(value: unknown, place: string): Schema {
  if (typeof value === 'boolean') return value
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('an object or a boolean', value, place)
  for (const keyword of Object.keys(value)) {
    if (known.has(keyword)) continue
    throw unsupported(`the keyword "${keyword}"`, place, `Leave it out. Known are: ${[...known].join(', ')}.`)
  }
  return value as SchemaObject
}

export function invalid(expected: string, found: unknown, place: string): PocketPhiError {
  return new PocketPhiError('invalid-argument', `The JSON schema is not valid: ${place}.`, {
    expected,
    found: (JSON.stringify(found) ?? String(found)).slice(0, 200),
  })
}

/** The keywords of a schema that say something about which values are valid. */
export function assertions(schema: SchemaObject): readonly string[] {
  return Object.keys(schema).filter((keyword) => !annotations.includes(keyword))
}

/**
 * The types that a schema allows; those that its keywords are about where it names none, and undefined where nothing is said.
 */
export function typesOf(schema: SchemaObject, place: string): readonly TypeName[] | undefined {
  const { type } = schema
  if (type === undefined) {
    const meant = types.filter((name) => keywordsOf[name]?.some((keyword) => schema[keyword] !== undefined))
    return meant.length === 0 ? undefined : meant
  }
  const named = Array.isArray(type) ? type : [type]
  const unknown = named.find((name) => !types.includes(name as TypeName))
  if (unknown !== undefined || named.length === 0) throw invalid(`types: ${types.join(', ')}`, type, `${place}/type`)
  return [...new Set(named as readonly TypeName[])]
}

export function typeOfValue(value: Json): TypeName {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value as TypeName
}

/** Whether a value is of one of the types; integers are numbers. */
export function isOfTypes(value: Json, allowed: readonly TypeName[]): boolean {
  const type = typeOfValue(value)
  return allowed.includes(type) || (type === 'integer' && allowed.includes('number'))
}

export function isSameJson(left: Json, right: Json): boolean {
  return canonical(left) === canonical(right)
}

function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`)
  return `{${members.sort().join(',')}}`
}

/** How a keyword that both schemas have is said once; others are refused unless they are the same. */
const joins: Readonly<Record<string, (left: Json, right: Json) => Json>> = {
  minimum: (left, right) => Math.max(left as number, right as number),
  exclusiveMinimum: (left, right) => Math.max(left as number, right as number),
  minLength: (left, right) => Math.max(left as number, right as number),
  minItems: (left, right) => Math.max(left as number, right as number),
  maximum: (left, right) => Math.min(left as number, right as number),
  exclusiveMaximum: (left, right) => Math.min(left as number, right as number),
  maxLength: (left, right) => Math.min(left as number, right as number),
  maxItems: (left, right) => Math.min(left as number, right as number),
  required: (left, right) => [...new Set([...(left as readonly Json[]), ...(right as readonly Json[])])],
}

/**
 * A schema whose values are valid by both.
 * @throws PocketPhiError `not-supported` where that cannot be said in one
 */
export function merge(left: Schema, right: Schema, place: string): Schema {
  if (left === false || right === false) return false
  if (left === true) return right
  if (right === true) return left
  const merged: Record<string, Json> = { ...left }
  for (const keyword of assertions(right)) {
    const [mine, other] = [left[keyword], right[keyword] as Json]
    if (mine === undefined) merged[keyword] = other
    else if (!isSameJson(mine, other)) merged[keyword] = joined(keyword, mine, other, place)
  }
  checkNeighbours(left, right, 'additionalProperties', 'properties', place)
  checkNeighbours(left, right, 'items', 'prefixItems', place)
  return merged
}

/** Refuses a keyword that is about what another does not name where that other comes from the other schema. */
function checkNeighbours(left: SchemaObject, right: SchemaObject, keyword: string, named: string, place: string): void {
  const isBound = (schema: SchemaObject, other: SchemaObject): boolean =>
    schema[keyword] !== undefined && schema[keyword] !== true && other[named] !== undefined
  if (!isBound(left, right) && !isBound(right, left)) return
  throw unsupported(`"${keyword}" beside "${named}" of another schema`, place, 'Write one schema.')
}

function joined(keyword: string, left: Json, right: Json, place: string): Json {
  if (keyword === 'properties') {
    const [mine, others] = [left as SchemaObject, right as SchemaObject]
    const both = Object.keys(others).map((name) => {
      const [one, two] = [mine[name], others[name] as Json]
      return [name, one === undefined ? two : merge(asSchema(one, place), asSchema(two, place), place)] as const
    })
    return { ...mine, ...Object.fromEntries(both) }
  }
  if (keyword === 'type') {
    const wanted = [left].flat() as readonly TypeName[]
    const common = ([right].flat() as readonly TypeName[]).flatMap((type): TypeName[] => {
      if (wanted.includes(type)) return [type]
      if (type === 'integer' && wanted.includes('number')) return ['integer']
      return type === 'number' && wanted.includes('integer') ? ['integer'] : []
    })
    if (common.length > 0) return common
  }
  const join = joins[keyword]
  if (join !== undefined) return join(left, right)
  throw unsupported(`two different values of "${keyword}" at once`, place, 'Write one schema.')
}
