import { isJsonObject } from '../formats/json.ts'
import { localFolder } from '../formats/tree.ts'
import { parseYaml } from '../data/yaml.ts'
import { checkedRecipe, type Recipe } from './recipe.ts'

/**
 * Reads a recipe from YAML. One that names a model to start from may leave out `model` and `tokenizer`, which are then those of
 * that model.
 *
 * @throws PocketPhiError `invalid-config` naming each field that does not fit; `not-found` without the model to start from
 */
export async function readRecipe(text: string, file = 'recipe'): Promise<Recipe> {
  return await completeRecipe(parseYaml(text, file), file)
}

/** The same for the fields of a recipe. @throws PocketPhiError as `readRecipe` */
export async function completeRecipe(fields: unknown, file = 'recipe'): Promise<Recipe> {
  return checkedRecipe(isJsonObject(fields) ? await completed(fields) : fields, file)
}

async function completed(fields: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>> {
  const { initial, model, tokenizer } = fields
  if (typeof initial !== 'string') return fields
  return {
    ...fields,
    model: model ?? (await localFolder(initial).readJson('config.json')),
    tokenizer: tokenizer ?? { folder: initial },
  }
}
