/** How well a model reads whole documents under any factors, without reading its weights again. */
import type { Backend, Device } from '../backends/backend.ts'
import { PocketPhiError, present, throwIfAborted } from '../base/errors.ts'
import type { OnProgress } from '../base/progress.ts'
import { fingerprintOf } from '../engine/cache-file.ts'
import { checkTensors, fillParameters } from '../engine/load.ts'
import { openModelFiles } from '../engine/model-files.ts'
import { formatsOf } from '../engine/weights.ts'
import type { FileTree } from '../formats/tree.ts'
import { modelFromConfig, type Model } from '../models/index.ts'
import { frequenciesName } from '../models/parts.ts'
import { traceCachedRows } from '../models/trace.ts'
import { ignoredTarget, pageSize } from '../program/index.ts'
import { appendLoss } from '../train/step/programs.ts'
import type { Candidate } from './candidates.ts'
import { extended, frequenciesOf, trainedFrequencies, trainedLength, type ConfigJson } from './rope-scaling.ts'

/** Token ids of whole texts. */
export type Documents = readonly (readonly number[])[]

export interface ReaderOptions {
  /** Tokens of a document that are read; what lies beyond is not. */
  readonly length: number
  /** What cosines and sines are multiplied by. */
  readonly scale: number
  /** Do not round activations to int8 where weights are packed, nor keys and values to f16. */
  readonly exact?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: OnProgress | undefined
}

/** Reads documents under one candidate after another. */
export interface DocumentReader {
  /**
   * The mean loss over all tokens but the first of each document, in nats.
   *
   * @throws PocketPhiError `aborted`; `invalid-file` for a model whose loss is not a number
   */
  lossOf(candidate: Candidate, documents: Documents): Promise<number>
  /** A hash of the weights as they are computed with, and of the frequencies: to be asked for before the first candidate. */
  fingerprint(): Promise<string>
  dispose(): Promise<void>
}

const programName = 'read'

/** Rows of one pass: 512, and fewer where so many logits would take more than 64 MB. */
function rowsFor({ shape: { vocabulary } }: Model): number {
  return Math.max(32, Math.min(512, 2 ** Math.floor(Math.log2(2 ** 24 / vocabulary))))
}

/**
 * Opens a model for reading documents of up to `length` tokens. The frequencies of its rotary table are a tensor of the store that
 * follows from the configuration, not from the weights: a candidate is no more than a small write into it. The first of
 * its two rows holds the frequencies that were trained, for start tokens, the second those of the candidate.
 *
 * @throws PocketPhiError as `loadCheckpoint`
 */
export async function openReader(tree: FileTree, backend: Backend, options: ReaderOptions): Promise<DocumentReader> {
  const files = await openModelFiles(tree)
  try {
    const config = await files.config()
    const table = candidateTable(config, options)
    const weights = await files.weights()
    const model = modelFromConfig(table.config)
    const rows = rowsFor(model)
    const pagesOfSequence = Math.ceil(options.length / pageSize)
    const sequences = Math.max(1, Math.floor(rows / options.length))
    const cache = { pages: sequences * pagesOfSequence, sequences, pagesOfSequence }
    const traced = traceCachedRows(model, programName, rows, cache, formatsOf(weights, options.exact ?? false))
    checkTensors(weights, traced.parameters, model.isUnused)
    appendLoss(traced, rows)
    const device = await backend.open([traced.trace.finish()])
    try {
      await fillParameters(device, weights, traced, options)
    } catch (error) {
      await device.dispose()
      throw error
    }
    const { layers } = model.shape
    return new CachedReader(device, { ...options, rows, sequences, pagesOfSequence, layers }, table.frequencies)
  } finally {
    await files.close()
  }
}

