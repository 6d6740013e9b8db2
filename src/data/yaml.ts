/** Recipes and plans as YAML, checked field by field. */
import { parse } from 'yaml'
import { z } from 'zod'
import { PocketPhiError } from '../base/errors.ts'

/** What a folder can be named after. */
export const nameSchema = z.string().regex(/^[a-z0-9][a-z0-9.-]*$/, 'lower-case letters, digits, dots and dashes')

/** @throws PocketPhiError `invalid-config` */
export function parseYaml(text: string, file: string): unknown {
  try {
    return parse(text)
  } catch (cause) {
    throw new PocketPhiError('invalid-config', `"${file}" is not valid YAML.`, { cause, found: String(cause) })
  }
}

/**
 * What a schema makes of fields that were read.
 *
 * @param what the fields should be, for errors
 * @throws PocketPhiError `invalid-config` naming each field that does not fit
 */
export function checkedFields<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  file: string,
  what: string,
): z.infer<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const problems = result.error.issues.map((issue) => `${issue.path.join('.') || what}: ${issue.message}`)
  throw new PocketPhiError('invalid-config', `"${file}" is not a ${what}.`, { found: problems.join('; ') })
}
