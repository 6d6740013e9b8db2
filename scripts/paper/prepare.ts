/** What all runs of the paper in miniature share: a tokenizer, and packed shards for every arm. */
import { globSync, readFileSync } from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { join, parse } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { z } from 'zod'
import { conversation, document } from '../../src/data/world/index.ts'
import { parseDataRecipe, type DataRecipe } from '../../src/data/pipeline/recipe.ts'
import { openPipelineQueue } from '../../src/data/pipeline/queue.ts'
import { runData } from '../../src/data/pipeline/run.ts'
import { writeFolderAtomic } from '../../src/formats/atomic.ts'
import { localFolder } from '../../src/formats/tree.ts'
import { trainTokenizer } from '../../src/text/bpe-trainer.ts'
import { trainedTokenizerConfig } from '../../src/train/tokenizer-config.ts'
import { paperFolder, places, type Plan } from './plan.ts'

/** The rows of a file of JSON Lines with gzip. @throws ZodError where they have another form */
export function rowsOf<Row>(file: string, schema: z.ZodType<Row>): Row[] {
  const lines = gunzipSync(readFileSync(file)).toString().split('\n')
  return lines.filter((line) => line !== '').map((line) => schema.parse(JSON.parse(line)))
}

const textRow = z.object({ text: z.string() })

/** The texts of a file of a corpus. */
export function textsOf(file: string): string[] {
  return rowsOf(file, textRow).map(({ text }) => text)
}

/** Characters of a document that the tokenizer sees. */
const seenCharacters = 4000

/** Documents of all sources that are learned from, evenly spread, and generated texts. */
function* tokenizerTexts({ tokenizer }: Plan, { sources }: DataRecipe, corpus: string): Generator<string> {
  const patterns = sources.flatMap(({ files }) => files)
  const documents = globSync(patterns, { cwd: corpus })
    .toSorted()
    .flatMap((name) => textsOf(join(corpus, name)))
  const step = Math.max(1, Math.floor(documents.length / tokenizer.documents))
  for (let index = 0; index < documents.length; index += step) yield (documents[index] ?? '').slice(0, seenCharacters)
  for (let index = 0; index < tokenizer.generated; index++) {
    if (index % 2 === 0) yield document(0, index).text
    else for (const { content } of conversation(0, index).messages) yield content
  }
}

/** The recipes of data that the arms learn from. */
export async function dataRecipes(): Promise<DataRecipe[]> {
  const folder = join(paperFolder, 'data')
  const names = (await readdir(folder)).filter((name) => name.endsWith('.yaml')).toSorted()
  return names.map((name) => parseDataRecipe(readFileSync(join(folder, name), 'utf8'), parse(name).name))
}

/**
 * Makes what is not there.
 *
 * @param recipes of data, with the name of the folder of their shards
 * @param corpus a folder with the files that they name
 */
export async function prepare(plan: Plan, recipes: readonly DataRecipe[], corpus: string, work: string): Promise<void> {
  await mkdir(work, { recursive: true })
  const folder = places.tokenizer(work)
  const [widest] = recipes.filter(({ name }) => name === 'raw')
  if (widest !== undefined && !(await localFolder(folder).has('tokenizer.json'))) {
    const tokenizer = trainTokenizer(tokenizerTexts(plan, widest, corpus), {
      vocabularySize: plan.tokenizer.vocabulary,
    })
    await writeFolderAtomic(folder, async (into) => {
      await into.writeFile('tokenizer.json', JSON.stringify(tokenizer))
      await into.writeFile('tokenizer_config.json', JSON.stringify(trainedTokenizerConfig, undefined, 2))
    })
  }
  for (const recipe of recipes) {
    const { pack } = recipe
    if (pack === undefined) continue
    const queue = await openPipelineQueue({ threads: 1 })
    try {
      await runData(
        { ...recipe, pack: { ...pack, tokenizer: folder } },
        { folder: places.shards(work, recipe.name), input: corpus, queue },
      )
    } finally {
      await queue.close()
    }
  }
}
