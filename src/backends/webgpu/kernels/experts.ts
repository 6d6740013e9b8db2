/** Mixtures of experts (src/program/ops/experts.ts): which places are an expert's is read from a table when a kernel runs. */
import { forEachElement, parameters, reads, updates, writes, type Kernel } from '../kernel.ts'

/** The two choices of a row, and what each expert has in the sum of a softmax around the best one that is not taken. */
const choosing = `
fn bestOf(row: u32, taken: u32) -> u32 {
  var best = select(0u, 1u, taken == 0u);
  for (var expert = best + 1u; expert < given.experts; expert += 1u) {
    if (expert != taken && scores[row + expert] > scores[row + best]) {
      best = expert;
    }
  }
  return best;
}

fn shareOf(row: u32, expert: u32, best: u32, taken: u32) -> f32 {
  let most = scores[row + best];
  let score = scores[row + expert];
  let isFar = most - score > 2.0 * given.jitter * max(abs(score), most);
  return select(exp(score - most), 0.0, expert == taken || isFar);
}

fn sumOfShares(row: u32, best: u32, taken: u32) -> f32 {
  var sum = 0.0;
  for (var expert = 0u; expert < given.experts; expert += 1u) {
    sum += shareOf(row, expert, best, taken);
  }
  return sum;
}
`

/** A thread has a row. */
export const sparseMixer: Kernel = {
  name: 'sparseMixer',
  bindings: [reads('scores'), writes('routing')],
  parameters: parameters('count', 'experts', 'jitter: f32'),
  code: `${choosing}${forEachElement(`
let row = index * given.experts;
let first = bestOf(row, given.experts);
let second = bestOf(row, first);
for (var expert = 0u; expert < given.experts; expert += 1u) {
  routing[row + expert] = 0.0;
}
routing[row + first] = 1.0 / sumOfShares(row, first, given.experts);
routing[row + second] = 1.0 / sumOfShares(row, second, first);
`)}`,
}

export const sparseMixerGradient: Kernel = {
  name: 'sparseMixerGradient',
  bindings: [reads('scores'), reads('gradient'), writes('result')],
  parameters: parameters('count', 'experts', 'jitter: f32'),
  code: `${choosing}
fn towards(row: u32, expert: u32, best: u32, taken: u32) -> f32 {
  let inverse = 1.0 / sumOfShares(row, best, taken);
  let slope = select(0.0, 1.0, expert == best) - shareOf(row, expert, best, taken) * inverse;
  return gradient[row + best] * inverse * slope;
}
${forEachElement(`
let row = index * given.experts;
let first = bestOf(row, given.experts);
let second = bestOf(row, first);
for (var expert = 0u; expert < given.experts; expert += 1u) {
  result[row + expert] = towards(row, expert, first, given.experts) + towards(row, expert, second, first);
}
`)}`,
}

const placing = 64

/**
 * The table of places: where those of every expert begin and how many there are in all, the row and the expert of every place, and
 * the place of every choice of a row, or -1. One group; a thread has an expert.
 */
export const expertPlaces: Kernel = {
  name: 'expertPlaces',
  bindings: [reads('routing'), updates('table', 'i32')],
  parameters: parameters('rows', 'experts', 'places'),
  code: `
@compute @workgroup_size(${placing})
fn main(@builtin(local_invocation_index) thread: u32) {
  for (var expert = thread; expert < given.experts; expert += ${placing}u) {
    var count = 0;
    for (var row = 0u; row < given.rows; row += 1u) {
      count += select(0, 1, routing[row * given.experts + expert] != 0.0);
    }
    table[expert + 1u] = count;
  }
  storageBarrier();
  if (thread == 0u) {
    table[0] = 0;
    for (var expert = 0u; expert < given.experts; expert += 1u) {
      table[expert + 1u] = min(table[expert] + table[expert + 1u], i32(given.places));
    }
  }
  storageBarrier();
  let rowOf = given.experts + 1u;
  for (var expert = thread; expert < given.experts; expert += ${placing}u) {
    var place = table[expert];
    for (var row = 0u; row < given.rows; row += 1u) {
      let choice = row * given.experts + expert;
      let isChosen = routing[choice] != 0.0 && place < table[expert + 1u];
      table[rowOf + 2u * given.places + choice] = select(-1, place, isChosen);
      if (isChosen) {
        table[rowOf + u32(place)] = i32(row);
        table[rowOf + given.places + u32(place)] = i32(expert);
        place += 1;
      }
    }
  }
}
`,
}

const table = reads('table', 'i32')

export const expertRows: Kernel = {
  name: 'expertRows',
  bindings: [reads('x'), reads('routing'), table, writes('y')],
  parameters: parameters('count', 'experts', 'places', 'width', 'weighted'),
  code: forEachElement(`
let place = index / given.width;
if (place >= u32(table[given.experts])) {
  y[index] = 0.0;
  return;
}
let row = u32(table[given.experts + 1u + place]);
let expert = u32(table[given.experts + 1u + given.places + place]);
let weight = select(1.0, routing[row * given.experts + expert], given.weighted != 0u);
y[index] = x[row * given.width + index % given.width] * weight;
`),
}

