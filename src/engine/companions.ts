/** The files that go with the weights of a model. */
import type { FileTree } from '../formats/tree.ts'

export const configFile = 'config.json'

const companions = [
  /^config\.json$/,
  /^(?:generation|preprocessor)_config\.json$/,
  /^tokenizer/,
  /^special_tokens_map\.json$/,
  /^added_tokens\.json$/,
  /^chat_template/,
  /\.tiktoken$/,
  /^(?:LICENSE|NOTICE)/i,
]

/** The names of those that a folder has: configuration, tokenizer, chat template, licence. */
export async function companionsIn(tree: FileTree): Promise<string[]> {
  return (await tree.list()).filter((name) => companions.some((form) => form.test(name)))
}
