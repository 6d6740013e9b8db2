/** Pictures that are learned from. The vision tower stays as it is, so that what it makes of a picture is computed once. */
import type { Device } from '../../backends/backend.ts'
import { viewPicture } from '../../engine/pictures.ts'
import type { Model, VisionModel } from '../../models/model.ts'
import {
  pictureTokenKinds,
  preparePicture,
  type Pixels,
  type PictureToken,
  type PreparedPicture,
} from '../../vision/index.ts'
import type { Batch } from './batches.ts'

/** What looks at a picture: f32[tokens * featureWidth], with 0 for separators, which are learned. */
export type Look = (prepared: PreparedPicture) => Promise<Float32Array>

/** A picture of an example. */
export class LearnedPicture {
  readonly prepared: PreparedPicture
  readonly tokens: readonly PictureToken[]
  #features: Promise<Float32Array> | undefined

  /** @throws PocketPhiError as `preparePicture` */
  constructor(pixels: Pixels, tiles: number) {
    this.prepared = preparePicture(pixels, tiles)
    this.tokens = pictureTokenKinds(this.prepared.layout)
  }

  /** What the tower makes of it; asked for again, it is still known. */
  features(look: Look): Promise<Float32Array> {
    return (this.#features ??= look(this.prepared))
  }
}

/** The eyes of a model that is trained on this device; undefined of one that does not see. */
export interface Eyes {
  readonly vision: VisionModel
  readonly look: Look
}

/** @param device with the program `tower` of `traceTraining` */
export function eyesOf({ vision }: Model, device: Pick<Device, 'run'>): Eyes | undefined {
  if (vision === undefined) return undefined
  const { featureWidth: width } = vision
  const nothing = new Float32Array(width)
  const look: Look = (prepared) =>
    viewPicture(prepared, { ...vision, width }, async (program, inputs) => ({
      ...(await device.run(program, inputs)),
      lineEnd: nothing,
      viewEnd: nothing,
    }))
  return { vision, look }
}

/** A batch with what its pictures show, as the programs of models that see take it (`tracePictured`). */
export async function seeBatch(batch: Batch, eyes: Eyes | undefined): Promise<Batch> {
  if (eyes === undefined) return batch
  const { vision, look } = eyes
  const rows = batch.inputs.ids.length
  const features = new Float32Array(rows * vision.featureWidth)
  const [pictureRows, lineEnds, viewEnds] = [0, 1, 2].map(() => new Int32Array(rows).fill(-1)) as [
    Int32Array,
    Int32Array,
    Int32Array,
  ]
  for (const { picture, row, count } of batch.pictures) {
    const seen = await picture.features(look)
    features.set(seen.subarray(0, count * vision.featureWidth), row * vision.featureWidth)
    for (let index = 0; index < count; index++) {
      pictureRows[row + index] = row + index
      const kind = picture.tokens[index]
      if (kind === 'lineEnd') lineEnds[row + index] = 0
      if (kind === 'viewEnd') viewEnds[row + index] = 0
    }
  }
  return { ...batch, inputs: { ...batch.inputs, features, pictureRows, lineEnds, viewEnds } }
}
