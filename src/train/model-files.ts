import { PocketPhiError, present } from '../base/errors.ts'
import { pictureSettingsFile } from '../engine/album.ts'
import { readGenerationConfig } from '../engine/generation-config.ts'
import { loadText } from '../engine/load-text.ts'
import { stopIdsOf } from '../engine/stops.ts'
import { localFolder, memoryFolder, type FileTree } from '../formats/tree.ts'
import { targetModules } from '../models/adapter.ts'
import { modelFromConfig, type Model } from '../models/index.ts'
import { traceSequences } from '../models/trace.ts'
import { trainTokenizer } from '../text/bpe-trainer.ts'
import { builtinTemplate } from '../text/templates.ts'
import { adapterConfig, adapterConfigFile } from './adapter/adapter-files.ts'
import type { Recipe } from './recipe.ts'
import { isConversations, recipeTexts, type TrainedText } from './sources.ts'
import { conversationExample, endOfText } from './step/examples.ts'
import { trainedTokenizerConfig } from './tokenizer-config.ts'

/** The texts that make a folder a model, besides the weights, by file name. */
export type ModelFiles = Readonly<Record<string, string>>

const tokenizerFile = 'tokenizer.json'
const tokenizerConfigFile = 'tokenizer_config.json'

/** What stands beside a tokenizer.json: how conversations are written, where answers end. */
const besideTokenizer: readonly string[] = [
  tokenizerConfigFile,
  'chat_template.jinja',
  'generation_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
]

/** All that a tokenizer is read from. */
export const tokenizerFileNames: readonly string[] = [tokenizerFile, ...besideTokenizer]

/** All files that there may be. */
export const modelFileNames: readonly string[] = [
  'config.json',
  adapterConfigFile,
  pictureSettingsFile,
  ...tokenizerFileNames,
]

/**
 * Reads or trains the tokenizer of a recipe, and gathers the texts that stand beside the weights, or beside adapters. A tokenizer that is
 * trained here depends on the recipe alone: it has the same bytes every time.
 *
 * @throws PocketPhiError `not-found` without the tokenizer, `invalid-argument` when the text is too little for it
 */
export async function makeModelFiles(recipe: Recipe): Promise<ModelFiles> {
  return {
    ...configFiles(recipe),
    [tokenizerConfigFile]: `${JSON.stringify(trainedTokenizerConfig, undefined, 2)}\n`,
    ...(await tokenizerFiles(recipe)),
    ...(recipe.pictures === undefined ? {} : { [pictureSettingsFile]: pictureSettings(recipe.pictures) }),
  }
}

/** What tells how the weights are read. */
function configFiles({ model, adapter, initial = '' }: Recipe): ModelFiles {
  if (adapter === undefined) return { 'config.json': `${JSON.stringify(model, undefined, 2)}\n` }
  const { linearWeights } = traceSequences(modelFromConfig(model), 'modules', 1)
  return { [adapterConfigFile]: adapterConfig(adapter, initial, targetModules(adapter, linearWeights)) }
}

/** Pictures are cut when the model answers as they were when it learned. */
function pictureSettings({ tiles }: NonNullable<Recipe['pictures']>): string {
  return `${JSON.stringify({ num_crops: tiles }, undefined, 2)}\n`
}

async function tokenizerFiles({ tokenizer, ...recipe }: Recipe): Promise<ModelFiles> {
  if ('train' in tokenizer) {
    const { vocabulary, examples } = tokenizer.train
    const texts = recipeTexts({ tokenizer, ...recipe }, examples)
    return { [tokenizerFile]: JSON.stringify(trainTokenizer(texts, { vocabularySize: vocabulary })) }
  }
  const tree = localFolder(tokenizer.folder)
  if (!(await tree.has(tokenizerFile))) {
    throw new PocketPhiError('not-found', `The tokenizer of the recipe is not there: "${tokenizer.folder}".`, {
      expected: `a folder with ${tokenizerFile}`,
      remedy: 'Run the recipe first whose finished model it is, or correct "tokenizer.folder".',
    })
  }
  return await filesIn(tree, tokenizerFileNames)
}

/** The texts of a folder that are there. */
export async function filesIn(tree: FileTree, names: readonly string[]): Promise<ModelFiles> {
  const files: Record<string, string> = {}
  for (const name of names) if (await tree.has(name)) files[name] = await tree.readText(name)
  return files
}

/**
 * How the model reads, by its files.
 *
 * @throws PocketPhiError `invalid-config` when the tokenizer has ids beyond the model's vocabulary, or when the model would not
 * stop at the tokens that end what it learns; `not-found` when it is not known how its conversations are written; as `loadText`
 */
export async function readText(files: ModelFiles, model: Model, recipe: Recipe): Promise<TrainedText> {
  const encoder = new TextEncoder()
  const tree = memoryFolder(new Map(Object.entries(files).map(([name, text]) => [name, encoder.encode(text)])))
  const { tokenizer, template } = await loadText(tree)
  if (tokenizer === undefined) throw new Error(`defect: the files of a model are without ${tokenizerFile}`)
  if (tokenizer.vocabularySize > model.shape.vocabulary) {
    throw new PocketPhiError('invalid-config', 'The tokenizer has more ids than the model has rows for.', {
      expected: `"model.vocab_size" of at least ${tokenizer.vocabularySize}`,
      found: String(model.shape.vocabulary),
      remedy: 'Correct "model.vocab_size", or use the tokenizer that belongs to this model.',
    })
  }
  if (template === undefined && recipe.data.some(isConversations)) {
    throw new PocketPhiError('not-found', 'It is not known how conversations are written for this model.', {
      expected: `a chat template in ${tokenizerConfigFile} or chat_template.jinja beside ${tokenizerFile}`,
    })
  }
  const text = { tokenizer, template: template ?? builtinTemplate('phi-3-mini') }
  await checkStops(recipe, text, tree)
  return text
}

/** What ends an answer in the template of the model. */
function endOfAnswer({ tokenizer, template }: TrainedText): number {
  const asked = [
    { role: 'user', content: 'a' },
    { role: 'assistant', content: 'b' },
  ] as const
  return present(conversationExample(tokenizer, asked, template).ids.at(-1), 'the end of an answer')
}

/**
 * What ends an example must end an answer, if the configuration says where answers end. That of a published model need not name
 * all tokens that do; one that is made here has to.
 */
async function checkStops({ model, data, tokenizer }: Recipe, text: TrainedText, tree: FileTree): Promise<void> {
  const configured = model['eos_token_id']
  if (configured === undefined || configured === null) return
  const stops: readonly unknown[] =
    'train' in tokenizer ? [configured].flat() : stopIdsOf(model, await readGenerationConfig(tree), text.tokenizer)
  for (const isTurn of new Set(data.map(isConversations))) {
    const id = isTurn ? endOfAnswer(text) : text.tokenizer.idOf(endOfText.content)
    if (id !== undefined && stops.includes(id)) continue
    const token = isTurn && id !== undefined ? text.tokenizer.decode([id]) : endOfText.content
    throw new PocketPhiError('invalid-config', `The model would not stop at ${token}, which ends its examples.`, {
      expected: id === undefined ? `a tokenizer with ${token}` : `"model.eos_token_id" with ${id}`,
      found: JSON.stringify(configured),
    })
  }
}
