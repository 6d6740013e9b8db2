import { attendUntil, embedding, linear, pageSize } from '../program/ops/index.ts'
import { tensorType } from '../program/ops/definition.ts'
import type { Program } from '../program/program.ts'
import { Trace, type Tensor } from '../program/trace.ts'
import type { VisionContext, VisionModel } from './model.ts'
import { parameterBinder, type ParameterSpec, type TraceOptions } from './trace.ts'

/** The name of the program that looks at one tile of a picture. */
export const visionProgramName = 'vision'

/** What is traced: a pass over the rows of one tile, and the results that it names. */
interface VisionPass extends Pick<VisionModel, 'rows' | 'patchValues'> {
  forward(context: VisionContext): object
}

/** What one trace of a vision model has bound, besides the program itself. */
export interface TracedVision {
  readonly program: Program
  readonly parameters: readonly ParameterSpec[]
}

/**
 * The pass of a vision model over one tile. Inputs: `patches` f32[rows, values of a patch], the first row 0; and those of
 * `visionIndices`. Outputs: `tokens` f32[patches / 4, width], `lineEnd` and `viewEnd` f32[1, width].
 *
 * Every row sees every row: keys and values go through a cache of their own, whose rows all see up to the last one.
 */
export function traceVision(model: VisionPass, options: TraceOptions = {}): TracedVision {
  const { rows, patchValues } = model
  const trace = new Trace(visionProgramName)
  const index = (name: string, ...shape: number[]): Tensor => trace.bind('input', name, tensorType('i32', ...shape))
  const { bind, parameters } = parameterBinder(trace, options)
  const pages = Math.ceil(rows / pageSize)
  const context: VisionContext = {
    patches: trace.bind('input', 'patches', tensorType('f32', rows, patchValues)),
    classRow: index('classRow', rows),
    tokenOrder: index('tokenOrder', rows - 1),
    embedPlaces: (name, width) => embedding(bind(name, [rows, width], 'normal'), index('places', rows)),
    parameter: bind,
    linear: (x, name, outputs, initializer = 'normal') =>
      linear(x, bind(name, [outputs, x.type.shape[1] ?? 0], initializer), options.activations ?? 'int8'),
    attention(query, key, value, attributes) {
      // One layer after the other, so that all share the memory.
      const pool = tensorType('f32', pages, attributes.kvHeads, pageSize, attributes.headSize)
      const cache = {
        keys: trace.bind('state', 'vision.keys', pool),
        values: trace.bind('state', 'vision.values', pool),
        pageTable: index('pageTable', 1, pages),
        sequences: index('sequences', rows),
        positions: index('places', rows),
      }
      return attendUntil(query, key, value, cache, index('lastPlaces', rows), attributes)
    },
    tap: (name, tensor) => options.tap?.(name, tensor),
    within: (scope, body) => trace.within(scope, body),
  }
  for (const [name, tensor] of Object.entries<Tensor>({ ...model.forward(context) })) trace.output(name, tensor)
  return { program: trace.finish(), parameters }
}

/** The inputs of a pass of `rows` rows that are the same for all pictures. */
export function visionIndices(rows: number): Readonly<Record<string, Int32Array>> {
  const places = Int32Array.from({ length: rows }, (_, row) => row)
  return {
    classRow: places.map((row) => (row === 0 ? 0 : -1)),
    tokenOrder: tokenOrder(Math.sqrt(rows - 1)),
    places,
    lastPlaces: new Int32Array(rows).fill(rows - 1),
    sequences: new Int32Array(rows),
    pageTable: places.subarray(0, Math.ceil(rows / pageSize)),
  }
}

/** The rows of the patches in the order of tokens: of each two by two, the upper pair first. */
function tokenOrder(side: number): Int32Array {
  return Int32Array.from({ length: side ** 2 }, (_, index) => {
    const [token, part] = [Math.floor(index / 4), index % 4]
    const row = 2 * Math.floor(token / (side / 2)) + Math.floor(part / 2)
    const column = 2 * (token % (side / 2)) + (part % 2)
    return 1 + row * side + column
  })
}
