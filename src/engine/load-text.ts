/** The tokenizer and the chat template of a model, without its weights. */
import { ggufString, type GgufMetadata } from '../formats/gguf-values.ts'
import type { FileTree } from '../formats/tree.ts'
import { chatTemplate } from '../text/template-detection.ts'
import { builtinTemplate, type ChatTemplate, type TemplateName } from '../text/templates.ts'
import { loadTiktoken } from '../text/tiktoken.ts'
import { readTokenizerConfig, type TokenizerConfig } from '../text/tokenizer-config.ts'
import { loadGgufTokenizer } from '../text/tokenizer-gguf.ts'
import { loadTokenizerJson } from '../text/tokenizer-json.ts'
import type { Tokenizer } from '../text/tokenizer.ts'

export interface ModelText {
  /** Undefined where the model comes without one. */
  readonly tokenizer: Tokenizer | undefined
  /** Undefined where neither the files nor the control tokens say how conversations are written. */
  readonly template: ChatTemplate | undefined
}

/**
 * Reads tokenizer.json (or the vocabulary of Phi-3-small), tokenizer_config.json and chat_template.jinja, as far as they are
 * there. The template is the one that is wished for, that of the files, or that of the family whose control tokens
 * the tokenizer has.
 *
 * @throws PocketPhiError `invalid-file`, `not-supported`
 */
export async function loadText(tree: FileTree, wish?: TemplateName | ChatTemplate): Promise<ModelText> {
  const config = (await tree.has('tokenizer_config.json'))
    ? readTokenizerConfig(await tree.readJson('tokenizer_config.json'))
    : undefined
  const tokenizer = await loadTokenizer(tree, config)
  return { tokenizer, template: await templateOf(tree, wish, tokenizer, config) }
}

/** The file of Phi-3-small's vocabulary. */
const tiktokenFile = 'cl100k_base.tiktoken'

/** Whether a folder has a tokenizer, whatever else of a model it lacks. */
export async function hasTokenizer(tree: FileTree): Promise<boolean> {
  return (await tree.has('tokenizer.json')) || (await tree.has(tiktokenFile))
}

async function loadTokenizer(tree: FileTree, config: TokenizerConfig | undefined): Promise<Tokenizer | undefined> {
  if (await tree.has('tokenizer.json')) return loadTokenizerJson(await tree.readJson('tokenizer.json'))
  if (!(await tree.has(tiktokenFile))) return undefined
  const listed = config?.addedTokens ?? []
  const addedTokens = listed.length > 0 ? listed : (await import('../text/phi3small-tokens.ts')).phi3SmallTokens
  return loadTiktoken(await tree.readText(tiktokenFile), { pattern: 'cl100k', addedTokens })
}

async function templateOf(
  tree: FileTree,
  wish: TemplateName | ChatTemplate | undefined,
  tokenizer: Tokenizer | undefined,
  config: TokenizerConfig | undefined,
): Promise<ChatTemplate | undefined> {
  if (wish !== undefined || tokenizer === undefined || config?.chatTemplate !== undefined) {
    return chosenTemplate(wish, tokenizer, config)
  }
  const source = (await tree.has('chat_template.jinja')) ? await tree.readText('chat_template.jinja') : undefined
  return chosenTemplate(wish, tokenizer, { ...config, chatTemplate: source })
}

/** Kinds of vocabulary in a GGUF file that are none. */
const noVocabulary: readonly string[] = ['no_vocab', 'none']

/**
 * The tokenizer and the chat template in the metadata of a GGUF file, as `loadText`.
 *
 * @throws PocketPhiError `invalid-file`, `not-supported`
 */
export function ggufText(metadata: GgufMetadata, wish?: TemplateName | ChatTemplate): ModelText {
  const kind = ggufString(metadata, 'tokenizer.ggml.model')
  const { tokenizer, config } =
    kind === undefined || noVocabulary.includes(kind)
      ? { tokenizer: undefined, config: undefined }
      : loadGgufTokenizer(metadata)
  return { tokenizer, template: chosenTemplate(wish, tokenizer, config) }
}

/** The template that is wished for, that of the files, or that of the family whose control tokens the tokenizer has. */
function chosenTemplate(
  wish: TemplateName | ChatTemplate | undefined,
  tokenizer: Tokenizer | undefined,
  config: Partial<Pick<TokenizerConfig, 'chatTemplate' | 'bosToken' | 'eosToken'>> | undefined,
): ChatTemplate | undefined {
  if (wish !== undefined) return typeof wish === 'string' ? builtinTemplate(wish) : wish
  if (tokenizer === undefined) return undefined
  if (config?.chatTemplate === undefined) return familyTemplate(tokenizer)
  return chatTemplate(config.chatTemplate, {
    controlTokens: tokenizer.addedTokens.map(({ content }) => content),
    bosToken: config.bosToken,
    eosToken: config.eosToken,
  })
}

/** The template of the family whose control tokens the tokenizer has. */
function familyTemplate(tokenizer: Tokenizer): ChatTemplate | undefined {
  const added = new Set(tokenizer.addedTokens.map(({ content }) => content))
  const has = (...tokens: readonly string[]): boolean => tokens.every((token) => added.has(token))
  if (has('<|im_start|>', '<|im_sep|>', '<|im_end|>')) return builtinTemplate('phi-4')
  if (has('<|user|>', '<|assistant|>', '<|end|>', '<|tool|>')) return builtinTemplate('phi-4-mini')
  if (has('<|user|>', '<|assistant|>', '<|end|>', '<|endofprompt|>')) return builtinTemplate('phi-3-small')
  return has('<|user|>', '<|assistant|>', '<|end|>') ? builtinTemplate('phi-3-mini') : undefined
}
