/** Loss and optimiser. */
import {
  forEachElement,
  forEachRow,
  groupParameters,
  groupReduction,
  mostBindings,
  parameters,
  reads,
  updates,
  writes,
  type Kernel,
} from '../kernel.ts'
import { ignoredTarget } from '../../../program/ops/loss.ts'

const threads = 256

/** Below every logit; infinities are not to be relied on in WGSL. */
const lowest = '-3.0e38'

export const crossEntropy: Kernel = {
  name: 'crossEntropy',
  bindings: [reads('logits'), reads('targets', 'i32'), writes('losses'), writes('logSumExps')],
  parameters: parameters('rows', 'vocabulary'),
  code: `${groupReduction('greatestOf', threads, 'max')}${groupReduction('sumOf', threads, 'sum')}${forEachRow(
    threads,
    `
let start = row * given.vocabulary;
var most = ${lowest};
for (var token = thread; token < given.vocabulary; token += ${threads}u) {
  most = max(most, logits[start + token]);
}
let greatest = greatestOf(most, thread);
var part = 0.0;
for (var token = thread; token < given.vocabulary; token += ${threads}u) {
  part += exp(logits[start + token] - greatest);
}
let total = sumOf(part, thread);
if (thread == 0u) {
  let target_ = targets[row];
  if (target_ == ${ignoredTarget}) {
    losses[row] = 0.0;
    logSumExps[row] = 0.0;
  } else {
    losses[row] = log(total) + (greatest - logits[start + u32(target_)]);
    logSumExps[row] = greatest + log(total);
  }
}
`,
  )}`,
}

export const crossEntropyGradient: Kernel = {
  name: 'crossEntropyGradient',
  bindings: [reads('logits'), reads('targets', 'i32'), reads('logSumExps'), reads('gradient'), writes('result')],
  parameters: parameters('count', 'vocabulary'),
  code: forEachElement(`
let row = index / given.vocabulary;
let wanted = targets[row];
if (wanted == ${ignoredTarget}) {
  result[index] = 0.0;
  return;
}
let probability = exp(logits[index] - logSumExps[row]);
let hit = select(0.0, 1.0, index % given.vocabulary == u32(wanted));
result[index] = gradient[row] * (probability - hit);
`),
}

export const weightedSum: Kernel = {
  name: 'weightedSum',
  bindings: [reads('x'), reads('weights'), writes('sum')],
  parameters: parameters('count'),
  code: `${groupReduction('sumOf', threads, 'sum')}
@compute @workgroup_size(${threads})
fn main(@builtin(local_invocation_index) thread: u32) {
  var part = 0.0;
  for (var index = thread; index < given.count; index += ${threads}u) {
    part += x[index] * weights[index];
  }
  let total = sumOf(part, thread);
  if (thread == 0u) {
    sum[0] = total;
  }
}
`,
}

/** Elements of which one group of `squaredNorm` makes a sum. */
export const normBlock = 16384

export const squaredNorm: Kernel = {
  name: 'squaredNorm',
  bindings: [reads('x'), updates('partials')],
  parameters: parameters('count', 'xAt', 'partialsAt'),
  code: `${groupReduction('sumOf', threads, 'sum')}
@compute @workgroup_size(${threads})
fn main(${groupParameters}) {
  let block = groupNumber(group, groups);
  let end = min(given.count, (block + 1u) * ${normBlock}u);
  var part = 0.0;
  for (var index = block * ${normBlock}u + thread; index < end; index += ${threads}u) {
    let value = x[given.xAt + index];
    part += value * value;
  }
  let total = sumOf(part, thread);
  if (thread == 0u && block * ${normBlock}u < given.count) {
    partials[given.partialsAt + block] = total;
  }
}
`,
}

/** The sum of all elements. */
export const sum: Kernel = {
  name: 'sum',
  bindings: [reads('x'), writes('y')],
  parameters: parameters('count'),
  code: `${groupReduction('sumOf', threads, 'sum')}
@compute @workgroup_size(${threads})
fn main(@builtin(local_invocation_index) thread: u32) {
  var part = 0.0;
  for (var index = thread; index < given.count; index += ${threads}u) {
    part += x[index];
  }
  let total = sumOf(part, thread);
  if (thread == 0u) {
    y[0] = total;
  }
}
`,
}

/** Scalars that one dispatch brings together: as many as it may have buffers beside their target. */
export const mostScalars = mostBindings - 1

/** Brings scalars of `count` buffers together. */
function gather(count: number): Kernel {
  const names = Array.from({ length: count }, (_, index) => `scalar${index}`)
  return {
    name: 'gatherScalars',
    bindings: [...names.map((name) => reads(name)), updates('gathered')],
    parameters: parameters('first'),
    code: `
@compute @workgroup_size(1)
fn main() {
${names.map((name, index) => `  gathered[given.first + ${index}u] = ${name}[0];`).join('\n')}
}
`,
  }
}

export const gatherScalars: readonly Kernel[] = Array.from({ length: mostScalars + 1 }, (_, count) => gather(count))

export const clipFactor: Kernel = {
  name: 'clipFactor',
  bindings: [reads('total'), reads('maxNorm'), writes('result')],
  parameters: [],
  code: `
@compute @workgroup_size(1)
fn main() {
  let limit = maxNorm[0];
  let norm = sqrt(total[0]);
  result[0] = select(1.0, limit / norm, limit > 0.0 && norm > limit);
  result[1] = norm;
}
`,
}

/** One step of AdamW; `complement1` is 1 - beta1, rounded once. */
export const adamW: Kernel = {
  name: 'adamW',
  bindings: [
    updates('parameter'),
    reads('gradient'),
    updates('first'),
    updates('second'),
    reads('clip'),
    reads('schedule'),
  ],
  parameters: parameters(
    ...['count', 'parameterAt', 'gradientAt', 'firstAt', 'secondAt'],
    ...['beta1: f32', 'beta2: f32', 'complement1: f32', 'complement2: f32', 'epsilon: f32', 'weightDecay: f32'],
  ),
  code: forEachElement(`
let slope = gradient[given.gradientAt + index] * clip[0];
let mean = given.beta1 * first[given.firstAt + index] + given.complement1 * slope;
let variance = given.beta2 * second[given.secondAt + index] + given.complement2 * slope * slope;
first[given.firstAt + index] = mean;
second[given.secondAt + index] = variance;
let decayed = parameter[given.parameterAt + index] * (1.0 - schedule[0] * given.weightDecay);
let step = schedule[0] * (mean / schedule[1]) / (sqrt(variance / schedule[2]) + given.epsilon);
parameter[given.parameterAt + index] = decayed - step;
`),
}
