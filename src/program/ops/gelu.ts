import { present } from '../../base/errors.ts'
import type { Tensor } from '../trace.ts'
import { defineOp, floats, operand, tensorType } from './definition.ts'

/** `approximate` is x sigmoid(1.702 x), else x times the distribution function of the normal distribution. */
type Form = { approximate: boolean }

const steepness = 1.702

/** erf by the series of positive terms 2 / sqrt(pi) exp(-x²) sum of 2^n x^(2n+1) / (1 3 … (2n+1)); 1 beyond 6, to float64. */
function errorFunction(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x)
  let [term, sum] = [x, x]
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1)
    sum += term
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
}

/** What x is multiplied by, and the derivative of that. */
function gate(x: number, approximate: boolean): { value: number; slope: number } {
  if (approximate) {
    const value = 1 / (1 + Math.exp(-steepness * x))
    return { value, slope: steepness * value * (1 - value) }
  }
  return {
    value: 0.5 * (1 + errorFunction(x / Math.SQRT2)),
    slope: Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI),
  }
}

const applyGelu = defineOp<Form>({
  kind: 'gelu',
  infer([x]) {
    return [tensorType('f32', ...operand('gelu', 'x', x, 'f32', null, null))]
  },
  derivative: ({ inputs: [x], attributes }, [gradient]) =>
    gradient === undefined ? [] : applyGeluGradient([present(x, 'x'), gradient], attributes),
  reference([x], [y], { approximate }) {
    floats(x).forEach((value, index) => (floats(y)[index] = value * gate(value, approximate).value))
  },
})

/** GELU (Hendrycks and Gimpel, 2016), element by element; x [R, C]. */
export function gelu(x: Tensor): Tensor {
  return present(applyGelu([x], { approximate: false })[0], 'activation')
}

/** Its approximation x sigmoid(1.702 x) (section 2 there), called quick_gelu in configurations. */
export function quickGelu(x: Tensor): Tensor {
  return present(applyGelu([x], { approximate: true })[0], 'activation')
}

const applyGeluGradient = defineOp<Form>({
  kind: 'geluGradient',
  infer([x, gradient]) {
    const [rows, columns] = operand('geluGradient', 'x', x, 'f32', null, null)
    operand('geluGradient', 'gradient', gradient, 'f32', rows, columns)
    return [tensorType('f32', rows, columns)]
  },
  derivative: 'none',
  reference([x, gradient], [result], { approximate }) {
    floats(x).forEach((at, index) => {
      const { value, slope } = gate(at, approximate)
      floats(result)[index] = present(floats(gradient)[index], 'gradient') * (value + at * slope)
    })
  },
})
