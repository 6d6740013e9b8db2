/** Pictures in texts: what stands for them among the ids, and the rows that the model makes of them. */
import { PocketPhiError } from '../base/errors.ts'
import { visionIndices, visionProgramName } from '../models/trace-vision.ts'
import type { VisionModel } from '../models/model.ts'
import { pictureTokens, tileSide, tokensOfSide } from '../vision/layout.ts'
import { patchesOf } from '../vision/patches.ts'
import type { PreparedPicture } from '../vision/prepare.ts'
import type { RunInputs } from '../backends/backend.ts'

/** The id that the next picture begins with. Those of pictures are negative, and no two share one. */
let nextId = -1

/**
 * A picture that texts can contain. Its ids stand for it there, one for each of its tokens; the same ids are the same picture, so that
 * a text that is known up to them need not be computed again. It belongs to the model that it was made for.
 */
export class Picture {
  /** Pixels of the picture as it was given. */
  readonly width: number
  readonly height: number
  /** What stands for it in a text: negative, and its own. */
  readonly ids: readonly number[]
  #prepared: PreparedPicture | undefined
  #rows: Float32Array | undefined
  #rowWidth = 0

  /** @internal */
  constructor(width: number, height: number, prepared: PreparedPicture) {
    this.width = width
    this.height = height
    this.#prepared = prepared
    const first = nextId
    this.ids = Array.from({ length: pictureTokens(prepared.layout) }, (_, index) => first - index)
    nextId -= this.ids.length
  }

  /** Tokens that it takes in a text. */
  get tokens(): number {
    return this.ids.length
  }

  /** Whether the model has looked at it. */
  get isSeen(): boolean {
    return this.#rows !== undefined
  }

  /** Whether an id stands for a part of it. */
  has(id: number): boolean {
    const first = this.ids[0] as number
    return id <= first && id > first - this.ids.length
  }

  /**
   * What takes the place of the embedding of one of its ids, f32[width].
   *
   * @internal
   */
  rowOf(id: number): Float32Array {
    const from = ((this.ids[0] as number) - id) * this.#rowWidth
    if (this.#rows === undefined) throw new Error('defect: nobody has looked at the picture')
    return this.#rows.subarray(from, from + this.#rowWidth)
  }

  /**
   * Lets a model look at it, tile by tile; nothing is done where it has.
   *
   * @param run runs a program of the model's device
   * @param onTile told how many of the passes are done
   * @internal
   */
  async look(
    vision: Pick<VisionModel, 'rows' | 'patchValues' | 'width'>,
    run: RunVision,
    onTile: (done: number, total: number) => void,
  ): Promise<void> {
    const prepared = this.#prepared
    if (prepared === undefined) return
    this.#rows = await viewPicture(prepared, vision, run, onTile)
    this.#rowWidth = vision.width
    this.#prepared = undefined
  }
}

/** Runs a program of the device of a model that sees. */
export type RunVision = (program: string, inputs: RunInputs) => Promise<Record<string, Float32Array>>

/**
 * The tokens of a picture as the program `vision` makes them of its tiles, one after the other: f32[tokens * width].
 *
 * @param onTile told how many of the passes are done
 */
export async function viewPicture(
  prepared: PreparedPicture,
  { rows: passRows, patchValues, width }: Pick<VisionModel, 'rows' | 'patchValues' | 'width'>,
  run: RunVision,
  onTile: (done: number, total: number) => void = () => {},
): Promise<Float32Array> {
  // Loaded with the first picture: most pages have none.
  const { overviewOf, tileOf } = await import('../vision/prepare.ts')
  const { columns, rows } = prepared.layout
  const patch = Math.sqrt(patchValues / 3)
  const indices = visionIndices(passRows)
  const passes = columns * rows === 1 ? 1 : columns * rows + 1
  let done = 0
  const view = async (tile: Float32Array): Promise<View> => {
    const outputs = await run(visionProgramName, { ...indices, patches: patchesOf(tile, tileSide, patch) })
    onTile(++done, passes)
    return outputs as unknown as View
  }
  const sequence = new Float32Array(pictureTokens(prepared.layout) * width)
  const lines = new LineWriter(sequence, width)
  let only: View | undefined
  for (let row = 0; row < rows; row++) {
    const views: View[] = []
    for (let column = 0; column < columns; column++) views.push(await view(tileOf(prepared, row, column)))
    lines.write(views)
    if (columns * rows === 1) only = views[0]
  }
  // Of a picture of one tile the whole of it is that tile, scaled by nothing.
  const overview = only ?? (await view(overviewOf(prepared)))
  lines.put(overview.viewEnd)
  lines.write([overview])
  return sequence
}

/** What the program of a vision model gives. */
type View = Readonly<Record<'tokens' | 'lineEnd' | 'viewEnd', Float32Array>>

/** Writes the tokens of views line by line. */
class LineWriter {
  readonly #target: Float32Array
  readonly #lineValues: number
  #at = 0

  constructor(target: Float32Array, width: number) {
    this.#target = target
    this.#lineValues = tokensOfSide * width
  }

  put(values: Float32Array): void {
    this.#target.set(values, this.#at)
    this.#at += values.length
  }

  /** The lines of views that are side by side, each with what ends it. */
  write(views: readonly View[]): void {
    for (let line = 0; line < tokensOfSide; line++) {
      for (const { tokens } of views) {
        this.put(tokens.subarray(line * this.#lineValues, (line + 1) * this.#lineValues))
      }
      const [first] = views
      if (first !== undefined) this.put(first.lineEnd)
    }
  }
}

/** Thrown where a model is given a picture that it has no eyes for. */
export function blindError(type: string): PocketPhiError {
  return new PocketPhiError('not-supported', 'This model cannot see pictures.', {
    expected: 'Phi-3-vision or Phi-3.5-vision',
    found: `a model of type "${type}"`,
  })
}
