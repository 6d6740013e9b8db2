/** Texts that a run of data has packed, as examples. */
import { PocketPhiError, type ErrorParts } from '../base/errors.ts'
import { openShards, roundOrder, tokenizerChecksum, type TokenShards } from '../data/shards/index.ts'
import type { Recipe } from './recipe.ts'
import type { Example } from './step/batches.ts'

/** The packed shards of a recipe, by their folders. */
export type RecipeShards = ReadonlyMap<string, TokenShards>

/**
 * Opens the packed shards that a recipe learns from.
 *
 * @param tokenizerJson the text of the tokenizer of the model
 * @throws PocketPhiError `invalid-config` for shards of another tokenizer, with longer texts than the recipe's, or with nothing held out; and as
 * `openShards`
 */
export async function openRecipeShards({ data, batch }: Recipe, tokenizerJson: string): Promise<RecipeShards> {
  const opened = new Map<string, TokenShards>()
  for (const entry of data) {
    if (entry.source !== 'shards' || opened.has(entry.folder)) continue
    const shards = await openShards(entry.folder)
    opened.set(entry.folder, shards)
    const fault = shardFault(shards, batch.context, tokenizerJson)
    if (fault === undefined) continue
    closeRecipeShards(opened)
    throw new PocketPhiError('invalid-config', `The shards in "${entry.folder}" are not for this recipe.`, fault)
  }
  return opened
}

export function closeRecipeShards(shards: RecipeShards): void {
  for (const { close } of shards.values()) close()
}

function shardFault(
  { manifest, training, heldOut }: TokenShards,
  context: number,
  tokenizerJson: string,
): ErrorParts | undefined {
  if (manifest.tokenizer !== tokenizerChecksum(tokenizerJson)) {
    return {
      expected: `the ids of the tokenizer with the SHA-256 ${tokenizerChecksum(tokenizerJson)}`,
      found: `those of ${manifest.tokenizer}`,
      remedy: 'Name the same folder as "tokenizer.folder" here and as "pack.tokenizer" of the run of data.',
    }
  }
  if (manifest.longest > context) {
    return {
      expected: `texts of at most "batch.context": ${context} tokens`,
      found: `up to ${manifest.longest}, which would be cut`,
      remedy: 'Pack again with that as "pack.longest", or raise "batch.context".',
    }
  }
  if (training.count > 0 && heldOut.count > 0) return undefined
  return { expected: 'texts to learn from and texts held out', found: `${training.count} and ${heldOut.count}` }
}

/** A text of packed shards; those that are held out have no order of chance, since they are read to measure. */
export function packedExample(shards: TokenShards, seed: number, isHeldOut: boolean, index: number): Example {
  const { training, heldOut } = shards
  if (isHeldOut) return { ids: heldOut.ids(index % heldOut.count) }
  return { ids: training.ids(roundOrder(seed, training.count, index)) }
}
