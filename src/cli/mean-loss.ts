/** The mean loss per token of a model folder on some text, whatever the format of its weights. */
import type { Backend, Device } from '../backends/backend.ts'
import { present, throwIfAborted } from '../base/errors.ts'
import type { OnProgress } from '../base/progress.ts'
import { checkTensors, fillParameters, formatsOf } from '../engine/load.ts'
import { openSafetensors } from '../formats/safetensors.ts'
import { localFolder } from '../formats/tree.ts'
import { modelFromConfig, type Model } from '../models/index.ts'
import { traceSequences } from '../models/trace.ts'
import { tensorType } from '../program/ops/definition.ts'
import { crossEntropy, weightedSum } from '../program/ops/loss.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { packBatch, type ExampleSource } from '../train/batches.ts'

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
 * @throws PocketPhiError `aborted`, and what opening a checkpoint throws
 */
export async function meanLoss(
  folder: string,
  backend: Backend,
  makeText: (context: number) => LossText,
  options: MeanLossOptions,
): Promise<MeanLoss> {
  const tree = localFolder(folder)
  const model = modelFromConfig(await tree.readJson('config.json'))
  const rows = rowsFor(model)
  const context = contextFor(model, rows)
  const checkpoint = await openSafetensors(tree)
  let device: Device
  try {
    const traced = traceSequences(model, 'evaluate', rows, formatsOf(checkpoint, options.exact ?? false))
    checkTensors(checkpoint, traced.parameters)
    const { trace } = traced
    const targets = trace.bind('input', 'targets', tensorType('i32', rows))
    const weights = trace.bind('input', 'weights', tensorType('f32', rows))
    trace.output('loss', weightedSum(crossEntropy(traced.logits, targets), weights))
    device = await backend.open([trace.finish()])
    await fillParameters(device, checkpoint, traced, options).catch(async (error: unknown) => {
      await device.dispose()
      throw error
    })
  } finally {
    await checkpoint.close()
  }
  try {
    return await measure(device, makeText(context), rows, context, options)
  } finally {
    await device.dispose()
  }
}

async function measure(
  device: Device,
  { source, examples }: LossText,
  rows: number,
  context: number,
  { tokens: wanted = Infinity, signal, onProgress }: MeanLossOptions,
): Promise<MeanLoss> {
  let sum = 0
  let tokens = 0
  for (let next = 0; tokens < wanted && next < examples;) {
    throwIfAborted(signal)
    const batch = packBatch(source, next, rows, context)
    next = batch.next
    const { loss } = await device.run('evaluate', batch.inputs)
    sum += present(loss?.[0], 'loss') * batch.learnedTokens
    tokens += batch.learnedTokens
    const [done, total] = Number.isFinite(wanted)
      ? [Math.min(tokens, wanted), wanted]
      : [Math.min(next, examples), examples]
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
