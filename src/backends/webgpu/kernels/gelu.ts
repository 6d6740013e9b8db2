/** GELU and its derivative. */
import { forEachElement, parameters, reads, writes, type Kernel } from '../kernel.ts'
import { sigmoid } from './elementwise.ts'

/**
 * `gateOf(x)` is what x is multiplied by: sigmoid(1.702 x), or the distribution function of the normal distribution by formula
 * 7.1.26 of Abramowitz and Stegun, to 1e-7.
 */
const gateOf = `${sigmoid}
fn gateOf(x: f32) -> f32 {
  if (given.approximate == 1u) {
    return sigmoid(1.702 * x);
  }
  let z = abs(x) * 0.70710678;
  let t = 1.0 / (1.0 + 0.3275911 * z);
  let series = 0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)));
  let tail = 0.5 * series * t * exp(-z * z);
  return select(1.0 - tail, tail, x < 0.0);
}
`

export const gelu: Kernel = {
  name: 'gelu',
  bindings: [reads('x'), writes('y')],
  parameters: parameters('count', 'approximate'),
  code: `${gateOf}${forEachElement(`
y[index] = x[index] * gateOf(x[index]);
`)}`,
}

export const geluGradient: Kernel = {
  name: 'geluGradient',
  bindings: [reads('x'), reads('gradient'), writes('result')],
  parameters: parameters('count', 'approximate'),
  code: `${gateOf}${forEachElement(`
let at = x[index];
let gate = gateOf(at);
let slope = select(0.39894228 * exp(-0.5 * at * at), 1.702 * gate * (1.0 - gate), given.approximate == 1u);
result[index] = gradient[index] * (gate + at * slope);
`)}`,
}
