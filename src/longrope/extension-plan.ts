/** How a model is extended step by step, as data. */
import { z } from 'zod'
import { checkedFields, nameSchema, parseYaml } from '../data/yaml.ts'
import { fieldsSchema } from '../train/recipe.ts'
import { generatedSchema } from './documents.ts'
import { publishedSettings } from './evolution.ts'

/** The settings of an evolution; what is left out is as in the paper. */
const evolutionSchema = z.strictObject({
  population: z.int().positive().default(publishedSettings.population),
  parents: z.int().positive().default(publishedSettings.parents),
  mutations: z.int().min(0).default(publishedSettings.mutations),
  crossovers: z.int().min(0).default(publishedSettings.crossovers),
  generations: z.int().min(0).default(publishedSettings.generations),
  mutationProbability: z.number().min(0).max(1).default(publishedSettings.mutationProbability),
  seed: z.int().default(publishedSettings.seed),
})

/** Training between two searches: fields of a recipe. Model, tokenizer and weights are those of the step before. */
const tuningSchema = fieldsSchema
  .pick({ seed: true, data: true, optimizer: true, schedule: true, checkpoint: true, evaluation: true })
  .extend({ batch: fieldsSchema.shape.batch.omit({ context: true }) })

const planSchema = z.strictObject({
  /** The folder of the run is named after it. */
  name: nameSchema,
  description: z.string(),
  /** What searches measure on. */
  documents: generatedSchema,
  /** For every search. */
  search: evolutionSchema,
  stages: z
    .array(
      z.strictObject({
        /** Tokens that the model takes after this stage. */
        length: z.int().positive(),
        /** Left out where the factors alone are changed, as in the last stage of the paper. */
        tune: tuningSchema.optional(),
      }),
    )
    .min(1)
    .refine(
      (stages) => stages.every(({ length }, index) => index === 0 || length >= (stages[index - 1]?.length ?? 0)),
      'lengths that do not fall',
    ),
  /** A last search, of factors for short texts up to this one; none where left out. */
  readjust: z.strictObject({ most: z.number().gt(1) }).optional(),
})

/** Searches, and the training between them. */
export type ExtensionPlan = z.infer<typeof planSchema>
export type Tuning = z.infer<typeof tuningSchema>

/**
 * Reads a plan from YAML.
 *
 * @throws PocketPhiError `invalid-config` naming each field that does not fit.
 */
export function parseExtensionPlan(text: string, file = 'plan'): ExtensionPlan {
  return checkedFields(planSchema, parseYaml(text, file), file, 'plan of an extension')
}
