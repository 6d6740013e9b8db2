import type { AnswerFormat } from '../grammar/constraint.ts'
import { quoted } from '../base/describe.ts'
import { RequestError } from './errors.ts'
import { checkDepth, invalid, isFields, optional, type Fields } from './fields.ts'

/**
 * Reads `response_format`: what an answer has to be; undefined for text. A schema is held to whether `strict` or not; one that
 * cannot be is refused when the answer is asked for.
 *
 * @throws RequestError naming the parameter
 */
export function readFormat(request: Fields): AnswerFormat | undefined {
  const format = optional(request, 'response_format', isFields, 'an object with a "type"')
  const type = format?.['type']
  switch (type) {
    case undefined:
    case 'text':
      return undefined
    case 'json_object':
      return { type: 'json' }
    case 'json_schema': {
      const given = format?.['json_schema']
      if (isFields(given) && given['schema'] !== undefined) {
        checkDepth(given['schema'], 'response_format.json_schema.schema')
        return { type: 'json-schema', schema: given['schema'] }
      }
      throw invalid('response_format.json_schema', 'an object with a "schema"', given)
    }
    default:
      throw new RequestError(
        'response_format.type',
        'unsupported_value',
        `The format ${quoted(String(type))} is not supported.`,
        { expected: 'text, json_object or json_schema' },
      )
  }
}
