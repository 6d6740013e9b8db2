/** What a kernel is: WGSL with the buffers and numbers that it is given, as plain data. */

/** A storage buffer of a kernel. */
export interface Binding {
  readonly name: string
  /** The WGSL type of an element. */
  readonly element: 'f32' | 'i32' | 'u32' | 'atomic<u32>' | 'vec4<f32>'
  /** `update` reads what is there before it writes. */
  readonly access: 'read' | 'write' | 'update'
}

/** A number that a step gives a kernel; in WGSL `given.name`. */
export interface Parameter {
  readonly name: string
  readonly type: 'u32' | 'f32'
}

export interface Kernel {
  /** What it computes; the same for all its specialisations. */
  readonly name: string
  readonly bindings: readonly Binding[]
  readonly parameters: readonly Parameter[]
  /** Functions and the entry point `main`; it may use `given`, the bindings by name, `groupNumber` and `dot4`. */
  readonly code: string
}

/** What the language of a device has beyond what every device has. */
export interface Dialect {
  /** `dot4I8Packed`: products of four 8-bit integers at once. */
  readonly packedProducts: boolean
}

/** At most as many storage buffers as every device grants a kernel. */
export const mostBindings = 8

/** The largest extent of a dispatch along one axis that every device grants. */
export const mostGroups = 65535

/** Bytes of workgroup memory that every device grants. */
export const workgroupBytes = 16384

export function reads(name: string, element: Binding['element'] = 'f32'): Binding {
  return { name, element, access: 'read' }
}

export function writes(name: string, element: Binding['element'] = 'f32'): Binding {
  return { name, element, access: 'write' }
}

export function updates(name: string, element: Binding['element'] = 'f32'): Binding {
  return { name, element, access: 'update' }
}

/** Parameters from `name` or `name: type`, u32 when no type is said. */
export function parameters(...declarations: readonly string[]): Parameter[] {
  return declarations.map((declaration) => {
    const [name = '', type = 'u32'] = declaration.split(': ')
    return { name, type: type === 'f32' ? 'f32' : 'u32' }
  })
}

/**
 * Dispatches have two dimensions, since one holds 65,535 groups and a vocabulary has more rows. The numbers here count
 * through both.
 */
const counting = `
/// The number of this group among all of the dispatch.
fn groupNumber(group: vec3<u32>, groups: vec3<u32>) -> u32 {
  return group.y * groups.x + group.x;
}
`

/** Sums of four products of signed bytes. */
function products({ packedProducts }: Dialect): string {
  if (packedProducts) {
    return `
fn dot4(left: u32, right: u32) -> i32 {
  return dot4I8Packed(left, right);
}
`
  }
  return `
fn dot4(left: u32, right: u32) -> i32 {
  let places = vec4<u32>(24u, 16u, 8u, 0u);
  let a = bitcast<vec4<i32>>(vec4<u32>(left) << places) >> vec4<u32>(24u);
  let b = bitcast<vec4<i32>>(vec4<u32>(right) << places) >> vec4<u32>(24u);
  return dot(a, b);
}
`
}

/** The whole WGSL module of a kernel. The same text is the same pipeline. */
export function moduleText(kernel: Kernel, dialect: Dialect): string {
  const { bindings, parameters: given, code } = kernel
  const integers = code.includes('dot4(')
  const lines = /\bf16\b/.test(code) ? ['enable f16;'] : []
  if (integers && dialect.packedProducts) lines.push('requires packed_4x8_integer_dot_product;')
  if (given.length > 0) {
    lines.push('struct Given {', ...given.map(({ name, type }) => `  ${name}: ${type},`), '}')
    lines.push('@group(0) @binding(0) var<uniform> given: Given;')
  }
  bindings.forEach(({ name, element, access }, index) => {
    const mode = access === 'read' ? 'read' : 'read_write'
    lines.push(`@group(0) @binding(${index + 1}) var<storage, ${mode}> ${name}: array<${element}>;`)
  })
  return `${lines.join('\n')}\n${counting}${integers ? products(dialect) : ''}${code.trimEnd()}\n`
}

/** The entry point of a kernel of which every thread does one element; `body` knows it as `index`, below `given.count`. */
export function forEachElement(body: string): string {
  return `
@compute @workgroup_size(${elementThreads})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = groupNumber(group, groups) * ${elementThreads}u + thread;
  if (index >= given.count) {
    return;
  }
${body.trim().replace(/^/gm, '  ').trimEnd()}
}
`
}

/** Threads of a group of `forEachElement`. */
export const elementThreads = 128

/** The entry point of a kernel of which every group does one row; `body` knows it as `row`, below `given.rows`. */
export function forEachRow(threads: number, body: string): string {
  return `
@compute @workgroup_size(${threads})
fn main(${groupParameters}) {
  let row = groupNumber(group, groups);
  if (row >= given.rows) {
    return;
  }
${body.trim().replace(/^/gm, '  ').trimEnd()}
}
`
}

/** The parameters of an entry point whose groups are numbered. */
export const groupParameters = `
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
`

/**
 * The sum (or maximum) of one number of each thread of a group, in every thread: a tree, so that the order is always the
 * same. Declares `name`; `threads` is a power of two.
 */
export function groupReduction(
  name: string,
  threads: number,
  operation: 'sum' | 'max',
  element: 'f32' | 'u32' = 'f32',
): string {
  const combine =
    operation === 'sum'
      ? `${name}Parts[thread] + ${name}Parts[thread + half]`
      : `max(${name}Parts[thread], ${name}Parts[thread + half])`
  return `
var<workgroup> ${name}Parts: array<${element}, ${threads}>;

fn ${name}(value: ${element}, thread: u32) -> ${element} {
  workgroupBarrier();
  ${name}Parts[thread] = value;
  for (var half = ${threads / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (thread < half) {
      ${name}Parts[thread] = ${combine};
    }
  }
  workgroupBarrier();
  return ${name}Parts[0];
}
`
}
