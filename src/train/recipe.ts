import { z } from 'zod'
import { conversationFormats } from '../data/conversations/index.ts'
import { fewestPasskeyWords } from '../data/recall/index.ts'
import { preferenceKinds, worldKinds } from '../data/world/index.ts'
import { checkedFields, nameSchema, parseYaml } from '../data/yaml.ts'

/** What all files have in common. */
const fileFields = {
  /** JSON Lines, or gzip of them where the name ends in `.gz`. */
  file: z.string(),
  weight: z.number().positive(),
  /** Of the order in which its lines are taken; every pass has another. */
  seed: z.int(),
  /** The share of different lines that is not learned, for the held-out loss. */
  heldOut: z.number().gt(0).lt(1).default(0.05),
}

/** Frequencies by name of a kind of the world. */
const mixtureOf = (kinds: readonly { readonly name: string }[]) => {
  const names = kinds.map(({ name }) => name)
  return z.record(z.string(), z.number().min(0)).superRefine((mixture, context) => {
    for (const name of Object.keys(mixture)) {
      if (names.includes(name)) continue
      context.addIssue({ code: 'custom', path: [name], message: `is no kind of the world (${names.join(', ')})` })
    }
  })
}

/** What a run learns from: generated text by name, that of `shapes` with pictures, packed shards, or files, with a share of the examples. */
const dataSchema = z.discriminatedUnion('source', [
  z.strictObject({
    source: z.enum(['world-documents', 'world-conversations']),
    weight: z.number().positive(),
    seed: z.int(),
    /** Relative frequencies of kinds in place of the usual ones: what is not named keeps its own, 0 leaves a kind out. */
    mixture: mixtureOf(worldKinds).optional(),
  }),
  z.strictObject({ source: z.literal('shapes'), weight: z.number().positive(), seed: z.int() }),
  z.strictObject({
    source: z.enum(['recall-documents', 'recall-passkeys']),
    weight: z.number().positive(),
    seed: z.int(),
    /** How long they are, about. */
    words: z.int().min(fewestPasskeyWords),
  }),
  z.strictObject({
    source: z.literal('shards'),
    weight: z.number().positive(),
    /** Of the order in which they come. */
    seed: z.int(),
    /** The folder of a run of data, or of its packed shards. */
    folder: z.string(),
  }),
  z.strictObject({
    source: z.literal('conversations'),
    ...fileFields,
    /** How lines hold them; as the first line tells when left out. */
    format: z.enum(conversationFormats).optional(),
    /** Which of the assistant's turns are learned; all when left out. */
    answers: z.enum(['all', 'last']).optional(),
  }),
  z.strictObject({ source: z.literal('preferences'), ...fileFields }),
  z.strictObject({
    source: z.literal('world-preferences'),
    weight: z.number().positive(),
    /** Of the pairs, and of the order in which they are taken. */
    seed: z.int(),
    /** How many there are; as many as a twentieth of them are held out beside them. */
    pairs: z.int().positive(),
    mixture: mixtureOf(preferenceKinds).optional(),
  }),
])

/** Whether the data are pairs of answers. */
export function arePreferences<Entry extends { readonly source: string }>(
  entry: Entry,
): entry is Extract<Entry, { readonly source: 'preferences' | 'world-preferences' }> {
  return entry.source === 'preferences' || entry.source === 'world-preferences'
}

/** What is minimised, where it is not the cross-entropy of the text. */
const objectiveSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    /** Direct preference optimisation (Rafailov et al., 2023): the data are pairs of answers. */
    kind: z.literal('dpo'),
    /** How much a reward counts: lower lets the model leave the one that it starts from further behind. */
    beta: z.number().positive().default(0.1),
  }),
])

/** Low-rank adapters, which alone are trained: the weights that the run starts from stay as they are, packed ones too. */
const adapterSchema = z.strictObject({
  rank: z.int().positive(),
  /** What they add is multiplied with alpha / rank. */
  alpha: z.number().positive(),
  /** The ends of the names of modules, or all linear modules of the layers. */
  targets: z.union([z.literal('all-linear'), z.array(z.string()).min(1)]).default('all-linear'),
  /** A folder with adapters of the same rank, alpha and targets to go on from. */
  initial: z.string().optional(),
})

