/** Every format that is fuzzed, and runs over all of them. */
import { configFormat } from './config.ts'
import { judge, mutantOf, type FuzzFormat, type Outcome } from './format.ts'
import { ggufVocabularyFormat } from './gguf-vocabulary.ts'
import { ggufFormat } from './gguf.ts'
import { packedFormat } from './packed.ts'
import { pictureFormat } from './picture.ts'
import { savedCacheFormat } from './saved-cache.ts'
import { safetensorsFormat, shardIndexFormat } from './safetensors.ts'
import { templateFormat } from './template.ts'
import { tiktokenFormat, tokenizerConfigFormat } from './tiktoken.ts'
import { tokenizerJsonFormat } from './tokenizer-json.ts'

export const fuzzFormats: readonly FuzzFormat[] = [
  safetensorsFormat,
  shardIndexFormat,
  packedFormat,
  ggufFormat,
  ggufVocabularyFormat,
  configFormat,
  tokenizerJsonFormat,
  tiktokenFormat,
  tokenizerConfigFormat,
  templateFormat,
  pictureFormat,
  savedCacheFormat,
]

const shares = fuzzFormats.reduce((sum, { share }) => sum + share, 0)

/** How many of so many mutants are of this format. */
export function mutantsOf(format: Pick<FuzzFormat, 'share'>, mutants: number): number {
  return Math.ceil((mutants * format.share) / shares)
}

export async function runMutant(format: FuzzFormat, seed: number, index: number): Promise<Outcome> {
  return await judge(format, await mutantOf(format, seed, index))
}
