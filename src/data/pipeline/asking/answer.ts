/** Answers of models in JSON: taken, or not and why. */
import { z } from 'zod'

/** An answer that was not taken. */
export interface Rejected<Reason extends string = string> {
  /** The same few words for all of a kind: "cut off", "not readable". */
  readonly rejected: Reason
  readonly detail: string
}

/** Of answers without JSON, those that decline rather than ramble. */
const declining = /\b(?:sorry|unable to|can ?not|can['’]t|won['’]t|decline|not (?:able|allowed|comfortable))\b/i

/** The object in an answer, also where a model puts it into a fence or a sentence. */
function objectIn(answer: string): unknown {
  try {
    return JSON.parse(answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1))
  } catch {
    return undefined
  }
}

/** The object that an answer is to be, as a schema has it. */
export function readObject<Schema extends z.ZodType>(
  schema: Schema,
  answer: string,
): { readonly fields: z.infer<Schema> } | Rejected<'refused' | 'not readable'> {
  const value = objectIn(answer)
  if (value === undefined && declining.test(answer)) return { rejected: 'refused', detail: answer }
  const { data, error } = schema.safeParse(value)
  if (error === undefined) return { fields: data }
  const problem = error.issues.map(({ path, message }) => `${path.join('.') || 'answer'}: ${message}`).join('; ')
  return { rejected: 'not readable', detail: `${problem}: ${answer}` }
}

/** The same schema for servers that hold answers to one. */
export function jsonSchemaOf(schema: z.ZodType): object {
  const { $schema: _, ...plain } = z.toJSONSchema(schema)
  return plain
}
