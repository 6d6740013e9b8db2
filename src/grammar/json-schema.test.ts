import { Ajv2020 } from 'ajv/dist/2020.js'
import { fullFormats } from 'ajv-formats/dist/formats.js'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PocketPhiError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { Automaton } from './automaton.ts'
import { jsonGrammar } from './json.ts'
import { jsonSchemaGrammar } from './json-schema.ts'
import { randomText } from './random-text-harness.ts'

type SchemaObject = Readonly<Record<string, unknown>>

function automatonOf(schema: unknown): Automaton {
  return new Automaton(jsonSchemaGrammar(schema))
}

function takes(automaton: Automaton, text: string): boolean {
  return automaton.accepts(new TextEncoder().encode(text))
}

/** Texts of a schema's grammar, judged by a validator that knows nothing of it. */
function expectValid(schema: SchemaObject, seeds: number): void {
  const validate = new Ajv2020({ strict: false, ownProperties: true, formats: fullFormats }).compile(schema)
  const automaton = automatonOf(schema)
  for (let seed = 1; seed <= seeds; seed++) {
    const text = randomText(automaton, new Random(seed), 60)
    expect(validate(JSON.parse(text)), `${text} by ${JSON.stringify(schema)}`).toBe(true)
  }
}

function errorOf(schema: unknown): PocketPhiError {
  try {
    automatonOf(schema)
  } catch (error) {
    if (error instanceof PocketPhiError) return error
    throw error
  }
  throw new Error('no error')
}

const tree = {
  $ref: '#/$defs/node',
  $defs: {
    node: {
      type: 'object',
      properties: { value: { type: 'integer' }, children: { type: 'array', items: { $ref: '#/$defs/node' } } },
      required: ['value'],
      additionalProperties: false,
    },
  },
}

const schemas: readonly SchemaObject[] = [
  { type: 'object', properties: { a: { type: 'string' }, b: { type: 'integer' } }, required: ['b'] },
  { type: 'object', properties: { a: {}, b: {}, c: {} }, additionalProperties: false },
  { type: 'object', properties: { ab: { type: 'null' } }, additionalProperties: { type: 'boolean' } },
  { type: 'object', additionalProperties: { type: 'array', items: { type: 'null' }, maxItems: 2 } },
  { required: ['x', 'y'], type: 'object' },
  { type: 'array', items: { enum: ['a', 1, null, { b: [2] }] }, minItems: 2, maxItems: 5 },
  { type: 'array', prefixItems: [{ type: 'string' }, { type: 'boolean' }], minItems: 1, items: false },
  { type: 'array', prefixItems: [{ type: 'null' }], items: { type: 'integer' }, minItems: 3, maxItems: 4 },
  { type: 'array', prefixItems: [{ type: 'null' }, { type: 'null' }], maxItems: 1 },
  { type: 'string', minLength: 2, maxLength: 4 },
  { type: 'string', pattern: '^[A-Z]{2}"?\\d$' },
  { type: 'string', pattern: 'b\\\\?c' },
  ...['date', 'time', 'date-time', 'uuid', 'ipv4', 'email', 'hostname'].map((format) => ({ type: 'string', format })),
  { type: 'integer', minimum: -12, maximum: 105 },
  { type: 'integer', exclusiveMinimum: 99, exclusiveMaximum: 101 },
  { type: 'integer', maximum: -1000 },
  { type: 'number', minimum: -2.5, exclusiveMaximum: 3 },
  { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 },
  { type: ['string', 'null', 'number'] },
  { anyOf: [{ type: 'integer' }, { type: 'string', maxLength: 1 }] },
  { type: 'object', properties: { a: { type: 'integer' } }, anyOf: [{ required: ['a'] }, { minLength: 2 }] },
  { oneOf: [{ type: 'integer' }, { type: 'string' }] },
  {
    oneOf: ['cat', 'dog'].map((kind) => ({
      type: 'object',
      properties: { kind: { const: kind }, age: { type: 'integer', minimum: 0 } },
      required: ['kind'],
    })),
  },
  {
    allOf: [
      { type: 'object', properties: { a: { type: 'integer' } } },
      { required: ['a'], properties: { b: {} } },
    ],
  },
  {
    allOf: [
      { type: 'number', minimum: 3 },
      { type: 'integer', maximum: 9 },
    ],
  },
  { const: { nested: ['text', 1.5, { deep: true }] } },
  tree,
]

