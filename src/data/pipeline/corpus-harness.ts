/** A corpus for tests and measurements of runs: lines of JSON, file by file, the same for the same numbers. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { document } from '../world/index.ts'

const tokenizer = join(import.meta.dirname, '../../../models/phi-nano')

const recipe = `
name: lines
description: Texts of the closed world, line by line.
seed: 1
sources: [{ name: lines, files: ['*.jsonl'] }]
stages: { language: { keep: [en] }, quality: { leastWords: 20 }, duplicates: {}, personal: {}, education: {} }
pack: { tokenizer: '${tokenizer}', longest: 128, heldOut: 0.1 }
`

/**
 * Writes a corpus into the folder "input", each file of which becomes a shard.
 * @returns the recipe, which is also in "recipe.yaml"
 */
export async function writeCorpus(folder: string, shards: number, documents: number): Promise<string> {
  await mkdir(join(folder, 'input'), { recursive: true })
  for (let shard = 0; shard < shards; shard++) {
    const lines = Array.from(new Array(documents).keys(), (index) => {
      const parts = Array.from({ length: 6 }, (_, part) => document(6 * index + part + 1, shard).text)
      return JSON.stringify({ text: parts.join('\n'), title: `${shard} ${index}` })
    })
    await writeFile(join(folder, 'input', `${String(shard).padStart(4, '0')}.jsonl`), lines.join('\n'))
  }
  await writeFile(join(folder, 'recipe.yaml'), recipe)
  return recipe
}
