/** A run of the data pipeline as data: where documents come from, what becomes of them, and what is packed. */
import { z } from 'zod'
import { checkedFields, nameSchema, parseYaml } from '../yaml.ts'

const share = z.number().min(0).max(1)
const count = z.int().positive()

const sourceSchema = z.strictObject({
  name: nameSchema,
  /** Paths with wildcards, taken from the folder of the input, or URLs of single files. */
  files: z.array(z.string()).min(1),
  /** Where JSON Lines and Parquet have what is wanted. */
  fields: z
    .strictObject({
      text: z.string().optional(),
      html: z.string().optional(),
      title: z.string().optional(),
      url: z.string().optional(),
    })
    .default({ text: 'text', title: 'title', url: 'url' }),
})

/** The defaults follow Gopher (Rae et al., 2021, table A1), C4 (Raffel et al., 2020) and FineWeb (Penedo et al., 2024). */
const qualitySchema = z.strictObject({
  leastWords: count.default(50),
  mostWords: count.default(100_000),
  /** Mean letters of a word. */
  leastWordLength: z.number().default(3),
  mostWordLength: z.number().default(10),
  /** Number signs and ellipses for each word. */
  mostSymbols: share.default(0.1),
  mostBulletLines: share.default(0.9),
  mostEllipsisLines: share.default(0.3),
  /** Words with a letter among all. */
  leastAlphabetic: share.default(0.8),
  /** Different function words of English, where the document is in English. */
  leastFunctionWords: z.int().min(0).default(2),
  mostShortLines: share.default(0.67),
  /** Lines that end as sentences do. */
  leastSentenceLines: share.default(0.12),
  mostRepeatedLines: share.default(0.3),
  mostRepeatedLineCharacters: share.default(0.2),
  /** Characters in the most frequent sequence of 2, 3 and 4 words. */
  mostFrequentSequence: z.tuple([share, share, share]).default([0.2, 0.18, 0.16]),
  /** Characters in sequences of 5 to 10 words that occur more than once. */
  mostRepeatedSequences: z
    .tuple([share, share, share, share, share, share])
    .default([0.15, 0.14, 0.13, 0.12, 0.11, 0.1]),
})

/** Questions that documents must not hold. */
export const questionsSchema = z.strictObject({
  /** JSON Lines with questions, as paths with wildcards from the working folder. */
  files: z.array(z.string()).min(1),
  /** Fields that hold a question. */
  fields: z.array(z.string()).min(1).default(['question', 'prompt']),
  /** Length of the sequences that are compared; shorter questions are compared whole. */
  words: z.int().min(4).default(8),
  /** How much of a question makes a document contaminated. */
  share: share.default(0.5),
})

/**
 * When two documents are one. The defaults find more than those of FineWeb and others (shingles of 5 words, Jaccard of 0.75), which lose most copies of
 * which a word in twenty is another: bench/near-duplicates.ts compares them.
 */
export const duplicatesSchema = z.strictObject({
  /** Words of a shingle. */
  words: count.default(3),
  bands: count.default(30),
  /** Hashes of a band. */
  rows: count.default(4),
  /** Estimated Jaccard similarity from which on the later of two documents goes. */
  similarity: share.default(0.5),
})

const stagesSchema = z.strictObject({
  /** Of pages: what they say, without what surrounds it. Plain text passes. */
  text: z.strictObject({}).optional(),
  language: z
    .strictObject({
      /** ISO 639-1; what is in no other is kept. */
      keep: z.array(z.string().length(2)).min(1),
    })
    .optional(),
  quality: qualitySchema.optional(),
  benchmarks: questionsSchema.optional(),
  duplicates: duplicatesSchema.optional(),
  personal: z.strictObject({}).optional(),
  education: z
    .strictObject({
      /** A file of `phi data classify train`; rules where it is left out. */
      classifier: z.string().optional(),
      /** Documents whose educational value is below this, from 0 to 5, go. */
      least: z.number().min(0).max(5).default(0),
    })
    .optional(),
  best: z
    .strictObject({
      /** The best documents of about so many tokens stay. */
      tokens: count,
      /** How much reasoning counts beside educational value, from 0 to 1. */
      reasoningWeight: share.default(0),
    })
    .optional(),
})

/** Which documents a part of the mixture consists of. */
const partSchema = z.strictObject({
  sources: z.array(z.string()).optional(),
  /** Educational value, from the first on and below the second. */
  education: z.tuple([z.number(), z.number()]).optional(),
  /** Reasoning against facts, in the same way. */
  reasoning: z.tuple([z.number(), z.number()]).optional(),
  share: z.number().positive(),
})

