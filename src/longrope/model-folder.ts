/** Writes a model with another configuration, or with other weights. */
import { createReadStream } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { companionsIn, configFile } from '../engine/companions.ts'
import { writeFolderAtomic, type AtomicOptions } from '../formats/atomic.ts'
import { indexFileName } from '../formats/safetensors.ts'
import { localFolder } from '../formats/tree.ts'
import type { ConfigJson } from './rope-scaling.ts'

/** The folders that a model is put together from. */
export interface ModelParts {
  /** Tokenizer, template, licence and all else that stands beside the weights. */
  readonly texts: string
  /** The weights in safetensors, in one file or several. */
  readonly weights: string
  readonly config: ConfigJson
}

/**
 * Writes the folder of a model; one of that name is replaced.
 *
 * @throws PocketPhiError `out-of-memory` for a full disk; what `writeFolderAtomic` throws
 */
export async function writeModel(folder: string, parts: ModelParts, options: AtomicOptions = {}): Promise<void> {
  const companions = (await companionsIn(localFolder(parts.texts))).filter((name) => name !== configFile)
  const names = await localFolder(parts.weights).list()
  const weights = names.filter((name) => name.endsWith('.safetensors') || name === indexFileName)
  await mkdir(dirname(resolve(folder)), { recursive: true })
  await writeFolderAtomic(
    folder,
    async (into) => {
      await into.writeFile(configFile, `${JSON.stringify(parts.config, undefined, 2)}\n`)
      for (const name of companions) await into.writeFile(name, await readFile(join(parts.texts, name)))
      for (const name of weights) await into.writeFile(name, createReadStream(join(parts.weights, name)))
    },
    { ...options, replace: true },
  )
}
