/** Element-wise kernels, and those that move whole rows or columns. Numbers ending in `At` say where an operand begins. */
import { forEachElement, parameters, reads, updates, writes, type Kernel } from '../kernel.ts'
import { quantizeEach } from './quantize.ts'

export const add: Kernel = {
  name: 'add',
  bindings: [reads('left'), reads('right'), writes('sum')],
  parameters: parameters('count', 'leftAt', 'rightAt', 'sumAt'),
  code: forEachElement(`
sum[given.sumAt + index] = left[given.leftAt + index] + right[given.rightAt + index];
`),
}

export const accumulate: Kernel = {
  name: 'accumulate',
  bindings: [updates('state'), reads('x')],
  parameters: parameters('count', 'stateAt', 'xAt'),
  code: forEachElement(`
state[given.stateAt + index] += x[given.xAt + index];
`),
}

export const fill: Kernel = {
  name: 'fill',
  bindings: [writes('state')],
  parameters: parameters('count', 'stateAt', 'value: f32'),
  code: forEachElement(`
state[given.stateAt + index] = given.value;
`),
}

export const scale: Kernel = {
  name: 'scale',
  bindings: [reads('x'), writes('y')],
  parameters: parameters('count', 'xAt', 'yAt', 'factor: f32'),
  code: forEachElement(`
y[given.yAt + index] = x[given.xAt + index] * given.factor;
`),
}

export const scaleByScalar: Kernel = {
  name: 'scaleByScalar',
  bindings: [reads('x'), reads('scalar'), writes('y')],
  parameters: parameters('count', 'xAt', 'yAt'),
  code: forEachElement(`
y[given.yAt + index] = x[given.xAt + index] * scalar[0];
`),
}

/** 1 / (1 + exp(-x)), of which no exponential overflows. */
export const sigmoid = `
fn sigmoid(x: f32) -> f32 {
  let small = exp(-abs(x));
  return select(small, 1.0, x >= 0.0) / (1.0 + small);
}
`

export const siluMultiply: Kernel = {
  name: 'siluMultiply',
  bindings: [reads('gateUp'), writes('y')],
  parameters: parameters('count', 'width'),
  code: `${sigmoid}${forEachElement(`
let row = index / given.width;
let gateAt = row * given.width + index;
let gate = gateUp[gateAt];
y[index] = gateUp[gateAt + given.width] * gate * sigmoid(gate);
`)}`,
}

/** The same, rounded to int8 for the products that read it. `shared` columns have a scale. */
export function siluMultiplyQuantized(shared: number): Kernel {
  return quantizeEach('siluMultiplyQuantized', shared, {
    bindings: [reads('gateUp')],
    parameters: parameters('width'),
    code: `${sigmoid}
fn valuesAt(quad: u32) -> vec4<f32> {
  let first = quad * 4u;
  let gateAt = first / given.width * given.width + first;
  var values: vec4<f32>;
  for (var part = 0u; part < 4u; part += 1u) {
    let gate = gateUp[gateAt + part];
    values[part] = gateUp[gateAt + part + given.width] * gate * sigmoid(gate);
  }
  return values;
}
`,
  })
}

export const siluMultiplyGradient: Kernel = {
  name: 'siluMultiplyGradient',
  bindings: [reads('gateUp'), reads('gradient'), writes('result')],
  parameters: parameters('count', 'width'),
  code: `${sigmoid}${forEachElement(`
let row = index / given.width;
let gateAt = row * given.width + index;
let gate = gateUp[gateAt];
let up = gateUp[gateAt + given.width];
let arriving = gradient[index];
let open = sigmoid(gate);
result[gateAt] = arriving * up * open * (1.0 + gate * (1.0 - open));
result[gateAt + given.width] = arriving * gate * open;
`)}`,
}

/** Gates and values take turns in x. */
export const gegelu: Kernel = {
  name: 'gegelu',
  bindings: [reads('x'), writes('y')],
  parameters: parameters('count', 'limit: f32'),
  code: `${sigmoid}${forEachElement(`
let gate = min(x[2u * index], given.limit);
let value = clamp(x[2u * index + 1u], -given.limit, given.limit);
y[index] = gate * sigmoid(1.702 * gate) * (value + 1.0);
`)}`,
}

/** What is held at the limit has no derivative. */
export const gegeluGradient: Kernel = {
  name: 'gegeluGradient',
  bindings: [reads('x'), reads('gradient'), writes('result')],
  parameters: parameters('count', 'limit: f32'),
  code: `${sigmoid}${forEachElement(`
let gate = x[2u * index];
let value = x[2u * index + 1u];
let held = min(gate, given.limit);
let open = sigmoid(1.702 * held);
let arriving = gradient[index];
let towardsGate = arriving * (clamp(value, -given.limit, given.limit) + 1.0) * open * (1.0 + 1.702 * held * (1.0 - open));
result[2u * index] = select(0.0, towardsGate, gate < given.limit);
result[2u * index + 1u] = select(0.0, arriving * held * open, abs(value) < given.limit);
`)}`,
}

