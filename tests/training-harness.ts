/** A training run so small that hundreds of them take seconds, and ways to disturb it. */
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, relative } from 'node:path'
import { wasmBackend } from '../src/backends/wasm/index.ts'
import type { FaultInjector, FileOperation } from '../src/formats/atomic.ts'
import { parseRecipe, type Recipe } from '../src/train/recipe.ts'
import { train, type TrainOptions } from '../src/train/trainer.ts'

const vocabulary = 352

/** One layer, 15,000 weights, four updates of two batches each, a checkpoint after every one, two of them kept. */
export const tinyRecipeText = `
name: tiny
description: For tests of training.
seed: 5
model:
  model_type: phi3
  vocab_size: ${vocabulary}
  hidden_size: 16
  intermediate_size: 16
  num_hidden_layers: 1
  num_attention_heads: 2
  num_key_value_heads: 1
  max_position_embeddings: 64
  original_max_position_embeddings: 64
  tie_word_embeddings: true
  bos_token_id: 1
  eos_token_id: [${vocabulary - 11}, ${vocabulary - 4}]
tokenizer: { train: { vocabulary: ${vocabulary}, examples: 20 } }
data:
  - { source: world-documents, weight: 0.5, seed: 1 }
  - { source: world-conversations, weight: 0.5, seed: 2 }
batch: { rows: 64, context: 32, accumulation: 2 }
optimizer: {}
schedule: { peak: 0.01, warmupSteps: 1, steps: 4, decay: linear }
checkpoint: { everySteps: 1 }
evaluation: { everySteps: 3, batches: 1, seed: 1000 }
`

export const tinyRecipe: Recipe = parseRecipe(tinyRecipeText)

/** A new folder, in memory where the machine has such a place: synchronising is most of what these runs would wait for. */
export function temporaryFolder(): string {
  const memory = '/dev/shm'
  const isThere = statSync(memory, { throwIfNoEntry: false })?.isDirectory() === true
  return mkdtempSync(join(isThere ? memory : tmpdir(), 'pocket-phi-training-'))
}

/** Runs with a new folder that is removed at the end. */
export async function inFolder<T>(action: (folder: string) => Promise<T>): Promise<T> {
  const folder = temporaryFolder()
  try {
    return await action(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A fresh `train` of the tiny recipe in the caller's thread: nothing survives from one call to the next but the files. */
export async function trainTiny(
  folder: string,
  options: Partial<TrainOptions> = {},
  recipe = tinyRecipe,
): Promise<void> {
  await train(recipe, { folder, backend: wasmBackend({ mode: 'inline' }), ...options })
}

/** What a kill looks like from inside. */
export class Killed extends Error {}

/** Counts the file operations of a run, and dies before one of them. */
export interface Countdown extends FaultInjector {
  readonly operations: readonly string[]
}

/** Dies before operation `number`, counted from 1, and like a dead process does nothing after it. */
export function killBefore(number = Infinity): Countdown {
  const operations: string[] = []
  return {
    operations,
    before(operation: FileOperation, path: string) {
      operations.push(`${operation} ${basename(path).replace(/\d+-\d+$/, '#')}`)
      if (operations.length >= number) throw new Killed(operations.at(-1))
    },
  }
}

/** A digest of every file below a folder, by path: short enough that a difference can be read. */
export function filesBelow(folder: string): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
  return Object.fromEntries(
    paths.map((path) => [
      relative(folder, path),
      createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16),
    ]),
  )
}

/** The rows of metrics.jsonl without what the wall clock says. */
export function reproducibleMetrics(folder: string): unknown[] {
  const lines = readFileSync(join(folder, 'metrics.jsonl'), 'utf8').split('\n')
  if (lines.pop() !== '') throw new Error('metrics.jsonl does not end with a line break')
  return lines.map((line) => {
    const { tokensPerSecond: _, seconds: __, ...row } = JSON.parse(line) as Record<string, unknown>
    return row
  })
}

/**
 * All that a finished run leaves behind, apart from what the wall clock says: every file of final/ and of the
 * checkpoints byte for byte, the picture, the metrics, and nothing else.
 */
export function outcome(folder: string): Record<string, unknown> {
  const { 'metrics.jsonl': _, ...files } = filesBelow(folder)
  return { ...files, 'metrics.jsonl': reproducibleMetrics(folder) }
}
