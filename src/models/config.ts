import { describe, quoted } from '../base/describe.ts'
import { PocketPhiError } from '../base/errors.ts'

/**
 * Reads the fields of a published config.json. Every field that is read is remembered, so that at the end those that
 * nobody asked for can be named: a field that we do not know may change what the model computes.
 */
export class ConfigReader {
  readonly #json: Readonly<Record<string, unknown>>
  readonly #path: string
  readonly #known = new Set<string>()

  constructor(json: unknown, path = '') {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      throw new PocketPhiError(
        'invalid-config',
        `${path === '' ? 'The configuration' : `"${path}"`} is not an object.`,
        {
          found: describe(json),
        },
      )
    }
    this.#json = json as Record<string, unknown>
    this.#path = path
  }

  #name(field: string): string {
    return this.#path === '' ? field : `${this.#path}.${field}`
  }

  /** Whether the field is there, be it null. */
  has(field: string): boolean {
    return field in this.#json
  }

  /** Throws `invalid-config` naming the field. */
  fail(field: string, expected: string): never {
    throw new PocketPhiError('invalid-config', `The field "${this.#name(field)}" cannot be used.`, {
      expected,
      found: this.#json[field] === undefined ? 'no such field' : describe(this.#json[field]),
    })
  }

  #value(field: string): unknown {
    this.#known.add(field)
    const value = this.#json[field]
    return value === null ? undefined : value
  }

  /** A positive integer up to `most`. Throws when it is missing and there is no fallback. */
  extent(field: string, fallback?: number, most = 2 ** 31): number {
    const value = this.#value(field) ?? fallback
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value <= 0 || value > most) {
      this.fail(field, `a positive integer up to ${most}`)
    }
    return value
  }

  optionalExtent(field: string): number | undefined {
    return this.#value(field) === undefined ? undefined : this.extent(field)
  }

  /** A positive finite number. */
  positive(field: string, fallback?: number): number {
    const value = this.#value(field) ?? fallback
    if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) this.fail(field, 'a positive number')
    return value
  }

  optionalPositive(field: string): number | undefined {
    return this.#value(field) === undefined ? undefined : this.positive(field)
  }

  boolean(field: string, fallback: boolean): boolean {
    const value = this.#value(field) ?? fallback
    if (typeof value !== 'boolean') this.fail(field, 'true or false')
    return value
  }

  numbers(field: string): number[] {
    const value = this.#value(field)
    if (!Array.isArray(value) || !value.every((item) => typeof item === 'number')) this.fail(field, 'a list of numbers')
    return value
  }

  /** One or several token ids, as `eos_token_id` may be. */
  tokenIds(field: string): number[] {
    const value = this.#value(field)
    const list = value === undefined ? [] : Array.isArray(value) ? value : [value]
    if (!list.every((id) => typeof id === 'number' && Number.isSafeInteger(id) && id >= 0)) {
      this.fail(field, 'a token id or a list of them')
    }
    return list as number[]
  }

  oneOf<T extends string>(field: string, allowed: readonly T[], fallback?: T): T {
    const value = this.#value(field) ?? fallback
    const match = allowed.find((candidate) => candidate === value)
    return match ?? this.fail(field, allowed.map((name) => `"${name}"`).join(' or '))
  }

  object(field: string): ConfigReader | undefined {
    const value = this.#value(field)
    return value === undefined ? undefined : new ConfigReader(value, this.#name(field))
  }

  /** Fields that are there for other programs and change nothing here. */
  ignore(...fields: readonly string[]): void {
    for (const field of fields) this.#known.add(field)
  }

  /** Fields that would change the computation if they had another value than this. */
  expectOnly(expected: Readonly<Record<string, boolean | number | string>>): void {
    for (const [field, value] of Object.entries(expected)) {
      const found = this.#value(field)
      if (found !== undefined && found !== value)
        this.fail(field, `${JSON.stringify(value)}: nothing else is supported`)
    }
  }

  /** Throws `invalid-config` naming every field that was not asked for. */
  refuseUnknown(): void {
    const unknown = Object.keys(this.#json).filter((field) => !this.#known.has(field))
    if (unknown.length > 0) {
      const shown = unknown.slice(0, 10).map((field) => quoted(this.#name(field)))
      throw new PocketPhiError('invalid-config', `The configuration has fields that this model does not know.`, {
        found: `${shown.join(', ')}${unknown.length > shown.length ? ` and ${unknown.length - shown.length} more` : ''}`,
        remedy: 'If they change nothing in the computation, remove them; if they do, the model needs them built.',
      })
    }
  }
}
