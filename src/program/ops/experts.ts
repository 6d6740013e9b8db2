/**
 * Mixtures of experts. `routing` [R, E] says which experts a row chose, by weights that are not 0, at most `chosen` of each row. The
 * choices of all rows, ordered by expert and then by row, are places: P = R * chosen of them, of which the last stay empty when
 * rows chose fewer. So every expert has neighbouring rows of [P, .], how many of them is only known when a program runs.
 */
import { isGgmlDType, isPanelDType, isQuantizedDType, type TensorType } from '../../base/dtype.ts'
import { present } from '../../base/errors.ts'
import { activationGroup } from '../../blocks/matrix.ts'
import type { Tensor } from '../trace.ts'
import {
  defineOp,
  definitionOf,
  floats,
  operand,
  require,
  shapeOf,
  tensorType,
  type ReferenceTensor,
} from './definition.ts'
import { dequantize, type ActivationFormat } from './matrix.ts'

/** A choice: which row, which expert, and the weight. */
interface Choice {
  readonly row: number
  readonly expert: number
  readonly weight: number
}

/** The choices in the order of their places. */
function placesOf(routing: ReferenceTensor | undefined): Choice[] {
  const [rows = 0, experts = 0] = shapeOf(routing)
  const choices: Choice[] = []
  for (let expert = 0; expert < experts; expert++) {
    for (let row = 0; row < rows; row++) {
      const weight = present(floats(routing)[row * experts + expert], 'weight')
      if (weight !== 0) choices.push({ row, expert, weight })
    }
  }
  return choices
}

/** into[at] += factor * source[from], over rows of `width`. */
function addRow(
  into: ReferenceTensor | undefined,
  at: number,
  source: ReferenceTensor | undefined,
  from: number,
  factor: number,
): void {
  const width = present(shapeOf(into)[1], 'width')
  for (let column = 0; column < width; column++) {
    const target = at * width + column
    floats(into)[target] =
      present(floats(into)[target], 'sum') + factor * present(floats(source)[from * width + column], 'element')
  }
}

type Weighted = { weighted: boolean }

const applyExpertRows = defineOp<Weighted & { chosen: number }>({
  kind: 'expertRows',
  infer([x, routing], { chosen }) {
    const [rows, width] = operand('expertRows', 'x', x, 'f32', null, null)
    const [, experts] = operand('expertRows', 'routing', routing, 'f32', rows, null)
    require(chosen >= 1 && chosen <= experts, 'expertRows', `${chosen} of ${experts} experts cannot be chosen`)
    return [tensorType('f32', rows * chosen, width)]
  },
  derivative({ inputs: [x, routing], attributes: { weighted } }, [gradient]) {
    if (x === undefined || routing === undefined || gradient === undefined) return []
    const towardsRouting = weighted ? applyExpertProducts([x, gradient, routing], {})[0] : undefined
    return [sumOfPlaces(gradient, routing, { weighted }), towardsRouting]
  },
  reference([x, routing], [y], { weighted }) {
    placesOf(routing).forEach(({ row, weight }, place) => addRow(y, place, x, row, weighted ? weight : 1))
  },
})

function rowsInPlaces(x: Tensor, routing: Tensor, attributes: Weighted & { chosen: number }): Tensor {
  return present(applyExpertRows([x, routing], attributes)[0], 'rows')
}

/** The rows of x [R, H] in the places of their choices, [P, H]; empty places are 0. */
export function expertRows(x: Tensor, routing: Tensor, chosen: number): Tensor {
  return rowsInPlaces(x, routing, { chosen, weighted: false })
}

const applyExpertSum = defineOp<Weighted>({
  kind: 'expertSum',
  infer([y, routing]) {
    const [rows] = operand('expertSum', 'routing', routing, 'f32', null, null)
    const [places, width] = operand('expertSum', 'y', y, 'f32', null, null)
    require(places % rows === 0, 'expertSum', `${places} places are no multiple of ${rows} rows`)
    return [tensorType('f32', rows, width)]
  },
  derivative({ inputs: [y, routing], attributes: { weighted } }, [gradient]) {
    if (y === undefined || routing === undefined || gradient === undefined) return []
    const chosen = present(y.type.shape[0], 'places') / present(routing.type.shape[0], 'rows')
    const towardsRouting = weighted ? applyExpertProducts([gradient, y, routing], {})[0] : undefined
    return [rowsInPlaces(gradient, routing, { chosen, weighted }), towardsRouting]
  },
  reference([y, routing], [sum], { weighted }) {
    placesOf(routing).forEach(({ row, weight }, place) => addRow(sum, row, y, place, weighted ? weight : 1))
  },
})

