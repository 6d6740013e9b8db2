/** The tokenizer and the chat template of a model folder, without its weights. */
import { PocketPhiError } from '../base/errors.ts'
import { localFolder } from '../formats/tree.ts'
import { chatTemplate } from '../text/template-detection.ts'
import type { ChatTemplate } from '../text/templates.ts'
import { loadTiktoken } from '../text/tiktoken.ts'
import { readTokenizerConfig } from '../text/tokenizer-config.ts'
import { loadTokenizerJson } from '../text/tokenizer-json.ts'
import type { Tokenizer } from '../text/tokenizer.ts'

export interface TextFiles {
  readonly tokenizer: Tokenizer
  /** Undefined where the model does not say how conversations are written. */
  readonly template: ChatTemplate | undefined
}

const tiktokenFile = 'cl100k_base.tiktoken'

/** @throws PocketPhiError `not-found` without a tokenizer, `invalid-file`, `not-supported` */
export async function readTextFiles(folder: string): Promise<TextFiles> {
  const tree = localFolder(folder)
  const config = (await tree.has('tokenizer_config.json'))
    ? readTokenizerConfig(await tree.readJson('tokenizer_config.json'))
    : undefined
  const tokenizer = (await tree.has('tokenizer.json'))
    ? loadTokenizerJson(await tree.readJson('tokenizer.json'))
    : (await tree.has(tiktokenFile))
      ? loadTiktoken(await tree.readText(tiktokenFile), { pattern: 'cl100k', addedTokens: config?.addedTokens ?? [] })
      : undefined
  if (tokenizer === undefined) {
    throw new PocketPhiError('not-found', `The folder "${folder}" has no tokenizer.`, { expected: 'tokenizer.json' })
  }
  const source =
    config?.chatTemplate ??
    ((await tree.has('chat_template.jinja')) ? await tree.readText('chat_template.jinja') : undefined)
  const controlTokens = tokenizer.addedTokens.map(({ content }) => content)
  const { bosToken, eosToken } = config ?? {}
  return {
    tokenizer,
    template: source === undefined ? undefined : chatTemplate(source, { controlTokens, bosToken, eosToken }),
  }
}
