/** RMSNorm, LayerNorm and their gradients. A group has a row; sums are trees over its threads. */
import { forEachElement, forEachRow, groupReduction, parameters, reads, writes, type Kernel } from '../kernel.ts'
import { quantizedBindings, quantizing } from './quantize.ts'

const threads = 128

const everyRow = (body: string): string => forEachRow(threads, body)

/** `inverseOf(row)` is 1 / sqrt(mean(x²) + epsilon); all threads of a group have to call it. */
const inverseOf = `
${groupReduction('sumOf', threads, 'sum')}
fn inverseOf(row: u32, thread: u32) -> f32 {
  var squares = 0.0;
  for (var column = thread; column < given.width; column += ${threads}u) {
    let value = x[row * given.width + column];
    squares += value * value;
  }
  return 1.0 / sqrt(sumOf(squares, thread) / f32(given.width) + given.epsilon);
}
`

export const rmsNorm: Kernel = {
  name: 'rmsNorm',
  bindings: [reads('x'), reads('weight'), writes('y')],
  parameters: parameters('rows', 'width', 'epsilon: f32'),
  code: `${inverseOf}${everyRow(`
let inverse = inverseOf(row, thread);
for (var column = thread; column < given.width; column += ${threads}u) {
  let index = row * given.width + column;
  y[index] = x[index] * inverse * weight[column];
}
`)}`,
}

/** The same, rounded to int8 for the products that read it. `shared` columns have a scale. */
export function rmsNormQuantized(shared: number): Kernel {
  return {
    name: 'rmsNormQuantized',
    bindings: [reads('x'), reads('weight'), ...quantizedBindings],
    parameters: parameters('rows', 'width', 'epsilon: f32'),
    code: `${inverseOf}${quantizing(shared, threads)}${everyRow(`
let inverse = inverseOf(row, thread);
let quads = given.width / 4u;
for (var base = 0u; base < quads; base += ${threads}u) {
  let quad = base + thread;
  var values = vec4<f32>(0.0);
  if (quad < quads) {
    for (var part = 0u; part < 4u; part += 1u) {
      let column = quad * 4u + part;
      values[part] = x[row * given.width + column] * inverse * weight[column];
    }
  }
  quantizeQuad(values, row * quads + quad, quad < quads, thread);
}
`)}`,
  }
}

export const rmsNormGradientInput: Kernel = {
  name: 'rmsNormGradientInput',
  bindings: [reads('x'), reads('weight'), reads('gradient'), writes('result'), writes('inverses')],
  parameters: parameters('rows', 'width', 'epsilon: f32'),
  code: `${inverseOf}${everyRow(`
let inverse = inverseOf(row, thread);
var products = 0.0;
for (var column = thread; column < given.width; column += ${threads}u) {
  let index = row * given.width + column;
  products += gradient[index] * weight[column] * x[index];
}
let along = sumOf(products, thread) * inverse * inverse / f32(given.width);
for (var column = thread; column < given.width; column += ${threads}u) {
  let index = row * given.width + column;
  result[index] = inverse * (gradient[index] * weight[column] - x[index] * along);
}
if (thread == 0u) {
  inverses[row] = inverse;
}
`)}`,
}

/** A thread has a column and adds the rows in their order. */
export const rmsNormGradientWeight: Kernel = {
  name: 'rmsNormGradientWeight',
  bindings: [reads('x'), reads('gradient'), reads('inverses'), writes('result')],
  parameters: parameters('count', 'rows'),
  code: forEachElement(`
var sum = 0.0;
for (var row = 0u; row < given.rows; row += 1u) {
  sum += gradient[row * given.count + index] * x[row * given.count + index] * inverses[row];
}
result[index] = sum;
`),
}

/** `momentsOf(row)` is (mean, 1 / sqrt(variance + epsilon)); all threads of a group have to call it. */
const momentsOf = `
${groupReduction('sumOf', threads, 'sum')}
fn momentsOf(row: u32, thread: u32) -> vec2<f32> {
  var total = 0.0;
  for (var column = thread; column < given.width; column += ${threads}u) {
    total += x[row * given.width + column];
  }
  let mean = sumOf(total, thread) / f32(given.width);
  var squares = 0.0;
  for (var column = thread; column < given.width; column += ${threads}u) {
    let distance = x[row * given.width + column] - mean;
    squares += distance * distance;
  }
  return vec2<f32>(mean, 1.0 / sqrt(sumOf(squares, thread) / f32(given.width) + given.epsilon));
}
`

export const layerNorm: Kernel = {
  name: 'layerNorm',
  bindings: [reads('x'), reads('weight'), reads('bias'), writes('y')],
  parameters: parameters('rows', 'width', 'epsilon: f32'),
  code: `${momentsOf}${everyRow(`
let moments = momentsOf(row, thread);
for (var column = thread; column < given.width; column += ${threads}u) {
  let index = row * given.width + column;
  y[index] = (x[index] - moments.x) * moments.y * weight[column] + bias[column];
}
`)}`,
}

export const layerNormGradientInput: Kernel = {
  name: 'layerNormGradientInput',
  bindings: [reads('x'), reads('weight'), reads('gradient'), writes('result'), writes('centred'), writes('inverses')],
  parameters: parameters('rows', 'width', 'epsilon: f32'),
  code: `${momentsOf}${everyRow(`
let moments = momentsOf(row, thread);
var total = 0.0;
var products = 0.0;
for (var column = thread; column < given.width; column += ${threads}u) {
  let index = row * given.width + column;
  let scaled = gradient[index] * weight[column];
  total += scaled;
  products += scaled * (x[index] - moments.x);
}
let level = sumOf(total, thread) / f32(given.width);
let along = sumOf(products, thread) * moments.y * moments.y / f32(given.width);
for (var column = thread; column < given.width; column += ${threads}u) {
  let index = row * given.width + column;
  let distance = x[index] - moments.x;
  result[index] = moments.y * (gradient[index] * weight[column] - level - distance * along);
  centred[index] = distance;
}
if (thread == 0u) {
  inverses[row] = moments.y;
}
`)}`,
}
