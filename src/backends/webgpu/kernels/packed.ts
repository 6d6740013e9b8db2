/** Products with matrices in blocks, and what else reads these. */
import { activationGroup } from '../../../blocks/matrix.ts'
import type { PanelDType } from '../../../base/dtype.ts'
import { forEachElement, parameters, reads, updates, writes, type Binding, type Kernel } from '../kernel.ts'
import type { Arithmetic } from '../steps.ts'
import { multiplications } from './arithmetic.ts'
import type { Format, IntegerFormat } from './formats.ts'

/** How many rows of x a streaming kernel takes at most, which reads the weight once for all of them. */
export const streamed: readonly number[] = [1, 2, 4, 8]

/** Rows of the weight that a group streams, and columns that its threads share out. */
const lanes = 8
const slices = 8

/** Tokens and rows of the weight that a group of the tiled kernels computes. */
export const packedTile = 32

const extents = parameters('tokens', 'rows', 'quads', 'first', 'stride')

const weight: Binding = reads('weight', 'u32')

/** Adds up what the threads that share a row have, in a fixed order, and writes it. */
const finishStreams = (tokens: number): string => `
  for (var token = 0u; token < ${tokens}u; token += 1u) {
    parts[(token * ${slices}u + slice) * ${lanes}u + lane] = sums[token];
  }
  for (var half = ${slices / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (slice < half) {
      for (var token = 0u; token < ${tokens}u; token += 1u) {
        let place = (token * ${slices}u + slice) * ${lanes}u + lane;
        parts[place] += parts[place + half * ${lanes}u];
      }
    }
  }
  if (slice == 0u && row < given.rows) {
    for (var token = 0u; token < min(${tokens}u, tokensHere()); token += 1u) {
      product[(tokenStart() + token) * given.stride + given.first + row] = parts[token * ${slices * lanes}u + lane];
    }
  }
`

/** Which row and which share of the columns a thread has: threads side by side read words side by side. */
const shares = (interleaved: boolean): string => `
  let lane = ${interleaved ? `thread % ${lanes}u` : `thread / ${slices}u`};
  let slice = ${interleaved ? `thread / ${lanes}u` : `thread % ${slices}u`};
  let row = groupNumber(group, groups) * ${lanes}u + lane;
`

const streamEntry = (interleaved: boolean): string => `
@compute @workgroup_size(${lanes * slices})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {${shares(interleaved)}
  if (tokensHere() == 0u) {
    return;
  }
`

/**
 * A group whose quads are read in pairs half a group apart, which in 4 bits are one word. The zeros are written out, since
 * SwiftShader leaves an array that is declared in a loop as the turn before left it.
 */
const integerDots = ({ group }: IntegerFormat, tokens: number): string => `
    var dots = array<i32, ${tokens}>();
    for (var place = 0u; place < ${group / 8}u; place += 1u) {
      let near = block * ${group / 4}u + place;
      let far = near + ${group / 8}u;
      let nearWeights = integersAt(row, near);
      let farWeights = integersAt(row, far);
      for (var token = 0u; token < ${tokens}u; token += 1u) {
        let line = (tokenStart() + min(token, tokensHere() - 1u)) * given.quads;
        dots[token] += dot4(nearWeights, integers[line + near]) + dot4(farWeights, integers[line + far]);
      }
    }`

/** The sums of the activations of a group, which offsets are multiplied by. */
const integerTotals = ({ group }: IntegerFormat): string => `
      var total = 0;
      for (var place = 0u; place < ${group / 4}u; place += 1u) {
        total += dot4(0x01010101u, integers[line + block * ${group / 4}u + place]);
      }
      value -= f32(total) * offset;`

/** The integers of a format in panels, and the columns that an activation's scale is for. */
function integerParts({ dtype, integers }: Format): { format: IntegerFormat; shared: number } {
  if (integers === undefined) throw new Error(`defect: ${dtype} does not meet int8 activations`)
  return { format: integers, shared: activationGroup(dtype as PanelDType) }
}

