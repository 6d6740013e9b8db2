/**
 * The mean loss per token of a model on some text, whatever the format of its weights: with the whole model in memory, or
 * with one layer at a time.
 */
import type { Backend, Device } from '../backends/backend.ts'
import { present, throwIfAborted } from '../base/errors.ts'
import type { OnProgress } from '../base/progress.ts'
import type { ModelPlace } from '../engine/find-model.ts'
import { checkTensors, fillParameters, loadEngine } from '../engine/load.ts'
import { formatsOf } from '../engine/weights.ts'
import { openModelFiles } from '../engine/model-files.ts'
import { logProbabilities } from '../engine/sampling.ts'
import type { Scheduler } from '../engine/scheduler.ts'
import { openSafetensors } from '../formats/safetensors.ts'
import { localFolder } from '../formats/tree.ts'
import { modelFromConfig, type Model } from '../models/index.ts'
import { traceSequences } from '../models/trace.ts'
import { ignoredTarget, type CacheDType } from '../program/index.ts'
import { stagedLoss } from '../quant/staged-loss.ts'
import { addLoss } from '../quant/stages.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { packBatch, type Batch, type ExampleSource } from '../train/step/batches.ts'

export interface MeanLossOptions {
  /** Predicted tokens after which to stop; the end of the text when left out. */
  readonly tokens?: number
  /** Do not round activations to int8 where weights are packed. */
  readonly exact?: boolean
  readonly signal?: AbortSignal
  readonly onProgress?: OnProgress
}

/** Text to measure on. */
export interface LossText {
  readonly source: ExampleSource
  /** How many examples there are; infinity for text without end. What lies beyond them has nothing to learn. */
  readonly examples: number
}

export interface MeanLoss {
  /** In nats per predicted token. */
  readonly loss: number
  /** Tokens that were predicted. */
  readonly tokens: number
}

/** Rows of one pass, so that its logits take some 130 MB at most. */
function rowsFor(model: Model): number {
  const fitting = 2 ** Math.floor(Math.log2(2 ** 25 / model.shape.vocabulary))
  return Math.max(64, Math.min(2048, fitting))
}

/** Tokens that one example may have: what fits a pass, and what the short rotary table is for. */
function contextFor({ shape }: Model, rows: number): number {
  return Math.min(rows, shape.maxPositions, shape.ropeBorder ?? Infinity)
}

/**
 * Measures the loss over examples in order. The same source gives the same examples to every model with the same
 * tokenizer, so that losses can be compared.
 *
 * @param makeText the text, given the tokens that one example may have
 * @throws PocketPhiError `aborted`, and what opening a model throws
 */
export async function meanLoss(
  { tree, weightsFile }: Pick<ModelPlace, 'tree' | 'weightsFile'>,
  backend: Backend,
  makeText: (context: number) => LossText,
  options: MeanLossOptions,
): Promise<MeanLoss> {
  const files = await openModelFiles(tree, weightsFile)
  let device: Device | undefined
  try {
    const model = modelFromConfig(await files.config())
    const rows = rowsFor(model)
    const context = contextFor(model, rows)
    const weights = await files.weights()
    const traced = traceSequences(model, 'evaluate', rows, formatsOf(weights, options.exact ?? false))
    checkTensors(weights, traced.parameters)
    addLoss(traced, rows)
    device = await backend.open([traced.trace.finish()])
    await fillParameters(device, weights, traced, options)
    const opened = device
    const lossOf = async ({ inputs, learnedTokens }: Batch): Promise<number> => {
      const { loss } = await opened.run('evaluate', inputs)
      return present(loss?.[0], 'loss') * learnedTokens
    }
    return await measure(lossOf, makeText(context), rows, context, options)
  } finally {
    await device?.dispose()
    await files.close()
  }
}

/**
 * The same on the same tokens as answers are computed, through a cache that keeps keys and values in this type.
 *
 * @throws PocketPhiError as `meanLoss`
 */
