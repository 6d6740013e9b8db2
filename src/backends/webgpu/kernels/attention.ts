/**
 * Attention in one pass over the keys (Dao et al., 2022, FlashAttention): a group has a few rows of one head and walks over the
 * positions that these see, a tile at a time, with the greatest score and the sum of the exponentials so far.
 */
import { forEachElement, parameters, reads, workgroupBytes, writes, type Binding, type Kernel } from '../kernel.ts'
import type { Arithmetic } from '../steps.ts'
import { multiplications } from './arithmetic.ts'
import { batchKeys, type KeySource } from './key-sources.ts'

/** Threads of a group. */
const threads = 64

/** How many rows and keys a group has in workgroup memory at a time. */
export interface AttentionTile {
  readonly rows: number
  readonly keys: number
}

/**
 * The largest tile, of `rows` and of at most `keys`, whose operands fit into the memory that every device has; undefined when a head
 * is too large for any. Tiles of keys are a word longer than the head, so that threads do not wait for one bank.
 */
function fittingTile(headSize: number, { rows, keys }: AttentionTile, copies: number): AttentionTile | undefined {
  for (let fit = { rows, keys }; fit.rows >= 1 && fit.keys >= 1;) {
    const words =
      copies * (fit.rows * headSize + fit.keys * (headSize + 1)) + 2 * fit.rows * fit.keys + 8 * fit.rows + 16
    if (words * 4 <= workgroupBytes) return fit
    fit = fit.keys > 4 ? { ...fit, keys: fit.keys / 2 } : { rows: Math.floor(fit.rows / 2), keys: fit.keys }
  }
  return undefined
}

/** Which blocks of positions a head sees (src/program/ops/block-pattern.ts); both positions count from the sequence's first. */
const seesBlock = `
fn seesBlock(head: u32, position: i32, key: i32) -> bool {
  if (given.blockSize == 0u) {
    return true;
  }
  let block = key / i32(given.blockSize);
  let distance = position / i32(given.blockSize) - block;
  return distance < i32(given.localBlocks) || (u32(block) + 1u + head * given.headStep) % given.verticalStride == 0u;
}
`

/** Neighbouring rows of one sequence: `end` counts from the first row of the group, positions are from `low` to before `high`, that of its first row is `position`. */
const rowRuns = (rows: number): string => `${seesBlock}
struct Run {
  sequence: i32,
  end: u32,
  low: i32,
  high: i32,
  position: i32,
}

var<workgroup> found: Run;
/// The positions that each row of the run sees: from the first of them to the second, which it sees too.
var<workgroup> seen: array<vec2<i32>, ${rows}>;

fn firstSeen(row: u32, sequence: i32) -> i32 {
  let first = firstOf(sequence);
  if (given.window == 0u) {
    return first;
  }
  return max(first, positionOf(row) - i32(given.window) + 1);
}

/// The run that begins with a row of the group, for all threads.
fn findRun(firstRow: u32, start: u32, thread: u32) -> Run {
  if (thread == 0u) {
    let sequence = select(-1, sequenceOf(min(firstRow + start, given.rows - 1u)), firstRow + start < given.rows);
    found = Run(sequence, start, 2147483647, 0, 2147483647);
    for (var local = 0u; local < ${rows}u; local += 1u) {
      seen[local] = vec2<i32>(1, 0);
    }
    for (var local = start; local < ${rows}u; local += 1u) {
      let row = firstRow + local;
      if (row >= given.rows || sequenceOf(row) != sequence) {
        break;
      }
      found.end = local + 1u;
      if (sequence >= 0) {
        seen[local] = vec2<i32>(firstSeen(row, sequence), positionOf(row));
        found.low = min(found.low, seen[local].x);
        found.high = max(found.high, seen[local].y + 1);
        found.position = min(found.position, seen[local].y);
      }
    }
    // Rows behind the batch are a run of padding.
    if (found.end == start) {
      found.end = ${rows}u;
    }
  }
  return workgroupUniformLoad(&found);
}

fn sees(row: u32, position: i32, sequence: i32, head: u32) -> bool {
  if (position < seen[row].x || position > seen[row].y) {
    return false;
  }
  let first = firstOf(sequence);
  return seesBlock(head, seen[row].y - first, position - first);
}

/// Whether the row of a run that is nearest to its beginning, and so sees the most before it, sees anything of a tile.
fn seesTile(run: Run, base: i32, keys: i32, head: u32) -> bool {
  if (given.blockSize == 0u) {
    return true;
  }
  let first = firstOf(run.sequence);
  var key = max(base, run.low);
  while (key < min(base + keys, run.high)) {
    if (seesBlock(head, run.position - first, key - first)) {
      return true;
    }
    key = first + ((key - first) / i32(given.blockSize) + 1) * i32(given.blockSize);
  }
  return false;
}
`