function sumOfPlaces(y: Tensor, routing: Tensor, attributes: Weighted): Tensor {
  return present(applyExpertSum([y, routing], attributes)[0], 'sum')
}

/** For every row the sum of its places in y [P, H], each times its weight: [R, H]. */
export function expertSum(y: Tensor, routing: Tensor): Tensor {
  return sumOfPlaces(y, routing, { weighted: true })
}

/** The dot product of every row of x [R, H] with each of its places in y [P, H], [R, E]; 0 where an expert was not chosen. */
const applyExpertProducts = defineOp({
  kind: 'expertProducts',
  infer([x, y, routing]) {
    const [rows, width] = operand('expertProducts', 'x', x, 'f32', null, null)
    operand('expertProducts', 'y', y, 'f32', null, width)
    const [, experts] = operand('expertProducts', 'routing', routing, 'f32', rows, null)
    return [tensorType('f32', rows, experts)]
  },
  derivative: 'none',
  reference([x, y, routing], [products]) {
    const [, width = 0] = shapeOf(x)
    const [, experts = 0] = shapeOf(routing)
    placesOf(routing).forEach(({ row, expert }, place) => {
      let sum = 0
      for (let column = 0; column < width; column++) {
        sum += present(floats(x)[row * width + column], 'x') * present(floats(y)[place * width + column], 'y')
      }
      floats(products)[row * experts + expert] = sum
    })
  },
})

type ExpertMatmul = {
  /** Matrices of each expert. */
  parts: number
  /** Whether rows meet the matrices as they are, instead of their transposes. */
  transposed: boolean
  activations: ActivationFormat
}

/** The matrices, which come by part and then by expert, have one shape, and meet activations in one way. */
function checkMatrices(kind: string, matrices: readonly TensorType[], count: number): readonly [number, number] {
  require(matrices.length === count, kind, `${matrices.length} matrices are not ${count}`)
  const [first] = matrices
  const [outputs, inner] = operand(
    kind,
    'matrix',
    first,
    (dtype) => dtype === 'f32' || isQuantizedDType(dtype),
    null,
    null,
  )
  const groupOf = ({ dtype }: TensorType): number => (isPanelDType(dtype) ? activationGroup(dtype) : 0)
  for (const matrix of matrices) {
    operand(kind, 'matrix', matrix, (dtype) => dtype === 'f32' || isQuantizedDType(dtype), outputs, inner)
    const isAlike = first !== undefined && groupOf(matrix) === groupOf(first)
    require(isAlike, kind, `matrices in ${matrix.dtype} and ${first?.dtype} do not stand together`)
  }
  return [outputs, inner]
}

const applyExpertMatmul = defineOp<ExpertMatmul>({
  kind: 'expertMatmul',
  infer([x, routing, ...matrices], { parts, transposed, activations }) {
    const [rows, experts] = operand('expertMatmul', 'routing', routing, 'f32', null, null)
    const [outputs, inner] = checkMatrices('expertMatmul', matrices, experts * parts)
    const [places] = operand('expertMatmul', 'x', x, 'f32', null, transposed ? parts * outputs : inner)
    require(places % rows === 0, 'expertMatmul', `${places} places are no multiple of ${rows} rows`)
    const isDense = matrices.every(({ dtype }) => dtype === 'f32')
    require(isDense || !transposed, 'expertMatmul', 'matrices in blocks are met transposed only')
    const isWhole = activations === 'f32' || !matrices.some(({ dtype }) => isGgmlDType(dtype))
    require(isWhole, 'expertMatmul', `${matrices[0]?.dtype} does not meet int8 activations`)
    return [tensorType('f32', places, transposed ? inner : parts * outputs)]
  },
  derivative({ inputs: [x, routing, ...matrices], attributes: { parts, transposed } }, [gradient]) {
    if (x === undefined || routing === undefined || gradient === undefined) return []
    const isDense = matrices.every(({ type }) => type.dtype === 'f32')
    // Straight through the rounding of the activations; matrices in blocks are frozen.
    const dense = isDense ? matrices : matrices.map(dequantize)
    const back = { parts, transposed: !transposed, activations: 'f32' } as const
    const towardsX = multiply([gradient, routing, ...dense], back)
    if (!isDense) return [towardsX]
    const [outer, inner] = transposed ? [x, gradient] : [gradient, x]
    return [towardsX, undefined, ...applyExpertMatmulGradient([outer, inner, routing], { parts })]
  },
  reference([x, routing, ...matrices], [y], { parts, transposed, activations }) {
    const experts = present(shapeOf(routing)[1], 'experts')
    const [outputs = 0] = shapeOf(matrices[0])
    for (const { from, count, expert } of spansOf(routing)) {
      for (let part = 0; part < parts; part++) {
        const matrix = present(matrices[part * experts + expert], 'matrix')
        const own = columnsOf(
          x,
          from,
          count,
          transposed ? part * outputs : 0,
          present(shapeOf(matrix)[transposed ? 0 : 1], 'inner'),
        )
        const product = zeros(count, present(shapeOf(matrix)[transposed ? 1 : 0], 'outputs'))
        if (isQuantizedDType(matrix.type.dtype)) {
          definitionOf('matmulPacked').reference([own, matrix], [product], { activations })
        } else {
          const transposes = { transposeLeft: false, transposeRight: !transposed }
          definitionOf('matmul').reference([own, matrix], [product], transposes)
        }
        addColumns(y, from, transposed ? 0 : part * outputs, product)
      }
    }
  },
})

