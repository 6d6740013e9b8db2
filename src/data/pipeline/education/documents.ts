/** Documents to be judged: those that a run of the pipeline kept, and those of files. */
import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { PocketPhiError } from '../../../base/errors.ts'
import { isSkipped } from '../../documents/found.ts'
import type { DataDocument } from '../document.ts'
import { readDocuments } from '../files.ts'
import { stagesFolder } from '../plan.ts'
import { readRun } from '../run.ts'
import { readFileDocuments } from '../sources/read-file.ts'
import { textStage } from '../stages/text.ts'

const fields = { text: 'text', title: 'title', url: 'url' }

/** Stages whose folders hold no documents. */
const withoutDocuments = new Set(['tokens', 'pack'])

/**
 * The documents of folders of runs, as the last stage that is done left them, and of files of any format that is read; pages become what they say.
 *
 * @throws PocketPhiError `not-found`; `invalid-config` for a run that has kept nothing yet; what reading throws
 */
export async function* documentsIn(paths: readonly string[]): AsyncGenerator<DataDocument, void> {
  const toText = await textStage.prepare({})
  for (const path of paths) {
    const found = await stat(path).catch((cause: unknown) => {
      throw new PocketPhiError('not-found', `There is no "${path}".`, {
        expected: 'a file of documents, or the folder of a run',
        cause,
      })
    })
    for await (const document of found.isDirectory() ? runDocuments(path) : fileDocuments(path)) {
      const outcome = toText(document)
      if ('kept' in outcome) yield outcome.kept
    }
  }
}

async function* runDocuments(folder: string): AsyncGenerator<DataDocument, void> {
  const { run, records } = await readRun(folder)
  const last = records.findLastIndex((record) => record !== undefined && !withoutDocuments.has(record.name))
  const [stage, record] = [run.stages[last], records[last]]
  if (stage === undefined || record === undefined) {
    throw new PocketPhiError('invalid-config', `The run in "${folder}" has no documents yet.`, {
      remedy: 'Let phi data run come to its first stage.',
    })
  }
  for (const shard of record.shards) yield* await readDocuments(join(stagesFolder(folder), stage.folder), shard)
}

async function* fileDocuments(path: string): AsyncGenerator<DataDocument, void> {
  const source = basename(path).replace(/\..*$/, '')
  let number = 0
  for await (const found of readFileDocuments(path, fields)) {
    const id = `${basename(path)}#${number++}`
    if (!isSkipped(found)) yield { id, source, ...found }
  }
}