/** Loads a tile of keys or values; zeros around the run, where a cache may hold anything. */
function loadKeys(
  tile: string,
  source: 'keyAt' | 'valueAt',
  { keys }: AttentionTile,
  headSize: number,
  operand = multiplications.f32.operand,
): string {
  return `
      for (var place = thread; place < ${keys * headSize}u; place += ${threads}u) {
        let position = base + i32(place / ${headSize}u);
        var value = 0.0;
        if (run.low <= position && position < run.high) {
          value = ${source}(slotOf(run.sequence, position, kvHead) + place % ${headSize}u);
        }
        ${tile}[place / ${headSize}u * ${headSize + 1}u + place % ${headSize}u] = ${operand('value')};
      }`
}

/** Loads the rows of the group of a tensor [rows, heads * headSize], zeros behind the batch. */
function loadRows(
  tile: string,
  tensor: string,
  rows: number,
  headSize: number,
  operand = multiplications.f32.operand,
): string {
  return `
  for (var place = thread; place < ${rows * headSize}u; place += ${threads}u) {
    let row = firstRow + place / ${headSize}u;
    var value = 0.0;
    if (row < given.rows) {
      value = ${tensor}[(row * given.heads + head) * ${headSize}u + place % ${headSize}u];
    }
    ${tile}[place] = ${operand('value')};
  }`
}

const geometry = parameters(
  ...['rows', 'heads', 'kvHeads', 'window', 'pages', 'scale: f32'],
  ...['blockSize', 'localBlocks', 'verticalStride', 'headStep'],
)

const entry = (rows: number): string => `
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let firstRow = group.x * ${rows}u;
  let head = group.y;
  let kvHead = head * given.kvHeads / given.heads;
`

export interface AttentionKernel {
  readonly kernel: Kernel
  readonly tile: AttentionTile
}

/**
 * What a kernel leaves: the result, also with the log-sum-exp of every row and head (`sums`), or, where positions are cut into chunks
 * that groups share out, what `mergeChunks` makes the result of.
 */
export type AttentionResult = 'output' | 'sums' | { readonly chunk: number }

/** Numbers of a row, a head and a chunk: the sum of weighted values, the greatest score, the sum of the exponentials. */
function partNumbers(headSize: number): number {
  return headSize + 2
}

/** Bytes of what a kernel leaves for each chunk. */
export function chunkBytes(rows: number, heads: number, headSize: number): number {
  return rows * heads * partNumbers(headSize) * 4
}

/** The loop over the positions of a run that a group walks, a tile at a time. */
function walk(result: AttentionResult, keys: number): string {
  if (typeof result === 'string') return `    for (var base = run.low; base < run.high; base += ${keys}) {`
  return `    let chunkStart = i32(group.z) * ${result.chunk};
    let high = min(run.high, chunkStart + ${result.chunk});
    // Tiles keep to the chunk's own grid, so that none reaches into the next.
    let skipped = max(run.low - chunkStart, 0) / ${keys} * ${keys};
    for (var base = chunkStart + skipped; base < high; base += ${keys}) {`
}

