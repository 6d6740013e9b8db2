/** Compares one folder of golden numbers, whatever kind it holds; in Node and in a page alike. */
import { PocketPhiError } from '../../src/base/errors.ts'
import type { FileTree } from '../../src/formats/tree.ts'
import { clipFolder } from './clip-folder.ts'
import type { Row, Settings } from './compare.ts'
import { ggufFolder } from './gguf-folder.ts'
import { hdTransformFolder } from './hd-transform-folder.ts'
import { modelRows } from './model-folder.ts'
import { samplersFolder } from './samplers.ts'
import { trainingFolder } from './training-folder.ts'
import { visionModelFolder } from './vision-model-folder.ts'

/** The folders beside each other, by their names. */
export type FolderOf = (name: string) => FileTree

/** The rows of a folder. An error is a row that fails, and what is not built here one that says so. */
export async function rowsOf(folderOf: FolderOf, folder: string, settings: Settings): Promise<Row[]> {
  try {
    return await runFolder(folderOf, folder, settings)
  } catch (error) {
    if (error instanceof PocketPhiError && error.code === 'not-supported') {
      return [{ folder, name: '', measured: [], skipped: error.message, usesWeights: false }]
    }
    console.error(error instanceof Error ? error.stack : error)
    const measured = [{ what: String(error), difference: Infinity, tolerance: 0 }]
    return [{ folder, name: 'failed to run', measured, usesWeights: true }]
  }
}

/** What kind of goldens a folder holds decides who compares them. */
async function runFolder(folderOf: FolderOf, folder: string, settings: Settings): Promise<Row[]> {
  const tree = folderOf(folder)
  if (await tree.has('images.json')) return await hdTransformFolder(tree, folder)
  if ((await tree.has('config.json')) && (await tree.has('golden.safetensors'))) {
    const { model_type: type } = (await tree.readJson('config.json')) as { model_type?: string }
    if (type === 'phi3_v') return await visionModelFolder(tree, folder, settings)
    if (type === 'clip_vision_model') return await clipFolder(tree, folder, settings)
    return await modelRows({ tree, goldenFile: 'golden.safetensors' }, folder, { ...settings, exact: false })
  }
  if (await tree.has('training.json')) return await trainingFolder(tree, folderOf, folder, settings)
  if (await tree.has('blocks.safetensors')) return await ggufFolder(tree, folder, settings)
  if (await tree.has('samplers.json')) return await samplersFolder(tree, folder)
  return [{ folder, name: '', measured: [], skipped: 'this kind of goldens', usesWeights: false }]
}