/** Places are added in the order of the experts. */
export const expertSum: Kernel = {
  name: 'expertSum',
  bindings: [reads('y'), reads('routing'), table, writes('sum')],
  parameters: parameters('count', 'experts', 'places', 'width', 'weighted'),
  code: forEachElement(`
let choices = index / given.width * given.experts;
var total = 0.0;
for (var expert = 0u; expert < given.experts; expert += 1u) {
  let place = table[given.experts + 1u + 2u * given.places + choices + expert];
  if (place >= 0) {
    let weight = select(1.0, routing[choices + expert], given.weighted != 0u);
    total += y[u32(place) * given.width + index % given.width] * weight;
  }
}
sum[index] = total;
`),
}

export const expertProducts: Kernel = {
  name: 'expertProducts',
  bindings: [reads('x'), reads('y'), table, writes('products')],
  parameters: parameters('count', 'experts', 'places', 'width'),
  code: forEachElement(`
let place = table[given.experts + 1u + 2u * given.places + index];
var product = 0.0;
if (place >= 0) {
  for (var column = 0u; column < given.width; column += 1u) {
    product += x[index / given.experts * given.width + column] * y[u32(place) * given.width + column];
  }
}
products[index] = product;
`),
}

/** Places behind the last choice become 0. */
export const expertClear: Kernel = {
  name: 'expertClear',
  bindings: [table, updates('y')],
  parameters: parameters('count', 'experts', 'width'),
  code: forEachElement(`
if (index / given.width >= u32(table[given.experts])) {
  y[index] = 0.0;
}
`),
}

/** Rows and columns that a group of the two products below computes, an element a thread. */
export const expertTile = 16

const tiles = `
var<workgroup> leftTile: array<f32, ${expertTile * expertTile}>;
var<workgroup> rightTile: array<f32, ${expertTile * expertTile}>;

@compute @workgroup_size(${expertTile * expertTile})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let firstPlace = u32(table[given.expert]);
  let places = u32(table[given.expert + 1u]) - firstPlace;
  let row = thread / ${expertTile}u;
  let column = thread % ${expertTile}u;
  let ownRow = group.y * ${expertTile}u + row;
  let ownColumn = group.x * ${expertTile}u + column;
`

/** Adds the products of two tiles to a sum. */
const multiplyTiles = `
    workgroupBarrier();
    for (var k = 0u; k < ${expertTile}u; k += 1u) {
      sum += leftTile[row * ${expertTile}u + k] * rightTile[k * ${expertTile}u + column];
    }`

/**
 * An expert's places of x times its matrix, of which the element (k, column) is `kStride` and `columnStride` apart. With
 * `given.adds` the product is added to what is there.
 */
export const expertMatmul: Kernel = {
  name: 'expertMatmul',
  bindings: [table, reads('x'), reads('matrix'), updates('product')],
  parameters: parameters(
    ...['expert', 'columns', 'inner', 'xAt', 'xStride', 'kStride', 'columnStride'],
    ...['productAt', 'productStride', 'adds'],
  ),
  code: `${tiles}
  if (group.y * ${expertTile}u >= places) {
    return;
  }
  var sum = 0.0;
  for (var base = 0u; base < given.inner; base += ${expertTile}u) {
    var left = 0.0;
    if (ownRow < places && base + column < given.inner) {
      left = x[given.xAt + (firstPlace + ownRow) * given.xStride + base + column];
    }
    var right = 0.0;
    if (base + row < given.inner && ownColumn < given.columns) {
      right = matrix[(base + row) * given.kStride + ownColumn * given.columnStride];
    }
    workgroupBarrier();
    leftTile[thread] = left;
    rightTile[thread] = right;${multiplyTiles}
  }
  if (ownRow < places && ownColumn < given.columns) {
    let at = given.productAt + (firstPlace + ownRow) * given.productStride + ownColumn;
    var before = 0.0;
    if (given.adds != 0u) {
      before = product[at];
    }
    product[at] = before + sum;
  }
}
`,
}

/** The transpose of an expert's places of y times those of x: [rows, columns]; 0 where it has none. */
export const expertOuter: Kernel = {
  name: 'expertOuter',
  bindings: [table, reads('y'), reads('x'), writes('product')],
  parameters: parameters('expert', 'rows', 'columns', 'yAt', 'yStride'),
  code: `${tiles}
  var sum = 0.0;
  for (var base = 0u; base < places; base += ${expertTile}u) {
    var left = 0.0;
    if (ownRow < given.rows && base + column < places) {
      left = y[given.yAt + (firstPlace + base + column) * given.yStride + ownRow];
    }
    var right = 0.0;
    if (base + row < places && ownColumn < given.columns) {
      right = x[(firstPlace + base + row) * given.columns + ownColumn];
    }
    workgroupBarrier();
    leftTile[thread] = left;
    rightTile[thread] = right;${multiplyTiles}
  }
  if (ownRow < given.rows && ownColumn < given.columns) {
    product[ownRow * given.columns + ownColumn] = sum;
  }
}
`,
}