/** What is done with the components of a row in the end, and where they go. */
function leaving(result: AttentionResult, headSize: number): { bindings: Binding[]; leave: string } {
  const output = `      output[line * ${headSize}u + component] = select(parts[part] / sums[row], 0.0, sums[row] == 0.0);`
  if (result === 'output') return { bindings: [writes('output')], leave: output }
  if (result === 'sums') {
    const sums = `      if (component == 0u) {
        logSumExp[line] = select(greatest[row] + log(sums[row]), 0.0, sums[row] == 0.0);
      }`
    return { bindings: [writes('output'), writes('logSumExp')], leave: `${output}\n${sums}` }
  }
  const numbers = partNumbers(headSize)
  return {
    bindings: [writes('chunks')],
    leave: `      let at = (group.z * given.rows * given.heads + line) * ${numbers}u;
      chunks[at + component] = parts[part];
      if (component == 0u) {
        chunks[at + ${headSize}u] = greatest[row];
        chunks[at + ${headSize + 1}u] = sums[row];
      }`,
  }
}

/** Brings the chunks of every row and head together, in their order. */
export function mergeChunks(headSize: number): Kernel {
  const numbers = partNumbers(headSize)
  return {
    name: 'mergeChunks',
    bindings: [reads('chunks'), writes('output')],
    parameters: parameters('count', 'lines', 'chunkCount'),
    code: forEachElement(`
let line = index / ${headSize}u;
var most = -3.0e38;
for (var chunk = 0u; chunk < given.chunkCount; chunk += 1u) {
  most = max(most, chunks[(chunk * given.lines + line) * ${numbers}u + ${headSize}u]);
}
var value = 0.0;
var total = 0.0;
for (var chunk = 0u; chunk < given.chunkCount; chunk += 1u) {
  let at = (chunk * given.lines + line) * ${numbers}u;
  let factor = exp(chunks[at + ${headSize}u] - most);
  value += chunks[at + index % ${headSize}u] * factor;
  total += chunks[at + ${headSize + 1}u] * factor;
}
output[index] = select(value / total, 0.0, total == 0.0);
`),
  }
}

/**
 * Attention itself.
 * @param wanted rows and keys of a tile, where they fit
 * @param arithmetic of the scores, for which keys and values lie in workgroup memory as such. Weights are f32 always: in f16 the
 * many small ones of a long text would be lost.
 */