const integerBindings = [reads('integers', 'u32'), reads('scales'), weight, writes('product')]

/** Which of the tokens a kernel multiplies: all of them, or those of one expert, whose places are only known when it runs. */
export type Tokens = 'all' | 'expert'

/** The same product for other tokens: `tokenStart` is the first of them, and there are `tokensHere`. */
function ofTokens(tokens: Tokens, kernel: Kernel): Kernel {
  if (tokens === 'all') {
    const code = `
fn tokenStart() -> u32 {
  return 0u;
}

fn tokensHere() -> u32 {
  return given.tokens;
}
`
    return { ...kernel, code: `${code}${kernel.code}` }
  }
  const code = `
fn tokenStart() -> u32 {
  return u32(table[given.expert]);
}

fn tokensHere() -> u32 {
  return u32(table[given.expert + 1u]) - tokenStart();
}
`
  return {
    ...kernel,
    name: `${kernel.name} of an expert`,
    bindings: [...kernel.bindings, reads('table', 'i32')],
    parameters: [...kernel.parameters, ...parameters('expert')],
    code: `${code}${kernel.code}`,
  }
}

/** int8 activations of at most so many tokens: the weight is streamed, eight rows a group. */
export function streamIntegers(format: Format, tokens: number, whose: Tokens): Kernel {
  const { format: integers, shared } = integerParts(format)
  const { group, hasOffsets } = integers
  return ofTokens(whose, {
    name: `streamIntegers ${format.dtype}`,
    bindings: integerBindings,
    parameters: extents,
    code: `${format.code}
var<workgroup> parts: array<f32, ${tokens * slices * lanes}>;
${streamEntry(true)}
  var sums: array<f32, ${tokens}>;
  for (var block = slice; block < given.quads / ${group / 4}u; block += ${slices}u) {
    let scale = scaleAt(row, block);
    ${hasOffsets ? 'let offset = offsetAt(row, block);' : ''}
${integerDots(integers, tokens)}
    for (var token = 0u; token < ${tokens}u; token += 1u) {
      let line = (tokenStart() + min(token, tokensHere() - 1u)) * given.quads;
      var value = f32(dots[token]) * scale;${hasOffsets ? integerTotals(integers) : ''}
      sums[token] += value * scales[(line + block * ${group / 4}u) / ${shared / 4}u];
    }
  }
${finishStreams(tokens)}
}
`,
  })
}

/** The same with activations as they are, for every format. */
export function streamFloats(format: Format, tokens: number, whose: Tokens): Kernel {
  return ofTokens(whose, {
    name: `streamFloats ${format.dtype}`,
    bindings: [reads('x', 'vec4<f32>'), weight, writes('product')],
    parameters: extents,
    code: `${format.code}
var<workgroup> parts: array<f32, ${tokens * slices * lanes}>;
${streamEntry(format.integers !== undefined)}
  var sums: array<f32, ${tokens}>;
  for (var quad = slice; quad < given.quads; quad += ${slices}u) {
    let values = valuesAt(row, quad);
    for (var token = 0u; token < ${tokens}u; token += 1u) {
      sums[token] += dot(values, x[(tokenStart() + min(token, tokensHere() - 1u)) * given.quads + quad]);
    }
  }
${finishStreams(tokens)}
}
`,
  })
}

/** Tokens and rows that each of the 8 x 8 threads of a tile computes. */
const threadTile = 4

const tileEntry = `
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let firstRow = group.x * ${packedTile}u;
  let firstToken = group.y * ${packedTile}u;
  if (firstToken >= tokensHere()) {
    return;
  }
  let threadRow = thread % 8u;
  let threadToken = thread / 8u;
  var sums: array<vec4<f32>, ${threadTile}>;
`

