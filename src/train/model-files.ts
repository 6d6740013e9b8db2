import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PocketPhiError } from '../base/errors.ts'
import { pictureSettingsFile } from '../engine/album.ts'
import type { Model } from '../models/index.ts'
import { trainTokenizer } from '../text/bpe-trainer.ts'
import { loadTokenizerJson } from '../text/tokenizer-json.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import type { Recipe } from './recipe.ts'
import { isConversations, recipeTexts } from './sources.ts'
import { endOfText, endOfTurn } from './step/examples.ts'
import { trainedTokenizerConfig } from './tokenizer-config.ts'

/** The texts that make a folder a model, besides the weights, by file name. */
export type ModelFiles = Readonly<Record<string, string>>

const tokenizerFile = 'tokenizer.json'

const textFiles: readonly string[] = ['config.json', tokenizerFile, 'tokenizer_config.json']

/** Their names. */
export function modelFileNames(recipe: Recipe): readonly string[] {
  return recipe.pictures === undefined ? textFiles : [...textFiles, pictureSettingsFile]
}

/**
 * Reads or trains the tokenizer of a recipe, and gathers the texts that stand beside the weights. A tokenizer that is
 * trained here depends on the recipe alone: it has the same bytes every time.
 *
 * @throws PocketPhiError `not-found` without the tokenizer, `invalid-argument` when the text is too little for it
 */
export async function makeModelFiles(recipe: Recipe): Promise<ModelFiles> {
  return {
    'config.json': `${JSON.stringify(recipe.model, undefined, 2)}\n`,
    [tokenizerFile]: await tokenizerText(recipe),
    'tokenizer_config.json': `${JSON.stringify(trainedTokenizerConfig, undefined, 2)}\n`,
    ...(recipe.pictures === undefined ? {} : { [pictureSettingsFile]: pictureSettings(recipe.pictures) }),
  }
}

/** Pictures are cut when the model answers as they were when it learned. */
function pictureSettings({ tiles }: NonNullable<Recipe['pictures']>): string {
  return `${JSON.stringify({ num_crops: tiles }, undefined, 2)}\n`
}

async function tokenizerText(recipe: Recipe): Promise<string> {
  if ('train' in recipe.tokenizer) {
    const { vocabulary, examples } = recipe.tokenizer.train
    return JSON.stringify(trainTokenizer(recipeTexts(recipe, examples), { vocabularySize: vocabulary }))
  }
  const file = join(recipe.tokenizer.folder, tokenizerFile)
  return await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new PocketPhiError('not-found', `The tokenizer of the recipe cannot be read: "${file}".`, {
      remedy: 'Run the recipe first whose finished model it is, or correct "tokenizer.folder".',
      cause,
    })
  })
}

/**
 * The tokenizer among the files of a model.
 *
 * @throws PocketPhiError `invalid-config` when it has ids beyond the model's vocabulary, or when the model would not stop
 * at the tokens that end what it learns
 */
export function tokenizerOf(files: ModelFiles, model: Model, recipe: Recipe): Tokenizer {
  const tokenizer = loadTokenizerJson(JSON.parse(files[tokenizerFile] ?? ''))
  if (tokenizer.vocabularySize > model.shape.vocabulary) {
    throw new PocketPhiError('invalid-config', 'The tokenizer has more ids than the model has rows for.', {
      expected: `"model.vocab_size" of at least ${tokenizer.vocabularySize}`,
      found: String(model.shape.vocabulary),
      remedy: 'Correct "model.vocab_size", or use the tokenizer that belongs to this model.',
    })
  }
  checkStops(recipe, tokenizer)
  return tokenizer
}

/** What ends an example must end an answer, if the configuration says where answers end. */
function checkStops(recipe: Recipe, tokenizer: Tokenizer): void {
  const configured = recipe.model['eos_token_id']
  if (configured === undefined || configured === null) return
  const stops: readonly unknown[] = [configured].flat()
  const ends = new Set(recipe.data.map(({ source }) => (isConversations(source) ? endOfTurn : endOfText).content))
  for (const token of ends) {
    const id = tokenizer.idOf(token)
    if (id !== undefined && stops.includes(id)) continue
    throw new PocketPhiError('invalid-config', `The model would not stop at ${token}, which ends its examples.`, {
      expected: id === undefined ? `a tokenizer with ${token}` : `"model.eos_token_id" with ${id}`,
      found: JSON.stringify(configured),
    })
  }
}
