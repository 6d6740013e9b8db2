import { present } from '../../base/errors.ts'
import type { Tensor } from '../trace.ts'
import { defineOp, floats, integers, operand, require, shapeOf, tensorType } from './definition.ts'

const applyRopeTable = defineOp<{ shortScale: number; longScale: number }>({
  kind: 'ropeTable',
  infer([positions, regimes, inverseFrequencies]) {
    const [rows] = operand('ropeTable', 'positions', positions, 'i32', null)
    operand('ropeTable', 'regimes', regimes, 'i32', rows)
    const [, half] = operand('ropeTable', 'inverseFrequencies', inverseFrequencies, 'f64', 2, null)
    return [tensorType('f32', rows, 2 * half)]
  },
  derivative: 'none',
  reference([positions, regimes, inverseFrequencies], [table], { shortScale, longScale }) {
    const half = present(shapeOf(inverseFrequencies)[1], 'half')
    integers(positions).forEach((position, row) => {
      const regime = present(integers(regimes)[row], 'regime')
      const attentionFactor = regime === 0 ? shortScale : longScale
      for (let index = 0; index < half; index++) {
        const angle = position * present(floats(inverseFrequencies)[regime * half + index], 'frequency')
        floats(table)[row * 2 * half + index] = Math.cos(angle) * attentionFactor
        floats(table)[row * 2 * half + half + index] = Math.sin(angle) * attentionFactor
      }
    })
  },
})

/**
 * The rotation of every row: cosines in the first half of the columns, sines in the second. Which of the two rows of
 * `inverseFrequencies` f64[2, half] a row uses is its regime: 0 for LongRoPE's short factors, 1 for the long ones. The
 * angles are computed in float64, since a float32 angle is off by 5e-4 at position 8,192.
 */
export function ropeTable(
  positions: Tensor,
  regimes: Tensor,
  inverseFrequencies: Tensor,
  scales: { readonly shortScale: number; readonly longScale: number },
): Tensor {
  return present(applyRopeTable([positions, regimes, inverseFrequencies], { ...scales })[0], 'table')
}

type RopeAttributes = { headSize: number; inverse: boolean }

const applyRope = defineOp<RopeAttributes>({
  kind: 'rope',
  infer([x, table], { headSize }) {
    const [rows, width] = operand('rope', 'x', x, 'f32', null, null)
    const [, rotated] = operand('rope', 'table', table, 'f32', rows, null)
    require(width % headSize === 0, 'rope', `${width} columns are not whole heads of ${headSize}`)
    require(rotated <= headSize, 'rope', `${rotated} rotated components exceed the head size ${headSize}`)
    return [tensorType('f32', rows, width)]
  },
  derivative: ({ inputs: [, table], attributes }, [gradient]) =>
    gradient === undefined
      ? []
      : [rotate(gradient, present(table, 'table'), { ...attributes, inverse: !attributes.inverse })],
  reference([x, table], [y], { headSize, inverse }) {
    const [rows = 0, width = 0] = shapeOf(x)
    const half = present(shapeOf(table)[1], 'rotated') / 2
    const [source, angles, target] = [floats(x), floats(table), floats(y)]
    target.set(source)
    for (let row = 0; row < rows; row++) {
      for (let head = 0; head < width; head += headSize) {
        for (let index = 0; index < half; index++) {
          const at = row * width + head + index
          const cosine = present(angles[row * 2 * half + index], 'cosine')
          const sine = present(angles[row * 2 * half + half + index], 'sine') * (inverse ? -1 : 1)
          const [first, second] = [present(source[at], 'x'), present(source[at + half], 'x')]
          target[at] = first * cosine - second * sine
          target[at + half] = second * cosine + first * sine
        }
      }
    }
  },
})

function rotate(x: Tensor, table: Tensor, attributes: RopeAttributes): Tensor {
  return present(applyRope([x, table], attributes)[0], 'rotated')
}

/**
 * Rotary embedding of the half-split kind (Su et al., 2021; rotate_half): in every head of x [R, heads * headSize] the
 * first `table columns` components turn, the rest pass through.
 */
export function rope(x: Tensor, table: Tensor, headSize: number): Tensor {
  return rotate(x, table, { headSize, inverse: false })
}
