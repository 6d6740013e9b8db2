/** The tokenizer and the chat template of a model folder, without its weights. */
import { PocketPhiError } from '../base/errors.ts'
import { loadText, type ModelText } from '../engine/load-text.ts'
import { localFolder } from '../formats/tree.ts'
import type { Tokenizer } from '../text/tokenizer.ts'

export interface TextFiles extends ModelText {
  readonly tokenizer: Tokenizer
}

/** @throws PocketPhiError `not-found` without a tokenizer, `invalid-file`, `not-supported` */
export async function readTextFiles(folder: string): Promise<TextFiles> {
  const { tokenizer, template } = await loadText(localFolder(folder))
  if (tokenizer !== undefined) return { tokenizer, template }
  throw new PocketPhiError('not-found', `The folder "${folder}" has no tokenizer.`, { expected: 'tokenizer.json' })
}
