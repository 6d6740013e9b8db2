/** The greatest values of a row. */
import { forEachRow, parameters, reads, writes, type Kernel } from '../kernel.ts'

/** One for each digit, and for each value that is found. */
const threads = 256

/**
 * A group has a row. Every entry has a place of its own in the order: integers in the order of the floats, then ids from the
 * lowest on. The last place that counts is found digit by digit, from the highest on (radix selection): in each round the entries
 * that agree with it so far are counted by their next digit. The entries up to there are collected, and each counts those before it.
 */
export const topK: Kernel = {
  name: 'topK',
  bindings: [reads('x', 'u32'), writes('values', 'u32'), writes('ids', 'i32')],
  parameters: parameters('rows', 'columns', 'k'),
  code: `
var<workgroup> counts: array<atomic<u32>, ${threads}>;
/// The next digit of the last place, the entries before those with this digit, and those with it.
var<workgroup> border: vec3<u32>;
var<workgroup> taken: atomic<u32>;
var<workgroup> found: array<vec2<u32>, ${threads}>;

/// Greater integers for what comes first; of both zeros the same, and NaN before all.
fn placeOf(row: u32, id: u32) -> vec2<u32> {
  let given_ = x[row * given.columns + id];
  let bits = select(given_, 0u, given_ == 0x80000000u);
  let ordered = select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
  return vec2<u32>(select(ordered, 0xffffffffu, (bits & 0x7fffffffu) > 0x7f800000u), ~id);
}

fn isBefore(place: vec2<u32>, other: vec2<u32>) -> bool {
  return place.x > other.x || (place.x == other.x && place.y > other.y);
}
${forEachRow(
  threads,
  `
var last = vec2<u32>(0u);
var known = vec2<u32>(0u);
var wanted = given.k;
for (var digit = 0u; digit < 8u; digit += 1u) {
  let half = digit / 4u;
  let shift = 24u - 8u * (digit % 4u);
  atomicStore(&counts[thread], 0u);
  workgroupBarrier();
  for (var id = thread; id < given.columns; id += ${threads}u) {
    let place = placeOf(row, id);
    if (all((place & known) == last)) {
      atomicAdd(&counts[(place[half] >> shift) & 255u], 1u);
    }
  }
  workgroupBarrier();
  var before = 0u;
  for (var other = thread + 1u; other < ${threads}u; other += 1u) {
    before += atomicLoad(&counts[other]);
  }
  let here = atomicLoad(&counts[thread]);
  if (before < wanted && wanted <= before + here) {
    border = vec3<u32>(thread, before, here);
  }
  let next = workgroupUniformLoad(&border);
  last[half] |= next.x << shift;
  known[half] |= 255u << shift;
  wanted -= next.y;
  if (wanted == next.z) {
    break;
  }
}
for (var id = thread; id < given.columns; id += ${threads}u) {
  let place = placeOf(row, id);
  if (!isBefore(last, place & known)) {
    found[atomicAdd(&taken, 1u)] = place;
  }
}
workgroupBarrier();
if (thread < given.k) {
  let place = found[thread];
  var before = 0u;
  for (var other = 0u; other < given.k; other += 1u) {
    before += select(0u, 1u, isBefore(found[other], place));
  }
  values[row * given.k + before] = x[row * given.columns + ~place.y];
  ids[row * given.k + before] = i32(~place.y);
}
`,
)}`,
}
