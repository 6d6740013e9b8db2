/** The tokenizer and the chat template of a model, without its weights. */
import { PocketPhiError } from '../base/errors.ts'
import type { ModelText } from '../engine/load-text.ts'
import { openModelFiles } from '../engine/model-files.ts'
import { localFolder } from '../formats/tree.ts'
import type { Tokenizer } from '../text/tokenizer.ts'

export interface TextFiles extends ModelText {
  readonly tokenizer: Tokenizer
}

/**
 * @param weightsFile the file of the weights within the folder, where that was named
 * @throws PocketPhiError `not-found` without a tokenizer, `invalid-file`, `not-supported`
 */
export async function readTextFiles(folder: string, weightsFile?: string): Promise<TextFiles> {
  const files = await openModelFiles(localFolder(folder), weightsFile)
  try {
    const { tokenizer, template } = await files.text()
    if (tokenizer !== undefined) return { tokenizer, template }
  } finally {
    await files.close()
  }
  throw new PocketPhiError('not-found', `The model in "${folder}" has no tokenizer.`, {
    expected: 'tokenizer.json, or the vocabulary of a GGUF file',
  })
}
