import { groupParameters, parameters, reads, writes, type Binding, type Kernel } from '../kernel.ts'

/**
 * a / b for positive normal numbers, rounded to the nearest as the oracle does: the division of WGSL may be off in the last places. A long
 * division of the significands; 0 for what is out of the range of normal numbers.
 */
export const exactDivision = `
fn divide(a: f32, b: f32) -> f32 {
  let bitsOfA = bitcast<u32>(a);
  let bitsOfB = bitcast<u32>(b);
  var remainder = (bitsOfA & 0x7fffffu) | 0x800000u;
  let divisor = (bitsOfB & 0x7fffffu) | 0x800000u;
  var exponent = i32(bitsOfA >> 23u) - i32(bitsOfB >> 23u) + 127;
  if (remainder < divisor) {
    remainder <<= 1u;
    exponent -= 1;
  }
  // 24 bits and one to round by.
  var quotient = 0u;
  for (var bit = 0u; bit < 25u; bit += 1u) {
    quotient <<= 1u;
    if (remainder >= divisor) {
      remainder -= divisor;
      quotient |= 1u;
    }
    remainder <<= 1u;
  }
  let up = (quotient & 1u) != 0u && (remainder != 0u || (quotient & 2u) != 0u);
  quotient = (quotient >> 1u) + select(0u, 1u, up);
  if (quotient == 0x1000000u) {
    quotient >>= 1u;
    exponent += 1;
  }
  if (exponent < 1 || exponent > 254) {
    return 0.0;
  }
  return bitcast<f32>((u32(exponent) << 23u) | (quotient & 0x7fffffu));
}
`

/**
 * `quantizeQuad` rounds four consecutive activations of a thread to int8, with the greatest of their group of columns, and writes
 * them to the bindings `integers` and `scales`: bit for bit as `quantizeActivations` in src/blocks defines it, but that groups below
 * 2^-119, whose products no sum can see, become 0. All threads of a group have to call it, for quads that lie side by side.
 *
 * @param shared columns that share a scale
 * @param threads of a group, each with a quad
 */
export function quantizing(shared: number, threads: number): string {
  const threadsOfGroup = shared / 4
  return `${exactDivision}
var<workgroup> largest: array<u32, ${threads}>;

fn quantizeQuad(values: vec4<f32>, quad: u32, inside: bool, thread: u32) {
  // Compared as integers, NaN is the greatest: it then shows in every result of its group.
  let magnitudes = bitcast<vec4<u32>>(values) & vec4<u32>(0x7fffffffu);
  workgroupBarrier();
  largest[thread] = max(max(magnitudes.x, magnitudes.y), max(magnitudes.z, magnitudes.w));
  for (var half = ${threadsOfGroup / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (thread % ${threadsOfGroup}u < half) {
      largest[thread] = max(largest[thread], largest[thread + half]);
    }
  }
  workgroupBarrier();
  if (!inside) {
    return;
  }
  let bits = largest[thread - thread % ${threadsOfGroup}u];
  let most = bitcast<f32>(bits);
  var scale = 0.0;
  var inverse = 0.0;
  if (bits >= 0x7f800000u) {
    scale = bitcast<f32>(bits | 0x400000u);
  } else if (most >= 1.5046328e-36) {
    scale = divide(most, 127.0);
    inverse = divide(127.0, most);
  }
  let rounded = vec4<i32>(clamp(round(values * inverse), vec4<f32>(-127.0), vec4<f32>(127.0)));
  let bytes = bitcast<vec4<u32>>(rounded) & vec4<u32>(255u);
  integers[quad] = bytes.x | (bytes.y << 8u) | (bytes.z << 16u) | (bytes.w << 24u);
  if (thread % ${threadsOfGroup}u == 0u) {
    scales[quad / ${threadsOfGroup}u] = scale;
  }
}
`
}

/** What kernels that quantise write. */
export const quantizedBindings: readonly Binding[] = [writes('integers', 'u32'), writes('scales')]

/** Quads of a dispatch's group, one for each thread. */
export const quantizedQuads = 64

/**
 * A kernel that quantises what `valuesAt(quad) -> vec4<f32>` gives for each of `given.quads` quads.
 */
export function quantizeEach(
  name: string,
  shared: number,
  parts: Pick<Kernel, 'bindings' | 'parameters' | 'code'>,
): Kernel {
  return {
    name,
    bindings: [...parts.bindings, ...quantizedBindings],
    parameters: [...parameters('quads'), ...parts.parameters],
    code: `${parts.code}${quantizing(shared, quantizedQuads)}
@compute @workgroup_size(${quantizedQuads})
fn main(${groupParameters}) {
  let quad = groupNumber(group, groups) * ${quantizedQuads}u + thread;
  let inside = quad < given.quads;
  var values = vec4<f32>(0.0);
  if (inside) {
    values = valuesAt(quad);
  }
  quantizeQuad(values, quad, inside, thread);
}
`,
  }
}

/** Activations as they are. */
export function quantizeRows(shared: number): Kernel {
  return quantizeEach('quantizeRows', shared, {
    bindings: [reads('x', 'vec4<f32>')],
    parameters: [],
    code: `
fn valuesAt(quad: u32) -> vec4<f32> {
  return x[quad];
}
`,
  })
}