/** One value in the columns [first, first + part) of y [rows, width]. */
export const fillColumns: Kernel = {
  name: 'fillColumns',
  bindings: [updates('y')],
  parameters: parameters('count', 'width', 'first', 'part', 'value: f32'),
  code: forEachElement(`
y[index / given.part * given.width + given.first + index % given.part] = given.value;
`),
}

/** Columns [first, first + part) of x [rows, width]. */
export const columns: Kernel = {
  name: 'columns',
  bindings: [reads('x'), writes('y')],
  parameters: parameters('count', 'width', 'first', 'part'),
  code: forEachElement(`
y[index] = x[index / given.part * given.width + given.first + index % given.part];
`),
}

/** x [rows, part] as the columns [first, first + part) of y [rows, width]. */
export const placeColumns: Kernel = {
  name: 'placeColumns',
  bindings: [reads('x'), updates('y')],
  parameters: parameters('count', 'width', 'first', 'part'),
  code: forEachElement(`
y[index / given.part * given.width + given.first + index % given.part] = x[index];
`),
}

export const addBias: Kernel = {
  name: 'addBias',
  bindings: [reads('x'), reads('bias'), writes('y')],
  parameters: parameters('count', 'width'),
  code: forEachElement(`
y[index] = x[index] + bias[index % given.width];
`),
}

/** A thread has a column and adds the rows in their order. */
export const columnSums: Kernel = {
  name: 'columnSums',
  bindings: [reads('x'), writes('sums')],
  parameters: parameters('count', 'rows'),
  code: forEachElement(`
var sum = 0.0;
for (var row = 0u; row < given.rows; row += 1u) {
  sum += x[row * given.count + index];
}
sums[index] = sum;
`),
}

export const replaceRows: Kernel = {
  name: 'replaceRows',
  bindings: [reads('x'), reads('source'), reads('indices', 'i32'), writes('y')],
  parameters: parameters('count', 'width'),
  code: forEachElement(`
let from_row = indices[index / given.width];
if (from_row < 0) {
  y[index] = x[index];
} else {
  y[index] = source[u32(from_row) * given.width + index % given.width];
}
`),
}

export const replaceRowsGradient: Kernel = {
  name: 'replaceRowsGradient',
  bindings: [reads('gradient'), reads('indices', 'i32'), writes('result')],
  parameters: parameters('count', 'width'),
  code: forEachElement(`
result[index] = select(0.0, gradient[index], indices[index / given.width] < 0);
`),
}

export const gatherRows: Kernel = {
  name: 'gatherRows',
  bindings: [reads('x'), reads('indices', 'i32'), writes('y')],
  parameters: parameters('count', 'width'),
  code: forEachElement(`
y[index] = x[u32(indices[index / given.width]) * given.width + index % given.width];
`),
}

/**
 * Adds the rows of x to those of y that indices name, but where those are negative. A thread has a column, so that rows are added in
 * their order and nothing is added by two threads.
 */
export const scatterRows: Kernel = {
  name: 'scatterRows',
  bindings: [reads('indices', 'i32'), reads('x'), updates('y')],
  parameters: parameters('count', 'rows'),
  code: forEachElement(`
for (var row = 0u; row < given.rows; row += 1u) {
  let to = indices[row];
  if (to >= 0) {
    y[u32(to) * given.count + index] += x[row * given.count + index];
  }
}
`),
}

/** In every head of x, whose rows are `stride` apart, the first 2 * half components turn by the angles of their row. */
export const rope: Kernel = {
  name: 'rope',
  bindings: [reads('x'), reads('table'), writes('y')],
  parameters: parameters('count', 'width', 'xAt', 'xStride', 'headSize', 'half', 'direction: f32'),
  code: forEachElement(`
let row = index / given.width;
let place = given.xAt + row * given.xStride + index % given.width;
let component = index % given.width % given.headSize;
if (component >= 2u * given.half) {
  y[index] = x[place];
  return;
}
let pair = component % given.half;
let angle = row * 2u * given.half + pair;
let cosine = table[angle];
let sine = table[angle + given.half] * given.direction;
if (component < given.half) {
  y[index] = x[place] * cosine - x[place + given.half] * sine;
} else {
  y[index] = x[place] * cosine + x[place - given.half] * sine;
}
`),
}
