/** What an engine does for texts with pictures. */
import type { RunInputs, RunOutputs } from '../backends/backend.ts'
import type { Model } from '../models/index.ts'
import { blindError, type Picture } from './pictures.ts'
import type { AdvanceOptions, Sequence } from './sequence.ts'

/** @throws PocketPhiError `not-supported` for pictures that the model cannot see */
export function checkSight({ vision, type }: Model, pictures: readonly Picture[] = []): void {
  if (vision === undefined && pictures.length > 0) throw blindError(type)
}

/**
 * Lets the model look at the pictures among the rows of a sequence that are to be computed, where it has not yet.
 *
 * @param run runs a program of the device when it has time
 */
export async function lookAtPictures(
  { vision }: Model,
  sequence: Sequence,
  { onProgress }: AdvanceOptions,
  run: (program: string, inputs: RunInputs) => Promise<RunOutputs>,
): Promise<void> {
  if (vision === undefined || sequence.pictures.length === 0) return
  const waiting = new Set(sequence.ids.slice(sequence.computed).filter((id) => id < 0))
  for (const picture of sequence.pictures) {
    if (picture.isSeen || !waiting.has(picture.ids.at(-1) ?? 0)) continue
    await picture.look(vision, run, (done, total) =>
      onProgress?.({ stage: 'looking at a picture', done, total, unit: 'tiles' }),
    )
  }
}

/** What a pass over so many rows is given of pictures; undefined for models that do not see. */
export function pictureInputs({ vision }: Model, rows: number) {
  if (vision === undefined) return undefined
  const { width } = vision
  const inputs = { pictures: new Float32Array(rows * width), pictureRows: new Int32Array(rows).fill(-1) }
  return {
    inputs,
    put(row: number, values: Float32Array): void {
      inputs.pictures.set(values, row * width)
      inputs.pictureRows[row] = row
    },
  }
}