function multiply(operands: readonly Tensor[], attributes: ExpertMatmul): Tensor {
  return present(applyExpertMatmul(operands, attributes)[0], 'product')
}

/** Neighbouring places of one expert. */
function spansOf(routing: ReferenceTensor | undefined): { expert: number; from: number; count: number }[] {
  const spans: { expert: number; from: number; count: number }[] = []
  placesOf(routing).forEach(({ expert }, place) => {
    const last = spans.at(-1)
    if (last?.expert === expert) last.count++
    else spans.push({ expert, from: place, count: 1 })
  })
  return spans
}

function zeros(rows: number, columns: number): ReferenceTensor {
  return { type: tensorType('f32', rows, columns), data: new Float64Array(rows * columns) }
}

function columnsOf(
  x: ReferenceTensor | undefined,
  row: number,
  rows: number,
  column: number,
  columns: number,
): ReferenceTensor {
  const width = present(shapeOf(x)[1], 'width')
  const part = zeros(rows, columns)
  for (let index = 0; index < rows; index++) {
    const at = (row + index) * width + column
    floats(part).set(floats(x).subarray(at, at + columns), index * columns)
  }
  return part
}

function addColumns(y: ReferenceTensor | undefined, row: number, column: number, part: ReferenceTensor): void {
  const width = present(shapeOf(y)[1], 'width')
  const [, columns = 0] = shapeOf(part)
  floats(part).forEach((value, index) => {
    const at = (row + Math.floor(index / columns)) * width + column + (index % columns)
    floats(y)[at] = present(floats(y)[at], 'sum') + value
  })
}

/**
 * The places of x [P, K], which are an expert's, times the transposes of its matrices [N, K], side by side: [P, parts * N]. The
 * matrices come by part, then by expert: only those of experts that were chosen are read. Dense or in blocks, as for `linear`.
 */
export function expertMatmul(
  x: Tensor,
  routing: Tensor,
  parts: readonly (readonly Tensor[])[],
  activations: ActivationFormat,
): Tensor {
  const matrices = parts.flat()
  const format = matrices.some(({ type }) => isGgmlDType(type.dtype)) ? 'f32' : activations
  const attributes = { parts: parts.length, transposed: false, activations: format }
  return multiply([x, routing, ...matrices], attributes)
}

/** For each part and expert the transpose of its places of the part of y [P, parts * N] times those of x [P, K]: [N, K]. */
const applyExpertMatmulGradient = defineOp<{ parts: number }>({
  kind: 'expertMatmulGradient',
  infer([y, x, routing], { parts }) {
    const [, experts] = operand('expertMatmulGradient', 'routing', routing, 'f32', null, null)
    const [places, inner] = operand('expertMatmulGradient', 'x', x, 'f32', null, null)
    const [, width] = operand('expertMatmulGradient', 'y', y, 'f32', places, null)
    require(width % parts === 0, 'expertMatmulGradient', `${width} columns are not ${parts} equal parts`)
    return Array.from({ length: parts * experts }, () => tensorType('f32', width / parts, inner))
  },
  derivative: 'none',
  reference([y, x, routing], results, { parts }) {
    const [, experts = 0] = shapeOf(routing)
    const outputs = present(shapeOf(y)[1], 'width') / parts
    const inner = present(shapeOf(x)[1], 'width')
    for (const { from, count, expert } of spansOf(routing)) {
      for (let part = 0; part < parts; part++) {
        const operands = [columnsOf(y, from, count, part * outputs, outputs), columnsOf(x, from, count, 0, inner)]
        const transposes = { transposeLeft: true, transposeRight: false }
        definitionOf('matmul').reference(operands, [present(results[part * experts + expert], 'result')], transposes)
      }
    }
  },
})