describe('JSON schemas', () => {
  it.each(schemas.map((schema) => [JSON.stringify(schema).slice(0, 100), schema] as const))(
    'what is drawn is valid: %s',
    (_, schema) => expectValid(schema, 25),
  )

  it('what is drawn is valid by schemas that are drawn too', () => {
    const leaf = fc.oneof(
      fc.constant<SchemaObject>({ type: 'boolean' }),
      fc.record({
        type: fc.constant('integer'),
        minimum: fc.integer({ min: -500, max: 20 }),
        maximum: fc.integer({ min: 21, max: 9999 }),
      }),
      fc.record({ type: fc.constant('string'), minLength: fc.nat(2), maxLength: fc.integer({ min: 2, max: 5 }) }),
      fc.record({
        enum: fc.uniqueArray(fc.jsonValue({ maxDepth: 1 }), {
          minLength: 1,
          maxLength: 3,
          selector: (value) => JSON.stringify(value),
        }),
      }),
    )
    const { schema } = fc.letrec<{ schema: SchemaObject }>((tie) => ({
      schema: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        leaf,
        fc.record({
          type: fc.constant('array'),
          items: tie('schema'),
          minItems: fc.nat(2),
          maxItems: fc.integer({ min: 2, max: 3 }),
        }),
        fc
          .tuple(
            fc.dictionary(fc.constantFrom('a', 'b', 'ab', 'c"', '\u{e9}'), tie('schema')),
            fc.boolean(),
            fc.boolean(),
          )
          .map(([properties, isRequired, isClosed]) => ({
            type: 'object',
            properties,
            required: isRequired ? Object.keys(properties) : [],
            ...(isClosed ? { additionalProperties: false } : {}),
          })),
        fc.tuple(tie('schema'), tie('schema')).map((anyOf) => ({ anyOf })),
      ),
    }))
    fc.assert(
      fc.property(schema, (drawn) => expectValid(drawn, 3)),
      { numRuns: 60 },
    )
  })

  it('takes values as they are usually written', () => {
    const automaton = automatonOf(schemas[0])
    const value = { a: 'x "quoted" \u{1f600}', b: -12 }
    for (const indent of [undefined, 2, '\t']) expect(takes(automaton, JSON.stringify(value, null, indent))).toBe(true)
    expect(takes(automaton, '{"a": "\\u00e9\\ud83d\\ude00\\/", "b":0}')).toBe(true)
    for (const bad of [
      '{"a":"x"}',
      '{"b":1,"a":"x"}',
      '{"b":01}',
      '{"b":1.5}',
      '{"b":1,}',
      '{"a":"\n","b":1}',
      '{"b":1} ',
    ]) {
      expect(takes(automaton, bad), bad).toBe(false)
    }
  })

  it('additional names are none of those that are declared', () => {
    const automaton = automatonOf(schemas[2])
    expect(takes(automaton, '{"a":true,"abc":false,"b":true,"":true}')).toBe(true)
    expect(takes(automaton, '{"ab":true}')).toBe(false)
    expect(takes(automaton, '{"ab":null,"ab":true}')).toBe(false)
  })

  it('counts characters, not bytes or escapes', () => {
    const automaton = automatonOf({ type: 'string', minLength: 2, maxLength: 2 })
    for (const text of ['"\u{1f600}\u{1f600}"', '"\\ud83d\\ude00\\n"', '"ab"'])
      expect(takes(automaton, text)).toBe(true)
    for (const text of ['"a"', '"abc"', '"\\ud83d"']) expect(takes(automaton, text)).toBe(false)
  })

  it('any object of JSON, whatever is in it', () => {
    const automaton = new Automaton(jsonGrammar)
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(0, 2), (value, indent) => {
        // Numbers with more digits than are written here.
        const text = JSON.stringify(
          value,
          (_, inner: unknown) => (typeof inner === 'number' ? Math.trunc(inner) % 1e9 : inner),
          indent,
        )
        expect(takes(automaton, text)).toBe(true)
      }),
      { numRuns: 100 },
    )
  })

  it.each([
    [{ not: {} }, 'the keyword "not"'],
    [{ type: 'object', patternProperties: {} }, 'the keyword "patternProperties"'],
    [{ type: 'array', uniqueItems: true }, 'the keyword "uniqueItems"'],
    [{ type: 'number', multipleOf: 0.5 }, 'the keyword "multipleOf"'],
    [{ oneOf: [{ type: 'integer' }, { type: 'number' }] }, 'the keyword "oneOf" with alternatives that may overlap'],
    [{ oneOf: [{ minLength: 2 }, { maxLength: 4 }] }, 'the keyword "oneOf" with alternatives that may overlap'],
    [{ type: 'string', format: 'iri' }, 'the format "iri"'],
    [{ $ref: 'https://example.org/schema' }, 'the reference https://example.org/schema'],
    [{ type: 'string', pattern: 'a(?=b)' }, 'a pattern that looks around'],
    [
      { allOf: [{ properties: { a: {} }, additionalProperties: false }, { properties: { b: {} } }] },
      '"additionalProperties" beside "properties" of another schema',
    ],
  ])('refuses by name: %j', (schema, found) => {
    expect(errorOf(schema)).toMatchObject({ code: 'not-supported', found })
  })

  it.each([
    [3],
    [{ type: 'text' }],
    [{ type: 'object', required: 'a' }],
    [{ anyOf: [] }],
    [{ minLength: -1 }],
    [{ $ref: '#/$defs/none' }],
    [{ items: 4 }],
  ])('is no schema: %j', (schema) => expect(errorOf(schema).code).toBe('invalid-argument'))

  it('refuses references that lead nowhere but to themselves, and depth without end', () => {
    expect(errorOf({ $ref: '#' }).code).toBe('invalid-argument')
    expect(
      errorOf({ anyOf: [{ $ref: '#/$defs/a' }], $defs: { a: { anyOf: [{ $ref: '#/$defs/a' }, { type: 'null' }] } } })
        .code,
    ).toBe('invalid-argument')
    let deep: SchemaObject = {}
    for (let depth = 0; depth < 5000; depth++) deep = { items: deep }
    expect(errorOf(deep).code).toBe('not-supported')
  })

  it('a schema without a value has no text', () => {
    for (const schema of [false, { type: 'object', properties: { a: false }, required: ['a'] }, { enum: [] }]) {
      const { start } = automatonOf(schema)
      expect(start.waiting.length === 0 && !start.isComplete).toBe(true)
    }
  })
})
