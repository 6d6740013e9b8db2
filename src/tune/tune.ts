import { wasmBackend } from '../backends/wasm/index.ts'
import type { Backend, Device } from '../backends/backend.ts'
import { PocketPhiError, throwIfAborted } from '../base/errors.ts'
import { nextTurn } from '../base/turn.ts'
import { findModelFiles, type ModelSource } from '../engine/load-model.ts'
import { isGgufModel, openPublished } from '../engine/model-files.ts'
import { loadText, type ModelText } from '../engine/load-text.ts'
import { pictureSettingsFile, pixelsOf, readPictureTiles, usualTiles, type PictureSource } from '../engine/album.ts'
import { blindError } from '../engine/pictures.ts'
import type { Checkpoint } from '../formats/safetensors.ts'
import { safetensorsBytes } from '../formats/safetensors-writer.ts'
import type { FileTree } from '../formats/tree.ts'
import { modelFromConfig, type Model } from '../models/index.ts'
import { packBatch, type Example, type ExampleSource } from '../train/step/batches.ts'
import { conversationExample, type Message } from '../train/step/examples.ts'
import { eyesOf, LearnedPicture, seeBatch } from '../train/step/pictures.ts'
import { traceTraining, type TrainingPrograms } from '../train/step/programs.ts'
import { accumulateGradients, stepOptimizer, type UpdateSettings } from '../train/step/update.ts'
import { readWeights, weightEntries } from '../train/step/weights.ts'

/** What is said, and shown before its words to a model that sees. */
export interface TuneMessage extends Omit<Message, 'pictures'> {
  readonly pictures?: readonly PictureSource[]
}

/** Messages in order; what the assistant says in them is learned. */
export type Conversation = readonly TuneMessage[]

/** What is heard after every update. */
export interface TuneProgress {
  /** Updates done, and those that there will be. */
  readonly step: number
  readonly steps: number
  /** Of the batch of this update, before it: the mean of the learned tokens, in nats. */
  readonly loss: number
  /** Of this update. */
  readonly learningRate: number
  /** Of all gradients together (2-norm), before they are clipped. */
  readonly gradientNorm: number
}

export interface TuneOptions {
  /** Taken in turn, again and again. */
  readonly conversations: readonly Conversation[]
  /** Updates of all weights; 40 when left out. */
  readonly steps?: number
  /** Tokens of one update, at least as many as the longest conversation has; 256 when left out. */
  readonly rows?: number
  /** The highest one, after a warm-up; it falls to a tenth. 0.0005 when left out, which suits models of a few million weights. */
  readonly learningRate?: number
  /** The most tiles that pictures are cut into, from 1 to 64: when left out what the model was published with, else 4. */
  readonly tiles?: number
  /** Worker threads; see `LoadModelOptions`. Results do not depend on it. */
  readonly threads?: number
  /** What computes; `wasmBackend()` when left out. */
  readonly backend?: Backend
  /** Ends after the update that is going on; what was learned until then is the result. While the model is read: `aborted`. */
  readonly signal?: AbortSignal
  /** After each update. */
  readonly onProgress?: (progress: TuneProgress) => void
}

export interface TunedModel {
  /** A model that `loadModel` takes: weights in BF16, and copies of the texts that stood beside those it began from. */
  readonly files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>
  /** Updates done: fewer than were asked for when the signal ended it. */
  readonly steps: number
}

const weightsName = 'model.safetensors'
/** The texts beside the weights, of which a model has some. */
const companions = [
  'config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'generation_config.json',
  'chat_template.jinja',
  pictureSettingsFile,
]

/** AdamW as phi-nano was trained with, without decay: a few steps are to keep what the model knows. */
const optimizer = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0, decayVectors: false }
const clip = 1

/**
 * Trains all weights of a model on conversations, of a model that sees all but its vision tower. Packed weights (4 and 8 bits) are trained as
 * the floats that they stand for. It takes 16 bytes for every weight and the activations of one batch, so it is for small models.
 *
 * @throws PocketPhiError `invalid-argument` for options that cannot be used, conversations of which nothing is learned or which
 *   do not fit, and a learning rate that lets the loss diverge; `not-supported` for GGUF files, for chat
 *   templates that write answers otherwise than they ask for them, and for pictures where the model does not see; `out-of-memory`; as `loadModel`
 *   and `PhiModel.picture`
 */
export async function tune(source: ModelSource, options: TuneOptions): Promise<TunedModel> {
  const { steps = 40, rows = 256, learningRate = 5e-4, threads, signal } = options
  checkNumber('steps', steps, Number.isSafeInteger(steps) && steps > 0, 'an integer of at least 1')
  checkNumber('rows', rows, Number.isSafeInteger(rows) && rows > 0, 'an integer of at least 1')
  checkNumber('learningRate', learningRate, learningRate > 0 && learningRate < 1, 'a number above 0, below 1')
  const { tree, weightsFile } = await findModelFiles(source, signal === undefined ? {} : { signal })
  if (await isGgufModel(tree, weightsFile)) {
    throw new PocketPhiError('not-supported', 'A GGUF file cannot be trained.', {
      expected: 'a folder with config.json and weights in safetensors',
    })
  }
  const model = modelFromConfig(await tree.readJson('config.json'))
  const texts = await readCompanions(tree)
  const examples = await readExamples(tree, model, options.conversations, { rows, tiles: options.tiles })
  const programs = traceTraining(model, rows, optimizer)
  const backend = options.backend ?? wasmBackend(threads === undefined ? {} : { threads })
  const { gradients, update, tower, parameters, frozen } = programs
  const device = await backend.open([gradients, update, ...(tower === undefined ? [] : [tower])])
  try {
    await fillDevice(device, programs, model, await openPublished(tree, weightsFile))
    throwIfAborted(signal)
    const warmupSteps = Math.ceil(steps / 10)
    const schedule = { peak: learningRate, warmupSteps, steps, decay: 'linear', floor: 0.1, hold: 0 } as const
    const done = await runUpdates(
      device,
      examples,
      { rows, model, settings: { ...optimizer, clip, schedule } },
      options,
    )
    const weights = await safetensorsBytes(await weightEntries(device, [...parameters, ...frozen], 'BF16'))
    return { files: new Map([...texts, [weightsName, weights]]), steps: done }
  } finally {
    await device.dispose()
  }
}

