/** A form of teaching material: how it is asked for, and what an answer has to be. */
import type { z } from 'zod'
import type { Turn } from '../../../conversations/turns.ts'
import { jsonSchemaOf, readObject, type Rejected } from '../../asking/answer.ts'
import { equationsIn } from '../arithmetic/equations.ts'
import { repeatedSequences } from '../../stages/repetition.ts'
import { hashesOf, wordsOf } from '../../stages/words.ts'

/** What was made of a good answer. */
export interface Draft {
  readonly title?: string
  /** All that it says. */
  readonly text: string
  /** As a conversation to tune on, where the form is one or can be told as one. */
  readonly messages?: readonly Turn[]
  /** What can be solved again without seeing how it was solved. */
  readonly exercise?: { readonly question: string; readonly answer: string }
}

/** Why a draft is of no use, beside what is wrong with answers to anything. */
export type DraftFault =
  | 'refused'
  | 'not readable'
  | 'damaged text'
  | 'too short'
  | 'incomplete'
  | 'roles out of turn'
  | 'repeats itself'
  | 'wrong arithmetic'

export interface Form {
  /** What is to be written, told to the model. */
  readonly task: string
  /** Ways to begin, one of which is asked for: what all texts would begin with otherwise is a model's habit. */
  readonly openings: readonly string[]
  /** An example of the object that an answer is to be. */
  readonly example: object
  readonly schema: object
  /** Whether its text is there to be read as it is, and not as a conversation alone. */
  readonly isProse: boolean
  readonly read: (answer: string) => Draft | Rejected<DraftFault>
}

/** A form as its file states it. */
interface FormParts<Schema extends z.ZodType> {
  readonly task: string
  readonly openings: readonly string[]
  readonly example: z.infer<Schema> & object
  readonly schema: Schema
  readonly isProse: boolean
  /** What is wrong with fields of this form, if anything is. */
  readonly faultOf: (fields: z.infer<Schema>) => Rejected<DraftFault> | undefined
  readonly draftOf: (fields: z.infer<Schema>) => Draft
  /** Of a draft, what is to be free of wrong equations. */
  readonly teaching: (fields: z.infer<Schema>) => string
}

export function defineForm<Schema extends z.ZodType>(parts: FormParts<Schema>): Form {
  const { task, openings, example, schema, isProse, faultOf, draftOf, teaching } = parts
  const read = (answer: string): Draft | Rejected<DraftFault> => {
    const found = readObject(schema, answer)
    if ('rejected' in found) return found
    const draft = draftOf(found.fields)
    return faultOf(found.fields) ?? faultOfText(draft) ?? wrongArithmetic(teaching(found.fields)) ?? draft
  }
  return { task, openings, example, schema: jsonSchemaOf(schema), isProse, read }
}

/** What escapes in JSON make of formulas in LaTeX: "\frac" begins with a form feed. */
const damage = /[^\P{Cc}\n]|\uFFFD/u

/** Sequences of so many words are no turns of phrase. */
const sequenceWords = 8
const mostRepeated = 0.25

function faultOfText({ title = '', text }: Draft): Rejected<DraftFault> | undefined {
  if (damage.test(title) || damage.test(text))
    return { rejected: 'damaged text', detail: 'control characters where a formula should be' }
  const words = wordsOf(text)
  const repeated = repeatedSequences(words, hashesOf(words), sequenceWords)
  if (repeated <= mostRepeated) return undefined
  return { rejected: 'repeats itself', detail: `${Math.round(100 * repeated)} % of it was said before` }
}

function wrongArithmetic(text: string): Rejected<DraftFault> | undefined {
  const wrong = equationsIn(text).find(({ holds }) => !holds)
  if (wrong === undefined) return undefined
  return { rejected: 'wrong arithmetic', detail: `"${wrong.text}": ${wrong.left} is not ${wrong.right}` }
}

/** That parts of an answer have so many words at least. */
export function faultOfLengths(
  parts: Readonly<Record<string, readonly [string, number]>>,
): Rejected<DraftFault> | undefined {
  for (const [name, [text, least]] of Object.entries(parts)) {
    const { length } = wordsOf(text)
    if (length < least) return { rejected: 'too short', detail: `${name}: ${length} words of at least ${least}` }
  }
  return undefined
}