/** Makes the table of frequencies as the model makes it of a configuration with these factors. */
function candidateTable(config: ConfigJson, { length, scale }: ReaderOptions) {
  const ones = trainedFrequencies(config).map(() => 1)
  const configOf = (factors: readonly number[]): ConfigJson =>
    extended(config, {
      trained: Math.min(trainedLength(config), length),
      length,
      shortFactors: ones,
      longFactors: factors,
      scales: { short: scale, long: scale },
    })
  return { config: configOf(ones), frequencies: (factors: readonly number[]) => frequenciesOf(configOf(factors)) }
}

interface Layout extends ReaderOptions {
  readonly rows: number
  /** Documents that are read side by side. */
  readonly sequences: number
  readonly pagesOfSequence: number
  readonly layers: number
}

class CachedReader implements DocumentReader {
  readonly #device: Device
  readonly #layout: Layout
  readonly #frequencies: (factors: readonly number[]) => Float64Array
  readonly #pageTable: Int32Array

  constructor(device: Device, layout: Layout, frequencies: (factors: readonly number[]) => Float64Array) {
    this.#device = device
    this.#layout = layout
    this.#frequencies = frequencies
    this.#pageTable = Int32Array.from({ length: layout.sequences * layout.pagesOfSequence }, (_, page) => page)
  }

  async lossOf({ factors, startTokens }: Candidate, documents: Documents): Promise<number> {
    const { length, sequences } = this.#layout
    this.#device.write(frequenciesName, this.#frequencies(factors))
    const texts = documents.map((document) => document.slice(0, length))
    let [sum, predicted] = [0, 0]
    for (let first = 0; first < texts.length; first += sequences) {
      const read = await this.#readTogether(texts.slice(first, first + sequences), startTokens)
      sum += read.sum
      predicted += read.predicted
    }
    const loss = sum / Math.max(1, predicted)
    if (Number.isFinite(loss)) return loss
    throw new PocketPhiError('invalid-file', 'The loss of the model is not a number.', {
      expected: 'a model whose logits are finite',
      found: `a mean loss of ${loss} over ${predicted} tokens`,
    })
  }

  /** The sum of the losses of texts side by side, piece by piece. */
  async #readTogether(texts: Documents, startTokens: number): Promise<{ sum: number; predicted: number }> {
    const { length, rows, signal } = this.#layout
    const piece = Math.min(length, rows)
    const longest = Math.max(...texts.map((text) => text.length))
    let [sum, predicted] = [0, 0]
    for (let from = 0; from < longest; from += piece) {
      throwIfAborted(signal)
      const { inputs, learned } = pieceInputs(texts, from, piece, rows, startTokens)
      const { loss } = await this.#device.run(programName, { ...inputs, pageTable: this.#pageTable })
      sum += present(loss?.[0], 'loss')
      predicted += learned
    }
    return { sum, predicted }
  }

  async fingerprint(): Promise<string> {
    return await fingerprintOf(this.#device, this.#layout.layers)
  }

  async dispose(): Promise<void> {
    await this.#device.dispose()
  }
}

/** The rows of the texts from position `from` on, those of one text after those of another. */
function pieceInputs(texts: Documents, from: number, piece: number, rows: number, startTokens: number) {
  const inputs = {
    ids: new Int32Array(rows),
    positions: new Int32Array(rows),
    regimes: new Int32Array(rows),
    sequences: new Int32Array(rows).fill(-1),
    targets: new Int32Array(rows).fill(ignoredTarget),
    weights: new Float32Array(rows).fill(1),
  }
  let [row, learned] = [0, 0]
  texts.forEach((text, sequence) => {
    const until = Math.min(from + piece, text.length)
    for (let position = from; position < until; position++, row++) {
      inputs.ids[row] = present(text[position], 'id')
      inputs.positions[row] = position
      inputs.regimes[row] = position < startTokens ? 0 : 1
      inputs.sequences[row] = sequence
      const target = text[position + 1]
      if (target === undefined) continue
      inputs.targets[row] = target
      learned++
    }
  })
  return { inputs, learned }
}
