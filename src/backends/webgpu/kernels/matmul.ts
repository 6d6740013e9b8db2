/** Products of f32 matrices. */
import { groupReduction, parameters, reads, updates, type Kernel } from '../kernel.ts'

/** Rows and columns of the product that a group computes. */
export const productTile = 64

/** Rows and columns that each of its 16 x 16 threads computes. */
const threadTile = 4

/** Inner extent of what is in workgroup memory at a time. */
const depth = 16

export interface Transposes {
  readonly left: boolean
  readonly right: boolean
}

/** Where the element (row, k) of an operand is, read transposed or not. */
function elementAt(name: string, transposed: boolean, outer: string, inner: string): string {
  return transposed
    ? `${name}[given.${name}At + (${inner}) * given.${name}Stride + (${outer})]`
    : `${name}[given.${name}At + (${outer}) * given.${name}Stride + (${inner})]`
}

/** Fills a tile [depth][productTile] of an operand; neighbouring threads read neighbouring elements. */
function loadTile(name: string, transposed: boolean, extent: string, start: string): string {
  const [outer, inner] = transposed
    ? [`place % ${productTile}u`, `place / ${productTile}u`]
    : [`place / ${depth}u`, `place % ${depth}u`]
  return `
    for (var place = thread; place < ${depth * productTile}u; place += 256u) {
      let outer = ${outer};
      let inner = ${inner};
      var value = 0.0;
      if (${start} + outer < given.${extent} && base + inner < given.inner) {
        value = ${elementAt(name, transposed, `${start} + outer`, 'base + inner')};
      }
      ${name}Tile[inner * ${productTile}u + outer] = value;
    }`
}

const operands = parameters(
  ...['rows', 'columns', 'inner', 'leftAt', 'rightAt', 'productAt'],
  ...['leftStride', 'rightStride', 'productStride', 'adds'],
)

/**
 * A tile of the product in the registers of a group, whose operands pass through workgroup memory. With `given.adds` it is added
 * to what is there.
 */
function tiled({ left, right }: Transposes): Kernel {
  return {
    name: 'matmul',
    bindings: [reads('left'), reads('right'), updates('product')],
    parameters: operands,
    code: `
var<workgroup> leftTile: array<f32, ${depth * productTile}>;
var<workgroup> rightTile: array<f32, ${depth * productTile}>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let firstColumn = group.x * ${productTile}u;
  let firstRow = group.y * ${productTile}u;
  let threadColumn = thread % 16u * ${threadTile}u;
  let threadRow = thread / 16u * ${threadTile}u;
  var sums: array<vec4<f32>, ${threadTile}>;
  for (var base = 0u; base < given.inner; base += ${depth}u) {
    workgroupBarrier();
${loadTile('left', left, 'rows', 'firstRow')}
${loadTile('right', !right, 'columns', 'firstColumn')}
    workgroupBarrier();
    for (var k = 0u; k < ${depth}u; k += 1u) {
      let place = k * ${productTile}u + threadColumn;
      let values = vec4<f32>(rightTile[place], rightTile[place + 1u], rightTile[place + 2u], rightTile[place + 3u]);
      for (var row = 0u; row < ${threadTile}u; row += 1u) {
        sums[row] += leftTile[k * ${productTile}u + threadRow + row] * values;
      }
    }
  }
  for (var row = 0u; row < ${threadTile}u; row += 1u) {
    for (var column = 0u; column < ${threadTile}u; column += 1u) {
      if (firstRow + threadRow + row < given.rows && firstColumn + threadColumn + column < given.columns) {
        let at = given.productAt + (firstRow + threadRow + row) * given.productStride + firstColumn + threadColumn + column;
        var before = 0.0;
        if (given.adds != 0u) {
          before = product[at];
        }
        product[at] = before + sums[row][column];
      }
    }
  }
}
`,
  }
}

const tiles = [false, true].flatMap((left) =>
  [false, true].map((right) => ({ left, right, kernel: tiled({ left, right }) })),
)

/** The kernel for operands that are read transposed or not. */
export function matmulTiled({ left, right }: Transposes): Kernel {
  const found = tiles.find((tile) => tile.left === left && tile.right === right)
  if (found === undefined) throw new Error('defect: no kernel for these transposes')
  return found.kernel
}

/** At most as many rows as `matmulFewRows` takes at a time. */
export const fewRows = 4

const slices = 64

/**
 * A few rows of x [rows, inner] times the transpose of a weight [columns, inner]: a group has a column, of which the threads read
 * the weights once and side by side.
 */
export const matmulFewRows: Kernel = {
  name: 'matmulFewRows',
  bindings: [reads('left'), reads('right'), updates('product')],
  parameters: operands,
  code: `${groupReduction('sumOf', slices, 'sum')}
@compute @workgroup_size(${slices})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let column = groupNumber(group, groups);
  if (column >= given.columns) {
    return;
  }
  var sums = vec4<f32>(0.0);
  for (var k = thread; k < given.inner; k += ${slices}u) {
    let value = right[given.rightAt + column * given.rightStride + k];
    for (var row = 0u; row < given.rows; row += 1u) {
      sums[row] += value * left[given.leftAt + row * given.leftStride + k];
    }
  }
  for (var row = 0u; row < given.rows; row += 1u) {
    let total = sumOf(sums[row], thread);
    if (thread == 0u) {
      let at = given.productAt + row * given.productStride + column;
      var before = 0.0;
      if (given.adds != 0u) {
        before = product[at];
      }
      product[at] = before + total;
    }
  }
}
`,
}
