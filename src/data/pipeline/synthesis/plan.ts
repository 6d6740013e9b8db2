/** What is to be written: a plan of synthetic data as a file states it. */
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { PocketPhiError } from '../../../base/errors.ts'
import { checkedFields, nameSchema, parseYaml } from '../../yaml.ts'
import { duplicatesSchema, questionsSchema } from '../recipe.ts'
import { formNames } from './forms/index.ts'

const count = z.int().positive()
const line = z.string().trim().min(1).max(300)

const planSchema = z.strictObject({
  name: nameSchema,
  description: z.string(),
  seed: z.int(),
  /** Combinations of topic, audience and form that are asked about. */
  count,
  /** A list, or a file with one in a line. */
  topics: z.union([z.array(line).min(1), z.strictObject({ file: z.string() })]),
  audiences: z.array(line).min(1),
  /** How often each form comes beside the others. */
  forms: z
    .partialRecord(z.enum(formNames), z.number().positive())
    .refine((forms) => Object.keys(forms).length > 0, 'at least one form'),
  temperature: z.number().min(0).max(2).default(0.8),
  /** Tokens of an answer. */
  longest: count.default(2000),
  /** What answers must not have in common with questions of benchmarks. */
  benchmarks: questionsSchema.optional(),
  /** When two answers are one. */
  duplicates: duplicatesSchema.prefault({}),
  /** How many texts of a form may begin with the same words. */
  openings: z.strictObject({ words: count.default(5), most: count.default(5) }).prefault({}),
})

export type SynthesisPlan = z.infer<typeof planSchema>

/**
 * Reads a plan from YAML.
 *
 * @throws PocketPhiError `invalid-config` naming each field that does not fit
 */
export function parseSynthesisPlan(text: string, file = 'plan'): SynthesisPlan {
  return checkedFields(planSchema, parseYaml(text, file), file, 'plan of synthetic data')
}

/**
 * The topics of a plan, each once. In a file, empty lines and those that begin with `#` are none; its path is taken from the working folder.
 *
 * @throws PocketPhiError `not-found`; `invalid-config` for a file without topics
 */
export async function topicsOf({ topics }: SynthesisPlan): Promise<readonly string[]> {
  if (Array.isArray(topics)) return [...new Set(topics)]
  const text = await readFile(topics.file, 'utf8').catch((cause: unknown) => {
    throw new PocketPhiError('not-found', `The topics "${topics.file}" cannot be read.`, {
      expected: 'a file with a topic in each line',
      remedy: 'Correct "topics"; paths are taken from the working folder.',
      cause,
    })
  })
  const lines = text.split('\n').map((topic) => topic.trim())
  const found = [...new Set(lines.filter((topic) => topic !== '' && !topic.startsWith('#')))]
  if (found.length > 0) return found
  throw new PocketPhiError('invalid-config', `There are no topics in "${topics.file}".`, {
    expected: 'a topic in each line',
  })
}
