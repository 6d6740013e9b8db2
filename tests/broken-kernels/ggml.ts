import { breaks, inFile, type BrokenKernel } from './broken.ts'

/** Weights in the blocks of ggml. */
export const brokenGgml: readonly BrokenKernel[] = [
  ...inFile(
    'ggml.ts',
    breaks(
      'matmulGgml',
      'the second 512 columns take the weights of the first',
      {
        'const stepBytes = <usize>((<i64>rowBytes * step) / k)': 'const stepBytes: usize = 0',
      },
      { operation: 'matmulPacked' },
    ),
    breaks(
      'matmulGgml',
      'all rows of a panel are its first',
      {
        'source += rowBytes\n': 'source += 0\n',
      },
      { operation: 'matmulPacked' },
    ),
    breaks(
      'matmulGgml',
      'the second 1024 rows are those of the first',
      {
        'packWeights(args, column, columns,': 'packWeights(args, first, columns,',
      },
      { operation: 'matmulPacked' },
    ),
    breaks(
      'matmulGgml',
      'few tokens forget the pieces of a row but the last',
      {
        'addPiece(x, dequantized, sums + <usize>token * 64, count)':
          'memory.fill(sums + <usize>token * 64, 0, 64)\n      addPiece(x, dequantized, sums + <usize>token * 64, count)',
      },
      { operation: 'matmulPacked' },
    ),
    breaks(
      'matmulGgml',
      'the last four of sixteen sums are left out',
      {
        'f32x4.add(v128.load(sum, 32), v128.load(sum, 48))': 'v128.load(sum, 32)',
      },
      { operation: 'matmulPacked' },
    ),
    breaks(
      'matmulGgml',
      'threads share the workspace of the first',
      {
        'const workspace = <usize>load<u32>(args, 40) + <usize>thread * <usize>load<u32>(args, 44)':
          'const workspace = <usize>load<u32>(args, 40)',
      },
      { operation: 'matmulPacked' },
    ),
    breaks(
      'matmulGgml',
      'a thread leaves out the last panel of its share',
      {
        'min(n, shareStart(panels, thread + 1, threads) * 8)':
          'min(n, (shareStart(panels, thread + 1, threads) - min(1, thread)) * 8)',
      },
      { operation: 'matmulPacked' },
    ),
    breaks(
      'matmulGgml',
      'edges are computed behind the workspace',
      {
        'const edgeTile = packedB + packedBytesB': 'const edgeTile = packedB + packedBytesB + 384',
      },
      { operation: 'matmulPacked' },
    ),
    breaks(
      'dequantizeGgml',
      'every thread also does the first row of the next',
      {
        'let row = shareStart(n, thread, threads); row < end; row++) {\n    dequantize':
          'let row = shareStart(n, thread, threads); row <= end; row++) {\n    dequantize',
      },
      { operation: 'dequantize' },
    ),
    breaks(
      'dequantizeGgml',
      'rows are read from the first',
      {
        'weights + <usize>row * rowBytes, out': 'weights, out',
      },
      { operation: 'dequantize' },
    ),
    breaks(
      'embeddingGgml',
      'a row is that behind the one that was asked for',
      {
        'weights + <usize>id * rowBytes, target, k)': 'weights + <usize>(id ^ 1) * rowBytes, target, k)',
      },
      { operation: 'embedding' },
    ),
    breaks(
      'embeddingGgml',
      'no thread does the last row of its share',
      {
        'const end = shareStart(m, thread + 1, threads)':
          'const end = shareStart(m, thread + 1, threads) - (threads > 1 ? 1 : 0)',
      },
      { operation: 'embedding' },
    ),
  ),
  ...inFile(
    'ggml-blocks.ts',
    ...[
      breaks('dequantizeGgml', 'Q4_1 has no offset', {
        'dequantizeHalves(source + 4, 0, scaleOf(source), scaleOf(source + 2), target)':
          'dequantizeHalves(source + 4, 0, scaleOf(source), f32x4.splat(0), target)',
      }),
      breaks('dequantizeGgml', 'the second half of Q4_1 and Q5_1 is the first', {
        'storeShifted(high, scale, offset, target + 64)': 'storeShifted(low, scale, offset, target + 64)',
      }),
      breaks('dequantizeGgml', 'Q5_1 reads the fifth bits two bytes early', {
        'dequantizeHalves(source + 8, source + 4,': 'dequantizeHalves(source + 8, source + 2,',
      }),
      breaks('dequantizeGgml', 'the upper half of Q5_1 has the fifth bits of the lower', {
        'fifthBits(fifth + 2)': 'fifthBits(fifth)',
      }),
      breaks('dequantizeGgml', 'fifth bits are those of the other byte', {
        '0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1': '1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0',
      }),
      breaks('dequantizeGgml', 'the middle of Q5_0 is 15', {
        'const middle = i8x16.splat(16)': 'const middle = i8x16.splat(15)',
      }),
      breaks('dequantizeGgml', 'scale and minimum of a group of Q2_K trade places', {
        '-(minimum * <f32>(pair >> 4))': '-(minimum * <f32>(pair & 15))',
      }),
      breaks('dequantizeGgml', 'the second 128 elements of Q2_K and Q3_K are the first', {
        '32 * (group >> 3) + 16 * (group & 1))\n}': '16 * (group & 1))\n}',
      }),
      breaks('dequantizeGgml', 'the third bits of Q3_K are those of the next group', {
        'bitInBytes(group >> 1)': 'bitInBytes((group + 1) >> 1)',
      }),
      breaks('dequantizeGgml', 'the upper bits of scales of Q3_K are left out', {
        'low | (high << 4)) - 32': 'low | (high << 3)) - 32',
      }),
    ].map((one) => ({ ...one, operation: 'dequantize' })),
    breaks(
      'embeddingGgml',
      'blocks of Q5_0 are as long as those of Q5_1',
      {
        'source += 22': 'source += 24',
      },
      { operation: 'embedding' },
    ),
    breaks(
      'matmulGgml',
      'blocks of Q3_K are as long as those of Q2_K',
      {
        'source += 110': 'source += 84',
      },
      { operation: 'matmulPacked' },
    ),
  ),
]
