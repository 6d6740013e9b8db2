import type { Tensor } from '../program/trace.ts'
import type { AttentionAttributes } from '../program/ops/attention.ts'

/** How a parameter starts when a model is trained from nothing. */
export type Initializer = 'ones' | 'zeros' | 'normal' | 'residual'

/**
 * What a model file computes with. One definition serves inference over a paged cache, training over whole sequences,
 * dense and packed weights: those differ only in what these functions append to the trace.
 */
export interface ModelContext {
  /** i32[R]: the position of each row in its sequence. */
  readonly positions: Tensor
  /** i32[R]: which rotary table a row uses; 0 short, 1 long (LongRoPE). */
  readonly regimes: Tensor
  /** Rows of the embedding table for the ids of this batch, [R, width]. */
  embed(name: string, vocabulary: number, width: number): Tensor
  /** A vector or matrix of the checkpoint, f32. */
  parameter(name: string, shape: readonly number[], initializer: Initializer): Tensor
  /** A float64 tensor that is not in the checkpoint but follows from the configuration. */
  buffer(name: string, rows: readonly (readonly number[])[]): Tensor
  /** x [R, K] times the transpose of the checkpoint's [outputs, K] matrix `name`, dense or packed. */
  linear(x: Tensor, name: string, outputs: number, initializer?: Initializer): Tensor
  /**
   * Rows of x [P, K], which `expertRows` has put in the places of their experts, times the transposes of their experts' matrices
   * [outputs, K]: those of `name(part, expert)` for each part, side by side, [P, parts * outputs]. Only the matrices of experts
   * that were chosen are read.
   */
  experts(
    x: Tensor,
    routing: Tensor,
    parts: number,
    name: (part: number, expert: number) => string,
    outputs: number,
    initializer?: Initializer,
  ): Tensor
  /** Causal attention of this layer: over the rows of the batch, or over the layer's cache. */
  attention(layer: number, query: Tensor, key: Tensor, value: Tensor, attributes: AttentionAttributes): Tensor
  /** The rows whose logits the caller wants. */
  select(x: Tensor): Tensor
  /**
   * Shows an inner result to whoever traces the model; nothing is kept of it unless they make it an output. Names:
   * `embeddings`, `layer.0` … (what a layer hands on), `norm` (after the last norm, the selected rows).
   */
  tap(name: string, tensor: Tensor): void
  /** Names the part of the model that `body` traces. */
  within<T>(scope: string, body: () => T): T
}

/**
 * What the vision part of a model computes with: a pass over one tile of a picture, whose rows are a class and the patches, row by
 * row.
 */
export interface VisionContext extends Pick<ModelContext, 'parameter' | 'linear' | 'tap' | 'within'> {
  /** f32[R, values]: the samples of each patch, by channel, line and column; of the class 0. */
  readonly patches: Tensor
  /** i32[R]: 0 for the row of the class, -1 for patches. */
  readonly classRow: Tensor
  /** i32[R - 1]: the rows of the patches two by two, in the order of the tokens that they become. */
  readonly tokenOrder: Tensor
  /** What the table `name` has for each place, [R, width]. */
  embedPlaces(name: string, width: number): Tensor
  /** Attention in which every row sees every row. */
  attention(query: Tensor, key: Tensor, value: Tensor, attributes: AttentionAttributes): Tensor
}

/** What a vision model makes of one tile. */
export interface VisionTokens {
  /** [tokens, width], line by line. */
  readonly tokens: Tensor
  /** [1, width]: what stands at the end of every line of tokens. */
  readonly lineEnd: Tensor
  /** [1, width]: what stands between the tiles and the picture as a whole. */
  readonly viewEnd: Tensor
}

/** What is between a tower and a decoder computes with. */
export type ProjectorContext = Pick<ModelContext, 'parameter' | 'linear'>

/** How a model sees: tile by tile. */
export interface VisionModel {
  /** Of a pass: the class and the patches of a tile. */
  readonly rows: number
  readonly patchValues: number
  /** Values of a token: the width of the decoder. */
  readonly width: number
  /** Values of a token as the tower leaves it. */
  readonly featureWidth: number
  forward(context: VisionContext): VisionTokens
  /** What the tower makes of a tile, line by line: [tokens, featureWidth]. Training leaves it as it is. */
  features(context: VisionContext): Tensor
  /** What has the place of features at the end of every line of tokens, and between the tiles and the whole: [1, featureWidth] each. */
  separators(context: ProjectorContext): Omit<VisionTokens, 'tokens'>
  /** Features [R, featureWidth] as the decoder sees them: [R, width]. */
  project(context: ProjectorContext, features: Tensor): Tensor
}

/** What the engine must know of every model, whatever its architecture. */
export interface ModelShape {
  readonly layers: number
  readonly vocabulary: number
  readonly kvHeads: number
  readonly headSize: number
  /** Values of the widest activation of a row, which decides how many rows are worth their memory. */
  readonly widest: number
  /** The longest sequence that the model takes. */
  readonly maxPositions: number
  /** Sequences longer than this use the long rotary table; undefined where there is only one. */
  readonly ropeBorder: number | undefined
}

/** A model as the engine and the trainer see it: its shape, and how it is traced. */
export interface Model {
  /** `model_type` of the configuration. */
  readonly type: string
  readonly shape: ModelShape
  /** Undefined where the model cannot see. */
  readonly vision?: VisionModel
  /** Token ids in, logits [selected rows, vocabulary] out. */
  forward(context: ModelContext): Tensor
  /** Whether a tensor that published checkpoints hold is not needed; none when left out. */
  readonly isUnused?: (this: void, name: string) => boolean
}