export function attention(
  name: string,
  headSize: number,
  source: KeySource,
  wanted: AttentionTile,
  result: AttentionResult,
  arithmetic: Arithmetic = 'f32',
): AttentionKernel | undefined {
  const tile = fittingTile(headSize, wanted, 1)
  if (tile === undefined) return undefined
  const { rows, keys } = tile
  const { type, code, operand, product } = multiplications[arithmetic]
  const query = `queries[row * ${headSize}u + component]`
  const key = `tile[key * ${headSize + 1}u + component]`
  const parts = Math.ceil((rows * headSize) / threads)
  const { bindings, leave } = leaving(result, headSize)
  const kernel: Kernel = {
    name,
    bindings: [...source.bindings, reads('query'), ...bindings],
    parameters: geometry,
    code: `${source.code}${code}${rowRuns(rows)}
const lowest = -3.0e38;

var<workgroup> queries: array<${type}, ${rows * headSize}>;
var<workgroup> tile: array<${type}, ${keys * (headSize + 1)}>;
var<workgroup> scores: array<f32, ${rows * keys}>;
var<workgroup> weights: array<f32, ${rows * keys}>;
/// The greatest score of each row before the tile and with it, and the sum of the exponentials before it.
var<workgroup> greatest: array<f32, ${rows}>;
var<workgroup> next: array<f32, ${rows}>;
var<workgroup> sums: array<f32, ${rows}>;
${entry(rows)}${loadRows('queries', 'query', rows, headSize, (value) => operand(`${value} * given.scale`))}
  if (thread < ${rows}u) {
    greatest[thread] = lowest;
    sums[thread] = 0.0;
  }
  var parts: array<f32, ${parts}>;
  for (var start = 0u; start < ${rows}u; ) {
    workgroupBarrier();
    let run = findRun(firstRow, start, thread);
    start = run.end;
    if (run.sequence < 0) {
      continue;
    }
${walk(result, keys)}
      if (!seesTile(run, base, ${keys}, head)) {
        continue;
      }
      workgroupBarrier();
${loadKeys('tile', 'keyAt', tile, headSize, operand)}
      workgroupBarrier();
      for (var pair = thread; pair < ${rows * keys}u; pair += ${threads}u) {
        let row = pair / ${keys}u;
        let key = pair % ${keys}u;
        var score = lowest;
        if (sees(row, base + i32(key), run.sequence, head)) {
          score = 0.0;
          for (var component = 0u; component < ${headSize}u; component += 1u) {
            score += ${product(query, key)};
          }
        }
        scores[pair] = score;
      }
      workgroupBarrier();
${loadKeys('tile', 'valueAt', tile, headSize, operand)}
      for (var pair = thread; pair < ${rows * keys}u; pair += ${threads}u) {
        let row = pair / ${keys}u;
        var most = greatest[row];
        for (var key = 0u; key < ${keys}u; key += 1u) {
          most = max(most, scores[row * ${keys}u + key]);
        }
        weights[pair] = select(0.0, exp(scores[pair] - most), sees(row, base + i32(pair % ${keys}u), run.sequence, head));
        if (pair % ${keys}u == 0u) {
          next[row] = most;
        }
      }
      workgroupBarrier();
      for (var part = 0u; part < ${parts}u; part += 1u) {
        let place = part * ${threads}u + thread;
        if (place < ${rows * headSize}u) {
          let row = place / ${headSize}u;
          var value = parts[part] * exp(greatest[row] - next[row]);
          for (var key = 0u; key < ${keys}u; key += 1u) {
            let weight = weights[row * ${keys}u + key];
            // What a row does not see may be NaN.
            let weighted = weight * f32(tile[key * ${headSize + 1}u + place % ${headSize}u]);
            value += select(weighted, 0.0, weight == 0.0);
          }
          parts[part] = value;
        }
      }
      workgroupBarrier();
      if (thread < ${rows}u) {
        var total = sums[thread] * exp(greatest[thread] - next[thread]);
        for (var key = 0u; key < ${keys}u; key += 1u) {
          total += weights[thread * ${keys}u + key];
        }
        sums[thread] = total;
        greatest[thread] = next[thread];
      }
    }
  }
  workgroupBarrier();
  for (var part = 0u; part < ${parts}u; part += 1u) {
    let place = part * ${threads}u + thread;
    let row = place / ${headSize}u;
    if (place < ${rows * headSize}u && firstRow + row < given.rows) {
      let line = (firstRow + row) * given.heads + head;
      let component = place % ${headSize}u;
${leave}
    }
  }
}
`,
  }
  return { kernel, tile }
}

/** What a pair of a query and a key that see each other gives: `weight` and `towardsScore`. */
function pairGradient(row: string, key: string, headSize: number, globalRow: string): string {
  return `
          var score = 0.0;
          var arriving = 0.0;
          for (var component = 0u; component < ${headSize}u; component += 1u) {
            score += queries[${row} * ${headSize}u + component] * keyTile[${key} * ${headSize + 1}u + component];
            arriving += gradients[${row} * ${headSize}u + component] * valueTile[${key} * ${headSize + 1}u + component];
          }
          let at = (${globalRow}) * given.heads + head;
          let weight = exp(score * given.scale - logSumExp[at]);
          let towardsScore = given.scale * weight * (arriving - delta[at]);`
}

const gradientBindings = [reads('query'), reads('gradient'), reads('logSumExp'), reads('delta')]

