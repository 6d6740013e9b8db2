import { breaks, inFile, type BrokenKernel } from './broken.ts'

/** Products, dense and packed. */
export const brokenProducts: readonly BrokenKernel[] = [
  ...inFile(
    'matmul.ts',
    breaks('matmul', 'a product that should be added replaces what is there', {
      'const zero = step == 0 && !accumulate': 'const zero = step == 0',
    }),
    breaks('matmul', 'the rows that are streamed are those that are stored as columns', {
      'load<i32>(args, 36) == 0 && load<i32>(args, 40) != 0': 'load<i32>(args, 36) != 0 && load<i32>(args, 40) != 0',
    }),
    breaks('matmul', 'every block of 512 starts from zero', {
      'const zero = step == 0 && !accumulate': 'const zero = !accumulate',
    }),
    breaks('matmul', 'the last k modulo 4 are left out of streamed rows', {
      'step < <usize>(k & 3) * 4': 'step < <usize>(k & 2) * 4',
    }),
    breaks('matmul', 'all threads pack into the workspace of the first', {
      'const workspace = <usize>load<u32>(args, 48) + <usize>thread * <usize>load<u32>(args, 52)':
        'const workspace = <usize>load<u32>(args, 48)',
    }),
    breaks('matmul', 'the grid of threads has more rows than threads', {
      'const down = threads / across': 'const down = threads',
    }),
    breaks('matmul', 'the second block of 96 rows lies one row off', {
      'const target = c + <usize>row * strideC + <usize>column * 4':
        'const target = c + <usize>(row & -2) * strideC + <usize>column * 4 - (row >= blockM ? strideC : 0)',
    }),
    breaks('matmul', 'the second block of 1024 columns reads the first', {
      'const source = b + <usize>step * strideB + <usize>column * 4':
        'const source = b + <usize>step * strideB + <usize>firstColumn * 4',
    }),
  ),
  ...inFile(
    'tiles.ts',
    breaks('matmul', 'a tile that is one column short counts as whole', {
      'column + 8 <= columns && row': 'column + 7 <= columns && row',
    }),
    breaks('matmul', 'a tile that is one row short counts as whole', {
      'column + 8 <= columns && row + tileRows <= rows': 'column + 8 <= columns && row + tileRows - 1 <= rows',
    }),
    breaks('matmul', 'the last column of an edge is skipped', {
      'const width = min(8, columns - column)': 'const width = min(8, columns - column - 1)',
    }),
    breaks('matmul', 'a wide tile that is one column short counts as whole', {
      'column + 16 <= columns && row': 'column + 15 <= columns && row',
    }),
    breaks('matmul', 'one accumulator of the wide tile takes the wrong columns', {
      'x53 = madd(s, b3, x53)': 'x53 = madd(s, b2, x53)',
    }),
  ),
  ...inFile(
    'panels.ts',
    breaks('matmul', 'the last two rows of a transposed panel are those before', {
      'load<u64>(from, 16), 16)': 'load<u64>(from, 8), 16)',
    }),
    breaks('matmul', 'the fourth step of four is not transposed', {
      'v128.shuffle<f64>(high01, high23, 1, 3)': 'v128.shuffle<f64>(high01, high23, 0, 3)',
    }),
    breaks('matmul', 'steps beyond the last four take the wrong row', {
      'store<f32>(target, load<f32>(from3), 12)': 'store<f32>(target, load<f32>(from2), 12)',
    }),
    breaks('matmul', 'the sixth row of a panel is the fifth', {
      'v128.store_lane<u64>(target + spacing * 3, high, 1)': 'v128.store_lane<u64>(target + spacing * 3, high, 0)',
    }),
    breaks('matmul', 'a wide panel is packed but for its last four rows', {
      'lane < 16; lane += 4': 'lane < 12; lane += 4',
    }),
  ),
  ...inFile(
    'blocks.ts',
    breaks('matmulPacked', 'the halves of the scales are swapped', {
      'half == 0 ? lowHalves': 'half != 0 ? lowHalves',
    }),
    breaks('matmulPacked', 'low nibbles are taken for high ones', {
      'v128.store(target, v128.and(w0, mask))': 'v128.store(target, v128.and(i16x8.shr_u(w0, 4), mask))',
    }),
    breaks('matmulPacked', 'bytes are moved by 126 where 127 is taken off', {
      'const offset = i8x16.splat(127)': 'const offset = i8x16.splat(126)',
    }),
    breaks(
      'matmulPacked',
      'the 8 of a nibble is not taken off in the baseline build',
      {
        'const nibbles = v128.xor(unit, i8x16.splat(-0x78))': 'const nibbles = unit',
      },
      { simd: 'baseline' },
    ),
    breaks(
      'matmulPacked',
      'odd columns of a byte step are those of the rows before',
      {
        'v128.store(target, i16x8.shr_s(w1, 8), 48)': 'v128.store(target, i16x8.shr_s(w0, 8), 48)',
      },
      { simd: 'baseline' },
    ),
    breaks(
      'matmulPackedExact',
      'the 8 of a nibble is not taken off in f32',
      {
        'const bias = i8x16.splat(-0x78)': 'const bias = i8x16.splat(0)',
      },
      { operation: 'matmulPacked' },
    ),
    breaks(
      'dequantizePacked',
      'a row takes the bytes of its neighbour',
      {
        'const lane = <usize>(row & 7)': 'const lane = <usize>(row & 6)',
      },
      { operation: 'dequantize' },
    ),
    breaks(
      'embeddingPacked',
      'high nibbles come before low ones',
      {
        'v128.store(target + half, f32x4.mul(spread(word & 0xf0f0f0f0, 4), scale))':
          'v128.store(target + half, f32x4.mul(spread((word << 4) & 0xf0f0f0f0, 4), scale))',
      },
      { operation: 'embedding' },
    ),
  ),
  ...inFile(
    'packed.ts',
    breaks(
      'quantizeRows',
      'the -8 of nibbles is missing',
      {
        'store<i32>(target, -8 * total)': 'store<i32>(target, 0)',
      },
      { operation: 'matmulPacked' },
    ),
    breaks(
      'quantizeRows',
      'halves are rounded up instead of to even',
      {
        'return i32x4.sub(f32x4.add(f32x4.mul(x, factor), shift), shift)':
          'return i32x4.trunc_sat_f32x4_s(f32x4.floor(f32x4.add(f32x4.mul(x, factor), f32x4.splat(0.5))))',
      },
      { operation: 'matmulPacked' },
    ),
    breaks(
      'quantizeRows',
      'the greatest magnitude is that of every other element',
      {
        'max(i32x4.extract_lane(largest, 0), i32x4.extract_lane(largest, 1))': 'i32x4.extract_lane(largest, 0)',
      },
      { operation: 'matmulPacked' },
    ),
    breaks(
      'quantizeRows',
      'every group is quantised from the first of its row',
      {
        '<usize>((unit % blocks) * group) * 4': '0',
      },
      { operation: 'matmulPacked' },
    ),
    breaks('matmulPacked', 'columns beyond the last are stored', {
      'const columns = min(8, n - panel * 8)': 'const columns = 8',
    }),
    breaks('matmulPacked', 'a second panel alone in its pair is stored whole', {
      'v128.load(from, 48), columns - 8)': 'v128.load(from, 48), 8)',
    }),
    breaks('matmulPacked', 'a pair of panels crosses the share of a thread', {
      'if (wide && panel + 1 < end) {': 'if (wide) {',
    }),
  ),
  ...inFile(
    'tokens.ts',
    breaks('matmulPacked', 'a tile has a token less than is stored together', {
      'tileTokens: i32 = 6': 'tileTokens: i32 = 5',
    }),
  ),
  ...inFile(
    'packed-stream.ts',
    breaks('matmulPacked', 'high nibbles meet the activations of low ones', {
      'high1 = stepDots(paired, b, ': 'high1 = stepDots(paired, a, ',
    }),
    breaks('matmulPacked', 'the second of several tokens takes the activations of the first', {
      'let b = x + tokenBytes\n': 'let b = x\n',
    }),
    breaks('matmulPacked', 'negative activations are added', {
      'x1 = i32x4.sub(x1, negative1)': 'x1 = i32x4.add(x1, negative1)',
    }),
    breaks(
      'matmulPacked',
      'odd high nibbles meet even activations in the baseline build',
      {
        'i16x8.mul(i16x8.shr_u(w1, 12), odd)': 'i16x8.mul(i16x8.shr_u(w1, 12), even)',
      },
      { simd: 'baseline' },
    ),
    breaks(
      'matmulPacked',
      'rows 4 to 7 trade places in the baseline build',
      {
        'const x1 = addPairs(rows45, rows67)': 'const x1 = addPairs(rows67, rows45)',
      },
      { simd: 'baseline' },
    ),
    breaks('matmulPacked', 'four columns store a fifth', {
      'if (columns > 0) ': 'if (columns >= 0) ',
    }),
    breaks('matmulPacked', 'the third of three columns is that of the next four', {
      'if (columns > 2) v128.store_lane<u32>(y, y0, 2, 8)': 'if (columns > 2) v128.store_lane<u32>(y, y1, 2, 8)',
    }),
    breaks('matmulPacked', 'the last of an even number of columns is skipped', {
      'if (columns > 1) ': 'if (columns > 2) ',
    }),
  ),
  ...inFile(
    'packed-tile.ts',
    breaks('matmulPacked', 'the sixth token has no -8', {
      'let x50 = v128.load_splat<i32>(end, 20)': 'let x50 = i32x4.splat(0)',
    }),
    breaks('matmulPacked', 'the fifth token has the sum of the fourth taken off', {
      'let x40 = i32x4.splat((load<i32>(end, 16) >> 3) * 127)':
        'let x40 = i32x4.splat((load<i32>(end, 12) >> 3) * 127)',
    }),
    breaks('matmulPacked', 'rows 4 to 7 take the scales of rows 0 to 3', {
      'f32x4.mul(v128.load(scales, 16), scale)': 'f32x4.mul(v128.load(scales), scale)',
    }),
    breaks(
      'matmulPacked',
      'sums of 16 bits are widened after twice as many steps as there are',
      {
        'min(end, x + 64 * 6)': 'x + 64 * 6',
      },
      { simd: 'baseline' },
    ),
  ),
  ...inFile(
    'packed-wide.ts',
    breaks('matmulPacked', 'the fourth token of a wide tile has no -8', {
      'let x30 = v128.load_splat<i32>(end, 12)': 'let x30 = i32x4.splat(0)',
    }),
    breaks('matmulPacked', 'the third token of a wide tile has 128 taken off where 127 was added', {
      '(load<i32>(end, 8) >> 3) * 127': '(load<i32>(end, 8) >> 3) * 128',
    }),
  ),
  ...inFile(
    'packed-paired.ts',
    breaks('matmulPacked', 'the last of four tokens is the third', {
      'a = v128.load_splat<i32>(x, 12)': 'a = v128.load_splat<i32>(x, 8)',
    }),
    breaks('matmulPacked', 'the second of four tokens takes the scale of the first', {
      'scale = v128.load_splat<f32>(x, 20)': 'scale = v128.load_splat<f32>(x, 16)',
    }),
    breaks('matmulPacked', 'the last rows of a pair of panels are those before', {
      'i32x4.add(x23, i32x4.dot_i16x8_s(s23, ones))': 'i32x4.add(x23, i32x4.dot_i16x8_s(s22, ones))',
    }),
    breaks('matmulPacked', 'of a group only the last part counts', {
      'i32x4.add(x00, i32x4.dot_i16x8_s(s00, ones))': 'i32x4.dot_i16x8_s(s00, ones)',
    }),
    breaks('matmulPacked', 'the upper nibbles of a byte count 8 times in the last rows of a token', {
      'x31 = i32x4.shl(x31, 4)': 'x31 = i32x4.shl(x31, 3)',
    }),
  ),
  ...inFile(
    'chunks.ts',
    breaks('matmulPacked', 'nobody takes the last chunk', {
      'if (chunk < chunks) return chunk': 'if (chunk < chunks - 1) return chunk',
    }),
  ),
  ...inFile(
    'packed-exact.ts',
    breaks(
      'matmulPackedExact',
      'the second 512 columns take the weights of the first',
      {
        'source * blocks + step / group': 'source * blocks',
      },
      { operation: 'matmulPacked' },
    ),
    breaks(
      'matmulPackedExact',
      'the second 96 tokens are looked for before the first',
      {
        'packRows6(x + <usize>row * strideX': 'packRows6(x - <usize>row * strideX',
      },
      { operation: 'matmulPacked' },
    ),
    breaks(
      'matmulPackedExact',
      'edges are computed behind the workspace',
      {
        'const edgeTile = packedB + packedBytesB': 'const edgeTile = packedB + packedBytesB + 384',
      },
      { operation: 'matmulPacked' },
    ),
    breaks(
      'matmulPackedExact',
      'few tokens store one more',
      {
        'token < m; token++) {\n    memory.copy': 'token <= m; token++) {\n    memory.copy',
      },
      { operation: 'matmulPacked' },
    ),
    breaks(
      'matmulPackedExact',
      'columns beyond the last are stored for few tokens',
      {
        'const bytes = min(8, n - panel * 8) * 4': 'const bytes: usize = 32',
      },
      { operation: 'matmulPacked' },
    ),
    breaks(
      'embeddingPacked',
      'no thread does the last row of its share',
      {
        'const end = shareStart(m, thread + 1, threads)':
          'const end = shareStart(m, thread + 1, threads) - (threads > 1 ? 1 : 0)',
      },
      { operation: 'embedding' },
    ),
    breaks(
      'dequantizePacked',
      'every thread also does the first row of the next',
      {
        'let row = shareStart(n, thread, threads); row < end': 'let row = shareStart(n, thread, threads); row <= end',
      },
      { operation: 'dequantize' },
    ),
    breaks(
      'dequantizePacked',
      'no thread does the first row of its share',
      {
        'let row = shareStart(n, thread, threads)': 'let row = shareStart(n, thread, threads) + min(1, thread)',
      },
      { operation: 'dequantize' },
    ),
  ),
]
