import { breaks, inFile, type BrokenKernel } from './broken.ts'

const product = { operation: 'matmulPacked' }

/** Weights in panels of q4k, q5k and q6k. */
export const brokenKPanels: readonly BrokenKernel[] = [
  ...inFile(
    'k-together.ts',
    breaks(
      'matmulPacked',
      'four tokens meet lower nibbles twice',
      { 'v128.and(isUpper ? i16x8.shr_u(w0, 4) : w0, mask)': 'v128.and(w0, mask)' },
      product,
    ),
    breaks(
      'matmulPacked',
      'four tokens meet the upper bits of the wrong columns',
      { 'isUpper ? i16x8.shr_u(bits1, shift) : i16x8.shl(bits1, 4 - shift)': 'i16x8.shl(bits1, 4 - shift)' },
      product,
    ),
  ),
  ...inFile(
    'k-paired.ts',
    breaks(
      'matmulPacked',
      'the third of four tokens has the sums of the second taken off',
      { 'convert_i32x4_s(o20)': 'convert_i32x4_s(o10)' },
      product,
    ),
  ),
  ...inFile(
    'k-blocks.ts',
    breaks('matmulPacked', 'blocks of q5k are as long as those of q6k', { 'bits == 5 ? 1408 : 1680': '1680' }, product),
    breaks(
      'matmulPacked',
      'the later scales have no upper bits',
      { 'i16x8.shr_u(v128.load(block + <usize>pair * 16), 2)': 'i16x8.splat(0)' },
      product,
    ),
    breaks(
      'matmulPacked',
      'the later minima take the nibbles of the scales',
      { 'i16x8.shr_u(v128.load(block + 64 + <usize>pair * 16), 4)': 'v128.load(block + 64 + <usize>pair * 16)' },
      product,
    ),
    breaks(
      'matmulPacked',
      'scales of q6k have no sign',
      { 'return i32x4.shr_s(i32x4.shl(pairs, 16), 16)': 'return v128.and(pairs, i32x4.splat(0xff))' },
      product,
    ),
    breaks(
      'matmulPacked',
      'the fifth bits of the last groups are those before',
      { 'max(2 * pair - 3, 0))': 'max(2 * pair - 3, 0) & 1)' },
      product,
    ),
    breaks(
      'matmulPacked',
      'many tokens meet the scales of two groups in the wrong order',
      {
        'v128.store(first, firstTwice(low))': 'v128.store(first, secondTwice(low))',
        'v128.store(first + spacing, secondTwice(low))': 'v128.store(first + spacing, firstTwice(low))',
      },
      product,
    ),
    breaks(
      'dequantizePacked',
      'a row of q5k has the fifth bits of its first group',
      { '((fifth >> group) & 1) << 4': '(fifth & 1) << 4' },
      { operation: 'dequantize' },
    ),
    breaks(
      'embeddingPacked',
      'the middle of q6k is 31',
      { '(higher << 4)) - 32)': '(higher << 4)) - 31)' },
      { operation: 'embedding' },
    ),
    breaks(
      'matmulPackedExact',
      'the second group of a pair has the offset of the first',
      { '(group & 1) == 0 ? firstOfPairs(pairs) : secondOfPairs(pairs)': 'firstOfPairs(pairs)' },
      product,
    ),
  ),
  ...inFile(
    'k-stream.ts',
    breaks(
      'matmulPacked',
      'one token meets the nibbles of q5k without their fifth bits',
      { 'upper1 = v128.or(upper1, v128.and(fifth1, fifthMask))': 'upper1 = v128.or(upper1, i16x8.splat(0))' },
      product,
    ),
    breaks(
      'matmulPacked',
      'the minima meet the sums of 16 activations',
      { 'v128.load_splat<i32>(x + pairsOf32 +': 'v128.load_splat<i32>(x + pairsOf16 +' },
      product,
    ),
    breaks(
      'matmulPacked',
      'the second half of q6k reads the upper bits of the first',
      { 'signedUnits + <usize>(quarter >> 1) * sideBytes': 'signedUnits + <usize>(quarter >> 2) * sideBytes' },
      product,
    ),
    breaks(
      'matmulPacked',
      'both groups of a pair of q6k have the scale of the first',
      { 'highPairs1 = secondOfPairs(highPairs1)': 'highPairs1 = highPairs1' },
      product,
    ),
  ),
  ...inFile(
    'k-tile.ts',
    breaks(
      'matmulPacked',
      'the sums of the first block stay for the second',
      { 'memory.fill(sums, 0, 192)': '' },
      product,
    ),
    breaks(
      'matmulPacked',
      'the last token of a tile takes the activations of the one before',
      { 'a = v128.load_splat<i32>(x, 20)': 'a = v128.load_splat<i32>(x, 16)' },
      product,
    ),
    breaks(
      'matmulPacked',
      'all formats meet the sums of 32 activations',
      { 'groups == 16 ? x : x + 192': 'x + 192' },
      product,
    ),
    breaks(
      'matmulPacked',
      'the factor of the offsets is that of the sums',
      { 'v128.load(factors, 48)': 'v128.load(factors, 16)' },
      product,
    ),
  ),
  ...inFile(
    'k-panels.ts',
    breaks(
      'matmulPacked',
      'tiles are added to those of six tokens before',
      { 'memory.fill(results, 0, 192)': 'if (token == 0) memory.fill(results, 0, 192)' },
      product,
    ),
    breaks(
      'matmulPacked',
      'the second of few tokens reads the first',
      { 'activations += <usize>blocks * activationBytes\n': 'activations += 0\n' },
      product,
    ),
  ),
  ...inFile(
    'packed.ts',
    breaks(
      'quantizeRows',
      'sums of 32 activations are those of 16',
      { '<i16>(first + second)': '<i16>first' },
      product,
    ),
    breaks(
      'quantizeRows',
      'a sum of 16 activations leaves out the last four',
      { 'bytes = v128.load_lane<u32>(at + spacing * 3, bytes, 3)': '' },
      product,
    ),
  ),
]