/** Rows of a thread are eight apart, so that threads side by side write side by side. */
const finishTile = `
  for (var i = 0u; i < ${threadTile}u; i += 1u) {
    for (var j = 0u; j < ${threadTile}u; j += 1u) {
      let token = firstToken + threadToken + i * 8u;
      let row = firstRow + threadRow + j * 8u;
      if (token < tokensHere() && row < given.rows) {
        product[(tokenStart() + token) * given.stride + given.first + row] = sums[i][j];
      }
    }
  }
`

/**
 * int8 activations of many tokens: tiles of integers pass through workgroup memory, one group of the weight (at most 32 columns)
 * at a time, so that every sum of products is exact before it is scaled.
 */
export function tileIntegers(format: Format, whose: Tokens): Kernel {
  const { format: integers, shared } = integerParts(format)
  const { hasOffsets, group } = integers
  const quads = Math.min(32, group) / 4
  // A word more than there is, so that rows do not begin in the same bank.
  const line = quads + 1
  const offsets = hasOffsets ? tileOffsets(quads, line, group) : { memory: '', load: '', sum: '', take: '' }
  const ofRows = (name: string): string =>
    `vec4<f32>(${[0, 8, 16, 24].map((row) => `${name}[threadRow + ${row}u]`).join(', ')})`
  return ofTokens(whose, {
    name: `tileIntegers ${format.dtype}`,
    bindings: integerBindings,
    parameters: extents,
    code: `${format.code}
var<workgroup> rowTile: array<u32, ${packedTile * line}>;
var<workgroup> tokenTile: array<u32, ${packedTile * line}>;
var<workgroup> rowScales: array<f32, ${packedTile}>;
var<workgroup> tokenScales: array<f32, ${packedTile}>;
${offsets.memory}
${tileEntry}
  for (var base = 0u; base < given.quads; base += ${quads}u) {
    workgroupBarrier();
    for (var place = thread; place < ${packedTile * quads}u; place += 64u) {
      // In panels the words of eight rows lie side by side, in x those of a row.
      let row = place / ${8 * quads}u * 8u + place % 8u;
      let rowQuad = place / 8u % ${quads}u;
      rowTile[row * ${line}u + rowQuad] = integersAt(firstRow + row, base + rowQuad);
      let token = place / ${quads}u;
      let tokenQuad = place % ${quads}u;
      let source = (tokenStart() + min(firstToken + token, tokensHere() - 1u)) * given.quads + base + tokenQuad;
      tokenTile[token * ${line}u + tokenQuad] = integers[source];
    }
    if (thread < ${packedTile}u) {
      rowScales[thread] = scaleAt(firstRow + thread, base / ${group / 4}u);${offsets.load}
      let token = tokenStart() + min(firstToken + thread, tokensHere() - 1u);
      tokenScales[thread] = scales[(token * given.quads + base) / ${shared / 4}u];
    }
    workgroupBarrier();${offsets.sum}
    var dots = array<vec4<i32>, ${threadTile}>();
    for (var place = 0u; place < ${quads}u; place += 1u) {
      let first = threadRow * ${line}u + place;
      let weights = vec4<u32>(rowTile[first], rowTile[first + ${8 * line}u], rowTile[first + ${16 * line}u], rowTile[first + ${24 * line}u]);
      for (var i = 0u; i < ${threadTile}u; i += 1u) {
        let values = tokenTile[(threadToken + i * 8u) * ${line}u + place];
        dots[i] += vec4<i32>(dot4(weights.x, values), dot4(weights.y, values), dot4(weights.z, values), dot4(weights.w, values));
      }
    }
    let rowScale = ${ofRows('rowScales')};${hasOffsets ? `\n    let rowOffset = ${ofRows('offsets')};` : ''}
    for (var i = 0u; i < ${threadTile}u; i += 1u) {
      let token = threadToken + i * 8u;
      sums[i] += (vec4<f32>(dots[i]) * rowScale${offsets.take}) * tokenScales[token];
    }
  }
${finishTile}
}
`,
  })
}