function checkNumber(name: string, value: number, fits: boolean, expected: string): void {
  if (fits) return
  throw new PocketPhiError('invalid-argument', `The option "${name}" cannot be used.`, {
    expected,
    found: String(value),
  })
}

async function fillDevice(
  device: Device,
  { buffers, parameters, frozen }: TrainingPrograms,
  { isUnused }: Model,
  checkpoint: Checkpoint,
): Promise<void> {
  try {
    for (const [name, values] of buffers) device.write(name, values)
    await readWeights(checkpoint, device, [...parameters, ...frozen], isUnused)
  } finally {
    await checkpoint.close()
  }
}

interface ExampleOptions {
  readonly rows: number
  readonly tiles: number | undefined
}

/** The conversations as the model will see them when it is asked, again and again. */
async function readExamples(
  tree: FileTree,
  model: Model,
  conversations: readonly Conversation[],
  { rows, tiles }: ExampleOptions,
): Promise<ExampleSource> {
  const text = await loadText(tree)
  const most = Math.min(rows, model.shape.maxPositions)
  const cut = tiles ?? (await readPictureTiles(tree)) ?? usualTiles
  const examples: Example[] = []
  for (const [index, conversation] of conversations.entries()) {
    const example = exampleOf(text, await readPictures(model, conversation, cut), index)
    examples.push(example)
    if (example.ids.length <= most) continue
    throw new PocketPhiError('invalid-argument', `Conversation ${index} is too long.`, {
      expected: `at most ${most} tokens`,
      found: String(example.ids.length),
      remedy: rows < model.shape.maxPositions ? 'Shorten it, or raise "rows".' : 'Shorten it.',
    })
  }
  if (examples.length === 0) {
    throw new PocketPhiError('invalid-argument', 'There is nothing to learn from.', { expected: 'a conversation' })
  }
  return { example: (index) => examples[index % examples.length] as Example }
}

async function readPictures({ vision, type }: Model, conversation: Conversation, tiles: number): Promise<Message[]> {
  const read = async ({ pictures = [], ...message }: TuneMessage): Promise<Message> => {
    if (pictures.length === 0) return message
    if (vision === undefined) throw blindError(type)
    const shown = pictures.map(async (source) => new LearnedPicture(await pixelsOf(source), tiles))
    return { ...message, pictures: await Promise.all(shown) }
  }
  return await Promise.all(conversation.map(read))
}

function exampleOf({ tokenizer, template }: ModelText, conversation: readonly Message[], index: number): Example {
  const last = conversation.at(-1)
  if (last?.role !== 'assistant') {
    throw new PocketPhiError('invalid-argument', `Of conversation ${index} nothing is learned.`, {
      expected: 'that its last message is of the role "assistant"',
      found: last === undefined ? 'no message' : `"${last.role}"`,
    })
  }
  if (tokenizer === undefined || template === undefined) {
    throw new PocketPhiError('not-found', 'It is not known how conversations are written for this model.', {
      expected: 'tokenizer.json and tokenizer_config.json beside config.json',
    })
  }
  return conversationExample(tokenizer, conversation, template)
}

interface UpdatePlan {
  readonly rows: number
  readonly model: Model
  readonly settings: UpdateSettings
}

/** @returns how many updates were done */
async function runUpdates(
  device: Device,
  examples: ExampleSource,
  { rows, model, settings }: UpdatePlan,
  { signal, onProgress }: TuneOptions,
): Promise<number> {
  const { steps } = settings.schedule
  const eyes = eyesOf(model, device)
  let next = 0
  for (let step = 0; step < steps; step++) {
    // Where a run needs no event, as in a worker, one that would abort the signal is not heard otherwise.
    await nextTurn()
    if (signal?.aborted === true) return step
    const batch = await seeBatch(packBatch(examples, next, rows, rows, model.shape.ropeBorder), eyes)
    next = batch.next
    const { loss } = await accumulateGradients(device, [batch])
    if (!Number.isFinite(loss)) throw diverged(step, settings)
    const { gradientNorm, rate } = await stepOptimizer(device, settings, step)
    if (!Number.isFinite(gradientNorm)) throw diverged(step, settings)
    onProgress?.({ step: step + 1, steps, loss, learningRate: rate, gradientNorm })
  }
  return steps
}

function diverged(step: number, { schedule }: UpdateSettings): PocketPhiError {
  return new PocketPhiError('invalid-argument', `The training diverged at update ${step + 1}.`, {
    found: `a learning rate of ${schedule.peak}`,
    remedy: 'Lower "learningRate".',
  })
}

type ModelFiles = ReadonlyMap<string, Uint8Array<ArrayBuffer>>

/** Read before the updates: a signal that ends those ends requests to a server as well. */
async function readCompanions(tree: FileTree): Promise<ModelFiles> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>()
  for (const name of companions) {
    if (await tree.has(name)) files.set(name, new TextEncoder().encode(await tree.readText(name)))
  }
  return files
}