/** The gradient that arrives at the queries. */
export function attentionGradientQueries(headSize: number): AttentionKernel | undefined {
  const tile = fittingTile(headSize, { rows: 8, keys: 8 }, 2)
  if (tile === undefined) return undefined
  const { rows, keys } = tile
  const source = batchKeys(headSize)
  const parts = Math.ceil((rows * headSize) / threads)
  const kernel: Kernel = {
    name: 'attentionGradientQueries',
    bindings: [...source.bindings, ...gradientBindings, writes('result')],
    parameters: geometry,
    code: `${source.code}${rowRuns(rows)}
var<workgroup> queries: array<f32, ${rows * headSize}>;
var<workgroup> gradients: array<f32, ${rows * headSize}>;
var<workgroup> keyTile: array<f32, ${keys * (headSize + 1)}>;
var<workgroup> valueTile: array<f32, ${keys * (headSize + 1)}>;
var<workgroup> towards: array<f32, ${rows * keys}>;
${entry(rows)}${loadRows('queries', 'query', rows, headSize)}${loadRows('gradients', 'gradient', rows, headSize)}
  var parts: array<f32, ${parts}>;
  for (var start = 0u; start < ${rows}u; ) {
    workgroupBarrier();
    let run = findRun(firstRow, start, thread);
    start = run.end;
    if (run.sequence < 0) {
      continue;
    }
    for (var base = run.low; base < run.high; base += ${keys}) {
      if (!seesTile(run, base, ${keys}, head)) {
        continue;
      }
      workgroupBarrier();
${loadKeys('keyTile', 'keyAt', tile, headSize)}${loadKeys('valueTile', 'valueAt', tile, headSize)}
      workgroupBarrier();
      for (var pair = thread; pair < ${rows * keys}u; pair += ${threads}u) {
        let row = pair / ${keys}u;
        let key = pair % ${keys}u;
        towards[pair] = 0.0;
        if (sees(row, base + i32(key), run.sequence, head)) {${pairGradient('row', 'key', headSize, 'firstRow + row')}
          towards[pair] = towardsScore;
        }
      }
      workgroupBarrier();
      for (var part = 0u; part < ${parts}u; part += 1u) {
        let place = part * ${threads}u + thread;
        if (place < ${rows * headSize}u) {
          let row = place / ${headSize}u;
          var value = parts[part];
          for (var key = 0u; key < ${keys}u; key += 1u) {
            value += towards[row * ${keys}u + key] * keyTile[key * ${headSize + 1}u + place % ${headSize}u];
          }
          parts[part] = value;
        }
      }
    }
  }
  for (var part = 0u; part < ${parts}u; part += 1u) {
    let place = part * ${threads}u + thread;
    let row = firstRow + place / ${headSize}u;
    if (place < ${rows * headSize}u && row < given.rows) {
      result[(row * given.heads + head) * ${headSize}u + place % ${headSize}u] = parts[part];
    }
  }
}
`,
  }
  return { kernel, tile }
}

/**
 * The gradients that arrive at keys and values. A group has a few keys of one key head and walks over the rows that see them, of all
 * query heads that read it; every sum has its place in one thread.
 */