/** What a tile of integers needs besides, where offsets are taken away: sums of the activations of every token. */
function tileOffsets(quads: number, line: number, group: number) {
  return {
    memory: `var<workgroup> offsets: array<f32, ${packedTile}>;\nvar<workgroup> totals: array<i32, ${packedTile}>;`,
    load: `
      offsets[thread] = offsetAt(firstRow + thread, base / ${group / 4}u);`,
    sum: `
    if (thread < ${packedTile}u) {
      var total = 0;
      for (var place = 0u; place < ${quads}u; place += 1u) {
        total += dot4(0x01010101u, tokenTile[thread * ${line}u + place]);
      }
      totals[thread] = total;
    }
    workgroupBarrier();`,
    take: ` - f32(totals[token]) * rowOffset`,
  }
}

/** The same with activations as they are, for every format: weights become floats on their way into workgroup memory. */
export function tileFloats(format: Format, arithmetic: Arithmetic, whose: Tokens): Kernel {
  const quads = 8
  const { type, code, operands, dot } = multiplications[arithmetic]
  return ofTokens(whose, {
    name: `tileFloats ${format.dtype} ${arithmetic}`,
    bindings: [reads('x', 'vec4<f32>'), weight, writes('product')],
    parameters: extents,
    code: `${format.code}${code}
var<workgroup> rowTile: array<vec4<${type}>, ${packedTile * quads}>;
var<workgroup> tokenTile: array<vec4<${type}>, ${packedTile * quads}>;
${tileEntry}
  for (var base = 0u; base < given.quads; base += ${quads}u) {
    workgroupBarrier();
    for (var place = thread; place < ${packedTile * quads}u; place += 64u) {
      let quad = base + place % ${quads}u;
      let line = place / ${quads}u;
      rowTile[place] = ${operands('valuesAt(firstRow + line, quad)')};
      let token = tokenStart() + min(firstToken + line, tokensHere() - 1u);
      tokenTile[place] = ${operands('x[token * given.quads + quad]')};
    }
    workgroupBarrier();
    for (var place = 0u; place < ${quads}u; place += 1u) {
      for (var i = 0u; i < ${threadTile}u; i += 1u) {
        let values = tokenTile[(threadToken + i * 8u) * ${quads}u + place];
        for (var j = 0u; j < ${threadTile}u; j += 1u) {
          sums[i][j] += ${dot(`rowTile[(threadRow + j * 8u) * ${quads}u + place]`, 'values')};
        }
      }
    }
  }
${finishTile}
}
`,
  })
}

/** Writes the four values of a quad. */
const writeQuad = `
y[at] = values.x;
y[at + 1u] = values.y;
y[at + 2u] = values.z;
y[at + 3u] = values.w;
`

/** The values of a matrix, row after row. */
export function dequantize(format: Format): Kernel {
  return {
    name: `dequantize ${format.dtype}`,
    bindings: [weight, writes('y')],
    parameters: parameters('count', 'quads', 'yAt'),
    code: `${format.code}${forEachElement(`
let values = valuesAt(index / given.quads, index % given.quads);
let at = given.yAt + index * 4u;
${writeQuad}
`)}`,
  }
}

/** Rows by id, of those that are in this slab: [first, first + rows). */
export function embedQuantized(format: Format): Kernel {
  return {
    name: `embedding ${format.dtype}`,
    bindings: [weight, reads('ids', 'i32'), updates('y')],
    parameters: parameters('count', 'quads', 'first', 'rows'),
    code: `${format.code}${forEachElement(`
let row = u32(ids[index / given.quads]) - given.first;
if (row >= given.rows) {
  return;
}
let values = valuesAt(row, index % given.quads);
let at = index * 4u;
${writeQuad}
`)}`,
  }
}

/** The same of an f32 table. */
export const embedFloats: Kernel = {
  name: 'embedding',
  bindings: [reads('table'), reads('ids', 'i32'), updates('y')],
  parameters: parameters('count', 'width', 'first', 'rows'),
  code: forEachElement(`
let row = u32(ids[index / given.width]) - given.first;
if (row < given.rows) {
  y[index] = table[row * given.width + index % given.width];
}
`),
}
