import { parameters, reads, writes, type Kernel } from '../kernel.ts'

const threads = 64

/**
 * a / b for normal numbers, rounded to the nearest as the oracle does: the division of WGSL may be off in the last places. A long
 * division of the significands; 0 for what is out of the range of normal numbers.
 */
const exactDivision = `
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
 * Activations as int8 by groups of columns, bit for bit as `quantizeActivations` in src/blocks defines it, but that groups below
 * 2^-119, whose products no sum can see, become 0.
 */
function quantizer(group: number): Kernel {
  const threadsOfGroup = group / 4
  return {
    name: 'quantizeRows',
    bindings: [reads('x', 'vec4<f32>'), writes('integers', 'u32'), writes('scales')],
    parameters: parameters('groups'),
    code: `${exactDivision}
var<workgroup> largest: array<f32, ${threads}>;

@compute @workgroup_size(${threads})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = groupNumber(group, groups) * ${threads / threadsOfGroup}u + thread / ${threadsOfGroup}u;
  let quad = index * ${threadsOfGroup}u + thread % ${threadsOfGroup}u;
  var values = vec4<f32>(0.0);
  if (index < given.groups) {
    values = x[quad];
  }
  let magnitudes = abs(values);
  largest[thread] = max(max(magnitudes.x, magnitudes.y), max(magnitudes.z, magnitudes.w));
  for (var half = ${threadsOfGroup / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (thread % ${threadsOfGroup}u < half) {
      largest[thread] = max(largest[thread], largest[thread + half]);
    }
  }
  workgroupBarrier();
  if (index >= given.groups) {
    return;
  }
  let most = largest[thread - thread % ${threadsOfGroup}u];
  var scale = 0.0;
  var inverse = 0.0;
  if (most >= 1.5046328e-36) {
    scale = divide(most, 127.0);
    inverse = divide(127.0, most);
  }
  let rounded = vec4<i32>(clamp(round(values * inverse), vec4<f32>(-127.0), vec4<f32>(127.0)));
  let bytes = bitcast<vec4<u32>>(rounded) & vec4<u32>(255u);
  integers[quad] = bytes.x | (bytes.y << 8u) | (bytes.z << 16u) | (bytes.w << 24u);
  if (thread % ${threadsOfGroup}u == 0u) {
    scales[index] = scale;
  }
}
`,
  }
}

const quantizers = new Map([32, 64, 128, 256].map((group) => [group, quantizer(group)]))

/** The kernel for activations of which so many columns share a scale. */
export function quantizeRows(group: number): { readonly kernel: Kernel; readonly groupsOfDispatch: number } {
  const kernel = quantizers.get(group)
  if (kernel === undefined) throw new Error(`defect: no activations share a scale by ${group}`)
  return { kernel, groupsOfDispatch: (threads * 4) / group }
}