export function attentionGradientKeys(headSize: number): AttentionKernel | undefined {
  const tile = fittingTile(headSize, { rows: 8, keys: 8 }, 2)
  if (tile === undefined) return undefined
  const { rows, keys } = tile
  const parts = Math.ceil((keys * headSize) / threads)
  const loadOwn = (name: string, tensor: string): string => `
  for (var place = thread; place < ${keys * headSize}u; place += ${threads}u) {
    let key = firstKey + place / ${headSize}u;
    var value = 0.0;
    if (key < given.rows) {
      value = ${tensor}[(key * given.kvHeads + kvHead) * ${headSize}u + place % ${headSize}u];
    }
    ${name}[place / ${headSize}u * ${headSize + 1}u + place % ${headSize}u] = value;
  }`
  const kernel: Kernel = {
    name: 'attentionGradientKeys',
    bindings: [reads('keys'), reads('values'), reads('starts', 'i32'), ...gradientBindings, writes('results')],
    parameters: geometry,
    code: `
var<workgroup> queries: array<f32, ${rows * headSize}>;
var<workgroup> gradients: array<f32, ${rows * headSize}>;
var<workgroup> keyTile: array<f32, ${keys * (headSize + 1)}>;
var<workgroup> valueTile: array<f32, ${keys * (headSize + 1)}>;
var<workgroup> towards: array<f32, ${rows * keys}>;
var<workgroup> weights: array<f32, ${rows * keys}>;
var<workgroup> anySees: u32;

${seesBlock}
fn sees(row: u32, key: u32, head: u32) -> bool {
  if (row >= given.rows || key > row) {
    return false;
  }
  let start = starts[row];
  return start >= 0 && u32(start) <= key && (given.window == 0u || row - key < given.window)
    && seesBlock(head, i32(row) - start, i32(key) - start);
}

/// Whether any row of a tile sees any key of the group with a head; the same for all threads.
fn tileSees(firstRow: u32, firstKey: u32, head: u32, thread: u32) -> bool {
  workgroupBarrier();
  if (thread == 0u) {
    anySees = 0u;
    for (var pair = 0u; pair < ${rows * keys}u; pair += 1u) {
      if (sees(firstRow + pair / ${keys}u, firstKey + pair % ${keys}u, head)) {
        anySees = 1u;
        break;
      }
    }
  }
  return workgroupUniformLoad(&anySees) != 0u;
}

@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let firstKey = group.x * ${keys}u;
  let kvHead = group.y;
  let headsOfKey = given.heads / given.kvHeads;
${loadOwn('keyTile', 'keys')}${loadOwn('valueTile', 'values')}
  var keyParts: array<f32, ${parts}>;
  var valueParts: array<f32, ${parts}>;
  for (var firstRow = firstKey; firstRow < given.rows; firstRow += ${rows}u) {
    for (var head = kvHead * headsOfKey; head < (kvHead + 1u) * headsOfKey; head += 1u) {
      if (!tileSees(firstRow, firstKey, head, thread)) {
        continue;
      }
      workgroupBarrier();
${loadRows('queries', 'query', rows, headSize)}${loadRows('gradients', 'gradient', rows, headSize)}
      workgroupBarrier();
      for (var pair = thread; pair < ${rows * keys}u; pair += ${threads}u) {
        let row = pair / ${keys}u;
        let key = pair % ${keys}u;
        towards[pair] = 0.0;
        weights[pair] = 0.0;
        if (sees(firstRow + row, firstKey + key, head)) {${pairGradient('row', 'key', headSize, 'firstRow + row')}
          towards[pair] = towardsScore;
          weights[pair] = weight;
        }
      }
      workgroupBarrier();
      for (var part = 0u; part < ${parts}u; part += 1u) {
        let place = part * ${threads}u + thread;
        if (place < ${keys * headSize}u) {
          let key = place / ${headSize}u;
          for (var row = 0u; row < ${rows}u; row += 1u) {
            let component = row * ${headSize}u + place % ${headSize}u;
            keyParts[part] += towards[row * ${keys}u + key] * queries[component];
            valueParts[part] += weights[row * ${keys}u + key] * gradients[component];
          }
        }
      }
    }
  }
  let behind = given.rows * given.kvHeads * ${headSize}u;
  for (var part = 0u; part < ${parts}u; part += 1u) {
    let place = part * ${threads}u + thread;
    let key = firstKey + place / ${headSize}u;
    if (place < ${keys * headSize}u && key < given.rows) {
      let at = (key * given.kvHeads + kvHead) * ${headSize}u + place % ${headSize}u;
      results[at] = keyParts[part];
      results[behind + at] = valueParts[part];
    }
  }
}
`,
  }
  return { kernel, tile }
}
