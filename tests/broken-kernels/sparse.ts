import { breaks, inFile, type BrokenKernel } from './broken.ts'

/** Blocks that heads do not see, experts that rows did not choose, and what else these models have of their own. */
export const brokenSparse: readonly BrokenKernel[] = [
  ...inFile(
    'block-pattern.ts',
    breaks('pagedAttention', 'a block too few is local', {
      'position / size - keyBlock < load<i32>(pattern, 4)': 'position / size - keyBlock < load<i32>(pattern, 4) - 1',
    }),
    breaks('pagedAttention', 'all heads have the columns of the first', {
      'keyBlock + 1 + head * load<i32>(pattern, 12)': 'keyBlock + 1',
    }),
    breaks('attention', 'columns are one block to the right', {
      'keyBlock + 1 + head * load<i32>(pattern, 12)': 'keyBlock + head * load<i32>(pattern, 12)',
    }),
    breaks('attention', 'a query in the middle of four hides what the first of them sees', {
      'const kept = laneMask(seeing - first)': 'const kept = laneMask(0)',
    }),
    breaks(
      'attentionGradient',
      'the last queries of a block keep what they do not see',
      { 'query < blockSize; query += 4) v128.store(row': 'query < blockSize - 8; query += 4) v128.store(row' },
      { operation: 'attentionGradientKeys' },
    ),
  ),
  ...inFile(
    'paged-row.ts',
    breaks('pagedAttention', 'blocks of a page are passed over as one', {
      'if (sparse) pageEnd = blockEndOf(pattern, position, pageEnd)': '',
    }),
  ),
  ...inFile(
    'gegelu.ts',
    breaks('gegelu', 'values are not held from below', {
      'return f32x4.max(f32x4.min(x, limit), f32x4.neg(limit))': 'return f32x4.min(x, limit)',
    }),
    breaks('gegeluGradient', 'what is held at the limit has a derivative', {
      'v128.and(dGate, f32x4.lt(gate, limit))': 'dGate',
    }),
  ),
  ...inFile(
    'columns.ts',
    breaks('fillColumns', 'the last columns of a run are left', {
      'if (i < count) storeTail(y + (i << 2), value, count - i)': '',
    }),
  ),
  ...inFile(
    'experts.ts',
    breaks('sparseMixer', 'of equal scores the last is chosen', {
      'load<f32>(scores + (expert << 2)) > load<f32>(scores + (best << 2))':
        'load<f32>(scores + (expert << 2)) >= load<f32>(scores + (best << 2))',
    }),
    breaks('sparseMixer', 'the first choice has a share in the second', {
      'if (expert == taken) return 0': '',
    }),
    breaks('expertMatmul', 'an expert writes from the first place on', {
      'advance(words, 2, firstPlace(args), load<i32>(words, 32))': '',
    }),
    breaks(
      'expertClear',
      'empty places keep what was there',
      { 'const empty = load<i32>(args, 12) - taken': 'const empty = 0' },
      {
        operation: 'expertMatmul',
      },
    ),
    breaks(
      'expertQuantizeRows',
      'the rows of an expert begin in the last panel of the one before',
      { '((rows + tile - 1) / tile) * tile': 'rows' },
      { operation: 'expertMatmul' },
    ),
    breaks(
      'expertOuter',
      'a matrix that no row met has any gradient',
      {
        'memory.fill(<usize>load<u32>(words, 8) + ((<usize>start) << 2), 0':
          'memory.fill(<usize>load<u32>(words, 8) + ((<usize>start) << 2), 64',
      },
      { operation: 'expertMatmulGradient' },
    ),
    breaks(
      'expertPacked',
      'an expert reads what was quantised first',
      { 'store<u32>(words, load<u32>(words) + <u32>before)': '' },
      { operation: 'expertMatmul' },
    ),
    breaks(
      'expertPackedExact',
      'an expert writes rows as far apart as those that it reads',
      {
        'advance(words, 2, firstPlace(args), load<i32>(words, 28))':
          'advance(words, 2, firstPlace(args), load<i32>(words, 24))',
      },
      { operation: 'expertMatmul' },
    ),
    breaks(
      'expertPlaces',
      'a place that no row has taken counts',
      { 'if (!isChosen) continue': '' },
      { operation: 'expertRows' },
    ),
    breaks('expertProducts', 'rows that did not choose have the product of the first place', {
      'if (place >= 0) {': 'if (place >= -1) {',
    }),
    breaks('sparseMixerGradient', 'only the first choice has a derivative', {
      'addMixerGradient(scores, gradient, result, experts, second, first, jitter)': '',
    }),
    breaks('expertSum', 'places are added without their weights', {
      'weighted ? load<f32>(<usize>load<u32>(args, 4) + choice) : 1': '1',
    }),
    breaks('expertRows', 'the weight is that of the first expert', {
      '((row * experts + expert) << 2)': '((row * experts) << 2)',
    }),
  ),
]