/** Two parts, reasoning and facts, whose shares follow the size of the model that will learn. */
const dialSchema = z.strictObject({
  /** Of the model. */
  parameters: z.number().positive(),
  /** Documents from this place on the scale of reasoning on are such. */
  reasoning: z.number().min(0).max(5).default(2.5),
})

/** What a model of no more parameters than the first should learn of reasoning, and one of no less than the second: shares of its tokens. */
const dialEnds = { smallest: { parameters: 1e8, share: 0.8 }, largest: { parameters: 1e11, share: 0.4 } } as const

/**
 * The share of reasoning for a model: a small one has no room for many facts (Abdin et al., 2024, section 2, "data optimal regime"). The report gives no
 * numbers; that the share falls evenly with the logarithm of the parameters, from 80 to 40 percent, is chosen here.
 */
export function reasoningShare(parameters: number): number {
  const { smallest, largest } = dialEnds
  const along = Math.log(parameters / smallest.parameters) / Math.log(largest.parameters / smallest.parameters)
  return smallest.share + (largest.share - smallest.share) * Math.max(0, Math.min(1, along))
}

function dialledParts({ parameters, reasoning }: z.infer<typeof dialSchema>): z.infer<typeof partSchema>[] {
  const ofReasoning = reasoningShare(parameters)
  // The end of the scale belongs to it.
  return [{ reasoning: [reasoning, 6], share: ofReasoning }, { share: 1 - ofReasoning }]
}

const packSchema = z.strictObject({
  /** A folder with a tokenizer.json. */
  tokenizer: z.string(),
  /** Tokens of the longest example: the `batch.context` of the trainings that will read them. */
  longest: z.int().min(16),
  /** Documents that no training learns from. */
  heldOut: share.default(0.01),
  /** Tokens in all; all that there are where left out. */
  tokens: count.optional(),
  /** Parts with shares of the tokens, the first that a document fits into, or a dial; all documents alike where left out. */
  mixture: z.union([z.array(partSchema).min(1), dialSchema.transform(dialledParts)]).default([{ share: 1 }]),
  /** How often a document may come where a part has too few. */
  mostRepeats: count.default(4),
  tokensPerShard: count.default(16_777_216),
})

const recipeSchema = z
  .strictObject({
    name: nameSchema,
    description: z.string(),
    seed: z.int(),
    sources: z.array(sourceSchema).min(1),
    stages: stagesSchema,
    pack: packSchema.optional(),
  })
  .superRefine(({ sources, stages, pack }, context) => {
    const names = sources.map(({ name }) => name)
    if (new Set(names).size < names.length) {
      context.addIssue({ code: 'custom', path: ['sources'], message: 'every source needs a name of its own' })
    }
    for (const [index, part] of (pack?.mixture ?? []).entries()) {
      const path = ['pack', 'mixture', index]
      const unknown = part.sources?.find((name) => !names.includes(name))
      if (unknown !== undefined) context.addIssue({ code: 'custom', path, message: `there is no source "${unknown}"` })
      if ((part.education ?? part.reasoning) !== undefined && stages.education === undefined) {
        context.addIssue({ code: 'custom', path, message: 'needs the stage "education"' })
      }
    }
    if (stages.best !== undefined && (stages.education === undefined || pack === undefined)) {
      const message = 'needs the stage "education", and "pack" for the tokenizer that counts'
      context.addIssue({ code: 'custom', path: ['stages', 'best'], message })
    }
  })

export type DataRecipe = z.infer<typeof recipeSchema>
export type StageSettings = Required<{ [Name in keyof DataRecipe['stages']]: NonNullable<DataRecipe['stages'][Name]> }>
export type PackSettings = NonNullable<DataRecipe['pack']>
export type DataSource = DataRecipe['sources'][number]

/**
 * Reads a recipe of data from YAML.
 *
 * @throws PocketPhiError `invalid-config` naming each field that does not fit
 */
export function parseDataRecipe(text: string, file = 'recipe'): DataRecipe {
  return checkedDataRecipe(parseYaml(text, file), file)
}

/** Checks the fields of a recipe of data. @throws PocketPhiError as `parseDataRecipe` */
export function checkedDataRecipe(value: unknown, file = 'recipe'): DataRecipe {
  return checkedFields(recipeSchema, value, file, 'recipe of data')
}