export const fieldsSchema = z.strictObject({
  /** The folder of the run is named after it. */
  name: nameSchema,
  description: z.string(),
  seed: z.int(),
  /** The fields of config.json. */
  model: z.record(z.string(), z.unknown()),
  /** A folder with a tokenizer.json, or how to train one on the recipe's data. */
  tokenizer: z.union([
    z.strictObject({ folder: z.string() }),
    z.strictObject({ train: z.strictObject({ vocabulary: z.int().min(300), examples: z.int().positive() }) }),
  ]),
  /** A folder with weights to start from; random weights where left out. */
  initial: z.string().optional(),
  data: z.array(dataSchema).min(1),
  /** Next-token cross-entropy when left out. */
  objective: objectiveSchema.optional(),
  /** All weights are trained when left out. */
  adapter: adapterSchema.optional(),
  /** Of models that see: the most tiles that a picture is cut into. */
  pictures: z.strictObject({ tiles: z.int().min(1).max(64) }).optional(),
  batch: z.strictObject({
    /** Tokens of one gradient step. */
    rows: z.int().positive(),
    /** The longest example; longer ones are cut. */
    context: z.int().positive(),
    /** Gradient steps of one update. */
    accumulation: z.int().positive().default(1),
    /** Compute each layer twice instead of keeping it for its gradient: less memory, a third more time. */
    recompute: z.boolean().default(false),
  }),
  optimizer: z.strictObject({
    beta1: z.number().min(0).lt(1).default(0.9),
    beta2: z.number().min(0).lt(1).default(0.95),
    epsilon: z.number().positive().default(1e-8),
    weightDecay: z.number().min(0).default(0.1),
    decayVectors: z.boolean().default(false),
    /** The global norm that gradients are clipped to; 0 for no clipping. */
    clip: z.number().min(0).default(1),
  }),
  schedule: z.strictObject({
    peak: z.number().positive(),
    warmupSteps: z.int().min(0),
    steps: z.int().positive(),
    decay: z.enum(['constant', 'linear', 'cosine', 'trapezoid']),
    floor: z.number().min(0).max(1).default(0.1),
    hold: z.number().min(0).lt(1).default(0.8),
  }),
  checkpoint: z.strictObject({ everySteps: z.int().positive(), keep: z.int().positive().default(2) }),
  /** Held-out loss on examples of other seeds: `seed` is added to every seed of the training data. */
  evaluation: z.strictObject({ everySteps: z.int().positive(), batches: z.int().positive(), seed: z.int() }),
})

/** What single fields cannot say. */
const recipeSchema = fieldsSchema.superRefine((recipe, context) => {
  const fail = (path: readonly string[], message: string): void => {
    context.addIssue({ code: 'custom', path: [...path], message })
  }
  const { batch, data, evaluation, model, schedule, tokenizer } = recipe
  if (batch.context > batch.rows) fail(['batch', 'context'], `at most batch.rows (${batch.rows}), or nothing fits`)
  if (schedule.warmupSteps > schedule.steps) fail(['schedule', 'warmupSteps'], `at most schedule.steps`)
  if ('train' in tokenizer && tokenizer.train.vocabulary !== model['vocab_size']) {
    const found = `${tokenizer.train.vocabulary}, but model.vocab_size is ${JSON.stringify(model['vocab_size'])}`
    fail(['tokenizer', 'train', 'vocabulary'], `must be the vocabulary of the model; it is ${found}`)
  }
  if ('train' in tokenizer && data.some(({ source }) => source === 'shards')) {
    fail(['tokenizer', 'folder'], 'must be given for packed shards: they have the ids of a tokenizer already')
  }
  if (data.some(({ source }) => source === 'shapes') && recipe.pictures === undefined) {
    fail(['pictures', 'tiles'], 'must be given for data with pictures')
  }
  // Packed shards and files hold out texts of their own.
  const generated = data.filter((entry) => !('file' in entry) && entry.source !== 'shards')
  const streams = new Set(generated.map(({ source, seed }) => `${source} ${seed}`))
  if (generated.some(({ source, seed }) => streams.has(`${source} ${seed + evaluation.seed}`))) {
    fail(['evaluation', 'seed'], 'added to the seeds of the data it must give other seeds, or nothing is held out')
  }
  if ('train' in tokenizer && (generated.length < data.length || data.some(arePreferences))) {
    fail(
      ['tokenizer'],
      'must be a folder for data in files and for preferences: a tokenizer is trained on generated text',
    )
  }
  if (recipe.adapter !== undefined && recipe.initial === undefined) {
    fail(['initial'], 'must be given: adapters are added to a model that is there')
  }
  if (recipe.objective === undefined) {
    if (data.some(arePreferences)) fail(['objective'], 'must be given for preferences')
    return
  }
  if (!data.every(arePreferences)) fail(['data'], 'must all be preferences for this objective')
  if (recipe.initial === undefined) fail(['initial'], 'must be given: preferences compare with a model that is there')
  if (2 * batch.context > batch.rows) fail(['batch', 'context'], 'at most half of batch.rows, or no pair fits')
})

/** One training run as data: model, text, optimiser, schedule. Files in recipes/ hold these. */
export type Recipe = z.infer<typeof recipeSchema>

/**
 * Reads a recipe from YAML that has all of its fields; `readRecipe` takes `model` and `tokenizer` from a model that is there.
 *
 * @throws PocketPhiError `invalid-config` naming each field that does not fit.
 */
export function parseRecipe(text: string, file = 'recipe'): Recipe {
  return checkedRecipe(parseYaml(text, file), file)
}

/**
 * Checks the fields of a recipe.
 *
 * @param file what to call it in errors
 * @throws PocketPhiError `invalid-config` naming each field that does not fit.
 */
export function checkedRecipe(value: unknown, file = 'recipe'): Recipe {
  return checkedFields(recipeSchema, value, file, 'recipe')
}