export async function meanLossOfCache(
  { tree, weightsFile }: Pick<ModelPlace, 'tree' | 'weightsFile'>,
  backend: Backend,
  cacheType: CacheDType,
  makeText: (context: number) => LossText,
  options: MeanLossOptions,
): Promise<MeanLoss> {
  const files = await openModelFiles(tree, weightsFile)
  let engine: Scheduler | undefined
  try {
    const model = modelFromConfig(await files.config())
    const rows = rowsFor(model)
    const context = contextFor(model, rows)
    engine = await loadEngine(files, backend, { ...options, context, cacheType })
    const opened = engine
    return await measure((batch) => lossThroughCache(opened, batch), makeText(context), rows, context, options)
  } finally {
    await engine?.dispose()
    await files.close()
  }
}

/** The sum of the losses of a batch, whose sequences are computed one after the other. */
async function lossThroughCache(engine: Scheduler, { inputs, tokens }: Batch): Promise<number> {
  let sum = 0
  for (let start = 0; start < tokens;) {
    let end = start
    while (end < tokens && inputs.starts[end] === start) end++
    const targets = inputs.targets.subarray(start, end)
    const sequence = await engine.open([...inputs.ids.subarray(start, end)], { reserve: end - start })
    try {
      await sequence.rows(0, (row, logits) => {
        const target = present(targets[row], 'target')
        if (target !== ignoredTarget) sum -= logProbabilities(logits, target, 0).chosen.logprob
      })
    } finally {
      sequence.close()
    }
    start = end
  }
  return sum
}

/**
 * The same for a folder of safetensors, with the weights of one layer in memory at a time, for models of any size. Progress counts steps: a batch through a
 * layer.
 * @throws PocketPhiError as `meanLoss`
 */
export async function meanLossByLayers(
  folder: string,
  backend: Backend,
  makeText: (context: number) => LossText,
  { tokens: wanted, ...options }: MeanLossOptions,
): Promise<MeanLoss> {
  const tree = localFolder(folder)
  const model = modelFromConfig(await tree.readJson('config.json'))
  const rows = rowsFor(model)
  const context = contextFor(model, rows)
  const batches = [...batchesOf(makeText(context), rows, context, wanted)]
  const checkpoint = await openSafetensors(tree)
  try {
    const loss = await stagedLoss(model, checkpoint, batches, { ...options, backend, rows })
    return { loss, tokens: batches.reduce((sum, { learnedTokens }) => sum + learnedTokens, 0) }
  } finally {
    await checkpoint.close()
  }
}

/** The examples of a text in batches, until as many tokens are predicted as are wanted. */
function* batchesOf(
  { source, examples }: LossText,
  rows: number,
  context: number,
  wanted = Infinity,
): Generator<Batch> {
  let tokens = 0
  for (let next = 0; tokens < wanted && next < examples;) {
    const batch = packBatch(source, next, rows, context)
    next = batch.next
    tokens += batch.learnedTokens
    yield batch
  }
}

/** Adds up the losses of batches, each the sum over the tokens that it predicts. */
async function measure(
  lossOf: (batch: Batch) => Promise<number>,
  text: LossText,
  rows: number,
  context: number,
  { tokens: wanted = Infinity, signal, onProgress }: MeanLossOptions,
): Promise<MeanLoss> {
  let sum = 0
  let tokens = 0
  for (const batch of batchesOf(text, rows, context, wanted)) {
    throwIfAborted(signal)
    sum += await lossOf(batch)
    tokens += batch.learnedTokens
    const [done, total] = Number.isFinite(wanted)
      ? [Math.min(tokens, wanted), wanted]
      : [Math.min(batch.next, text.examples), text.examples]
    onProgress?.({ stage: 'measuring', done, total, unit: Number.isFinite(wanted) ? 'tokens' : 'rows' })
  }
  return { loss: sum / Math.max(1, tokens), tokens }
}

/** A text cut into pieces of at most `context` tokens. */
export function textPieces(tokenizer: Tokenizer, text: string, context: number): LossText {
  const ids = tokenizer.encode(text)
  const examples = Math.ceil(ids.length / context)
  const padding = { ids: new Array<number>(context).fill(0), learned: new Array<boolean>(context).fill(false) }
  const source: ExampleSource = {
    example: (index) => (index < examples ? { ids: ids.slice(index * context, (index + 1) * context) } : padding),
  }
  return { source, examples }
}
