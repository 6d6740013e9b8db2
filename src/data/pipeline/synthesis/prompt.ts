/** How a model is asked to write, and to solve what it wrote. */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { z } from 'zod'
import type { Message } from '../../../endpoint/chat.ts'
import { jsonSchemaOf, readObject, type Rejected } from '../asking/answer.ts'
import type { Question } from '../asking/asker.ts'
import type { Combination } from './combinations.ts'
import { forms, type Draft } from './forms/index.ts'
import type { SynthesisPlan } from './plan.ts'

/** What is kept of an answer: all of it, so that it can be read again by other rules. */
export interface Said {
  readonly said: string
  /** What it answers. */
  readonly asked: readonly Message[]
}

type Asked = Pick<SynthesisPlan, 'temperature' | 'longest'>

const inJson =
  'Answer with one JSON object in the form that is shown, and nothing else. Formulas are written in plain characters, such as 3 × 4 = 12 or x^2, and never in LaTeX.'

/** Asks for the text of a combination. */
export function draftQuestion(model: string, plan: Asked, combination: Combination): Question<Said> {
  const { task, example, schema } = forms[combination.form]
  const messages: readonly Message[] = [
    { role: 'system', content: `You write material from which others learn. ${inJson}` },
    {
      role: 'user',
      content: `Topic: ${combination.topic}\nFor: ${combination.audience}\n\n${task} ${combination.opening}\n\nForm: ${JSON.stringify(example)}`,
    },
  ]
  return questionOf(model, plan, messages, schema, (answer) => readDraft(combination, answer))
}

/** What an answer says to `draftQuestion`. */
export function readDraft({ form }: Combination, answer: string): Draft | Rejected {
  return forms[form].read(answer)
}

const solutionSchema = z.object({ steps: z.array(z.string()), answer: z.string() })
const solutionExample = { steps: ['the first step', 'the next step'], answer: 'a number with its unit, or a few words' }

/** Asks for a solution without showing the one that there is. */
export function solutionQuestion(model: string, plan: Asked, question: string, isFirst: boolean): Question<Said> {
  const messages: readonly Message[] = [
    { role: 'system', content: `You solve exercises carefully, step by step. ${inJson}` },
    { role: 'user', content: `${question}\n\nForm: ${JSON.stringify(solutionExample)}` },
  ]
  const settings = isFirst ? { ...plan, temperature: 0 } : plan
  const asked = questionOf(model, settings, messages, jsonSchemaOf(solutionSchema), readSolution)
  // However it is drawn, it is a solution of the same.
  return { ...asked, key: keyOf(model, messages) }
}

/** The final answer of a solution. */
export function readSolution(answer: string): { readonly answer: string } | Rejected {
  const found = readObject(solutionSchema, answer)
  if ('rejected' in found) return found
  const final = found.fields.answer.trim()
  return final === '' ? { rejected: 'incomplete', detail: 'no final answer' } : { answer: final }
}

function questionOf(
  model: string,
  { temperature, longest }: Asked,
  messages: readonly Message[],
  schema: object,
  read: (answer: string) => object | Rejected,
): Question<Said> {
  const key = keyOf(model, [messages, temperature])
  return {
    key,
    messages,
    maxTokens: longest,
    temperature,
    schema,
    seed: crc32(key),
    read(answer) {
      const found = read(answer)
      return 'rejected' in found ? found : { said: answer, asked: messages }
    },
  }
}

function keyOf(model: string, asked: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify([model, asked]))
    .digest('hex')
    .slice(0, 32)
}
