import { breaks, inFile, type BrokenKernel } from './broken.ts'

/** Attention, the paged cache and rotary positions. */
export const brokenAttention: readonly BrokenKernel[] = [
  ...inFile(
    'attention.ts',
    breaks('attention', 'a row sees the one after it', {
      'const visible = row - key + 1': 'const visible = row - key + 2',
    }),
    breaks('attention', 'heads share keys in turn instead of in groups', {
      '(head / (heads / kvHeads)) * headSize': '(head % kvHeads) * headSize',
    }),
    breaks('attention', 'padding has a log-sum-exp', {
      'weightSum != 0 ? <f32>logSumExp : 0': '<f32>logSumExp',
    }),
    breaks('attention', 'earlier sums are not corrected for a new maximum in the second block', {
      'if (key > firstKey) scaleRows': 'if (key > firstKey + blockSize) scaleRows',
    }),
    breaks('attention', 'the unit that begins a share is done by no thread', {
      'cost >= from && cost < to': 'cost > from && cost < to',
    }),
  ),
  ...inFile(
    'attention-rows.ts',
    breaks('attention', 'the window is one key too wide', {
      'row - window + 1': 'row - window',
    }),
    breaks('attention', 'the largest first key is forgotten', {
      'largest = max(largest, first)': 'largest = 0',
    }),
  ),
  ...inFile(
    'attention-blocks.ts',
    breaks('attention', 'the sum of weights starts from one', {
      'store<f32>(weightSums + (query << 2), 0)': 'store<f32>(weightSums + (query << 2), 1)',
    }),
    breaks('attention', 'the first key of a sequence is hidden', {
      'i32x4.gt_s(firsts, key)': 'i32x4.ge_s(firsts, key)',
    }),
    breaks('attention', 'the last components of a head whose size is no multiple of four are left out', {
      'let step = headSize & 3; step > 0; step--': 'let step = headSize & 3; step > 1; step--',
    }),
    breaks('attention', 'rows of whole vectors are copied with one vector more', {
      'at < bytes; at += 16) v128.store(target + at': 'at <= bytes; at += 16) v128.store(target + at',
    }),
    breaks('attention', 'four queries take the weights of the four before', {
      'sum1 = f32x4.add(sum1, weight1)': 'sum1 = f32x4.add(sum1, weight0)',
    }),
    breaks('attention', 'the last query of a tile misses its own value', {
      'const steps = min(keys, visible + query + tileRows - 1)':
        'const steps = min(keys, visible + query + tileRows - 2)',
    }),
    breaks('attention', 'padding is divided by nothing', {
      'weightSum != 0 ? 1 / weightSum : 0': '1 / weightSum',
    }),
    breaks(
      'attentionGradient',
      'the first query that sees a key gives it nothing',
      {
        'const first = max(0, key - visible + 1)': 'const first = max(0, key - visible + 2)',
      },
      { operation: 'attentionGradientKeys' },
    ),
    breaks(
      'attentionGradient',
      'gradients flow from the future',
      {
        'if (!everySeen) {': 'if (everySeen) {',
      },
      { operation: 'attentionGradientQueries' },
    ),
    breaks(
      'attentionGradient',
      'delta is left out of four queries',
      {
        'f32x4.sub(v128.load(gradient, 16), delta1)': 'v128.load(gradient, 16)',
      },
      { operation: 'attentionGradientQueries' },
    ),
  ),
  ...inFile(
    'attention-tiles.ts',
    breaks('attention', 'the sixth row of a tile takes the wrong columns', {
      'x51 = madd(s, b1, x51)\n    a += 192': 'x51 = madd(s, b0, x51)\n    a += 192',
    }),
    breaks('attention', 'the sixth row of a wide tile takes the wrong columns', {
      'x53 = madd(s, b3, x53)\n    a += 192': 'x53 = madd(s, b2, x53)\n    a += 192',
    }),
    breaks(
      'attentionGradient',
      'the sixth key of a tile takes the wrong columns',
      {
        'x51 = madd(s, b1, x51)\n    a += 4': 'x51 = madd(s, b0, x51)\n    a += 4',
      },
      { operation: 'attentionGradientKeys' },
    ),
    breaks(
      'attentionGradient',
      'the sixth key of a wide tile takes the wrong columns',
      {
        'x53 = madd(s, b3, x53)\n    a += 4': 'x53 = madd(s, b2, x53)\n    a += 4',
      },
      { operation: 'attentionGradientKeys' },
    ),
  ),
  ...inFile(
    'attention-gradient.ts',
    breaks('attentionDelta', 'a single last component is left out', {
      'if (i < headSize) {': 'if (i + 1 < headSize) {',
    }),
    breaks(
      'attentionGradient',
      'the gradient of queries lacks the scale',
      {
        'dq + offset, stride, queries, headSize, scale)': 'dq + offset, stride, queries, headSize, 1)',
      },
      { operation: 'attentionGradientQueries' },
    ),
    breaks(
      'attentionGradient',
      'the gradient of keys lacks the scale',
      {
        'dk + offset, kvStride, keys, headSize, scale)': 'dk + offset, kvStride, keys, headSize, 1)',
      },
      { operation: 'attentionGradientKeys' },
    ),
    breaks(
      'attentionGradient',
      'the gradient of values starts from what the last block left',
      {
        'memory.fill(dKeys, 0, <usize>padded * rowBytes * 2)': 'memory.fill(dKeys, 0, <usize>padded * rowBytes)',
      },
      { operation: 'attentionGradientKeys' },
    ),
    breaks(
      'attentionGradient',
      'the last head of a group gives keys nothing',
      {
        'head < (kvHead + 1) * group; head++': 'head < (kvHead + 1) * group - (group > 1 ? 1 : 0); head++',
      },
      { operation: 'attentionGradientKeys' },
    ),
    breaks(
      'attentionGradient',
      'two threads do the unit at the border of their shares',
      {
        'cost >= from && cost < to': 'cost >= from && cost <= to',
      },
      { operation: 'attentionGradientKeys' },
    ),
    breaks(
      'attentionGradient',
      'a segment ends one row before its first',
      {
        'while (least < row)': 'while (least < row - 1)',
      },
      { operation: 'attentionGradientQueries' },
    ),
    breaks(
      'attentionGradient',
      'only the first block of keys meets later queries',
      {
        '>= key + keys) continue': '>= start + keys) continue',
      },
      { operation: 'attentionGradientQueries' },
    ),
  ),
  ...inFile(
    'halves.ts',
    breaks('cacheWrite', 'ties of halves are rounded up', {
      'i32x4.add(i32x4.add(bits, odd), i32x4.splat(0xfff - 0x38000000))':
        'i32x4.add(bits, i32x4.splat(0x1000 - 0x38000000))',
    }),
    breaks('cacheWrite', 'the third of three last halves is left as it was', {
      'if (count - i > 2)': 'if (count - i > 3)',
    }),
    breaks('pagedAttention', 'halves lose their signs', {
      'i32x4.splat(<i32>0x8fffffff)': 'i32x4.splat(<i32>0x0fffffff)',
    }),
    breaks('pagedAttention', 'the last four of eight halves are the first', {
      'i32x4.extend_high_i16x8_s(halves)': 'i32x4.extend_low_i16x8_s(halves)',
    }),
    breaks('pagedAttention', 'rows of halves are widened from the same row', {
      'source += stride\n    target += targetStride': 'target += targetStride',
    }),
  ),
  ...inFile(
    'paged-bytes.ts',
    breaks('cacheWrite', 'the scale of bytes is that of 7 bits', {
      'store<f32>(scale, largest / 127)': 'store<f32>(scale, largest / 63)',
    }),
    breaks('pagedAttention', 'the second of two values in bytes takes the weight of the first', {
      'const second = v128.load(value + headSize)': 'const second = v128.load(value)',
    }),
    breaks('pagedAttention', 'keys in bytes have the scales of the four tokens before', {
      'v128.load(scales + (token << 2))))': 'v128.load(scales)))',
    }),
    breaks('pagedAttention', 'many rows read bytes without their scales', {
      'const scale = v128.load32_splat(scales)': 'const scale = f32x4.splat(1)',
    }),
    breaks('pagedAttention', 'the last eight of sixteen components in bytes are those before', {
      'addSums(target + 48, s3, unit, factor)': 'addSums(target + 48, s2, unit, factor)',
    }),
  ),
  ...inFile(
    'paged-nibbles.ts',
    breaks('cacheWrite', 'the scale of nibbles is that of the magnitude', {
      'toBf16(extremeOf(source, largest) * -0.125)': 'toBf16(largest * -0.125)',
    }),
    breaks('pagedAttention', 'keys in nibbles are read as 0 to 15', {
      'i32x4.sub(products, v128.load32_splat(sum))': 'products',
    }),
    breaks('pagedAttention', 'the second of two values in nibbles takes the weight of the first', {
      'const second = v128.load(value + width)': 'const second = v128.load(value)',
    }),
    breaks('pagedAttention', 'many rows read the upper nibbles in place of the lower', {
      'storeNibbles(to, lowNibbles(bytes), scale)': 'storeNibbles(to, highNibbles(bytes), scale)',
    }),
  ),
  ...inFile(
    'paged-row.ts',
    breaks('pagedAttention', 'the scores of halves are small by 2^56', {
      'dotHalves(query, key0, key1, key2, key3, headSize), f32x4.splat(halfScaleRoot)':
        'dotHalves(query, key0, key1, key2, key3, headSize), f32x4.splat(1)',
    }),
    breaks('pagedAttention', 'the last eight halves of a value are left out', {
      'high = madd(w, highHalves(halves), high)': 'high = madd(w, highHalves(halves), low)',
    }),
    breaks('cacheWrite', 'the last slot of a page is that of the next', {
      'return <usize>load<u32>(table + ((position / pageSize) << 2))':
        'return <usize>load<u32>(table + (((position + 1) / pageSize) << 2))',
    }),
    breaks('pagedAttention', 'a row reads one key too many of a page', {
      'let pageEnd = min(end, (position | (pageSize - 1)) + 1)':
        'let pageEnd = min(end, (position | (pageSize - 1)) + 2)',
    }),
    breaks('pagedAttention', 'the last key counts twice where keys are no multiple of four', {
      'laneMask(tokens - token))': 'laneMask(tokens - token + 1))',
    }),
    breaks('pagedAttention', 'the weights of earlier pages are not corrected for a new maximum', {
      'load<f32>(weightSum) * correction + sumLanes(sum)': 'load<f32>(weightSum) + sumLanes(sum)',
    }),
    breaks('pagedAttention', 'the last four of 32 components are those before', {
      's7 = madd(w, v128.load(value, 112), s7)': 's7 = madd(w, v128.load(value, 96), s7)',
    }),
    breaks('pagedAttention', 'the scores of a head lie over those of the next', {
      'pageScoreBytes: usize = 256': 'pageScoreBytes: usize = 64',
    }),
  ),
  ...inFile(
    'paged.ts',
    breaks('cacheWrite', 'padding is written', {
      'if (sequence < 0) continue': 'if (sequence < -1) continue',
    }),
    breaks('copyPages', 'a page is copied to where it should come from', {
      'pool + ((to * pageWords + start) << 2), pool + ((from * pageWords + start) << 2)':
        'pool + ((from * pageWords + start) << 2), pool + ((to * pageWords + start) << 2)',
    }),
    breaks('pagedAttention', 'the window is one key too wide', {
      'position - window + 1': 'position - window',
    }),
    breaks('pagedAttention', 'rows of a sequence count as neighbours whatever their positions', {
      'if (sequence >= 0 && load<i32>': 'if (sequence < 0 && load<i32>',
    }),
    breaks('pagedAttention', 'the last row of a block counts as one before the first', {
      'firstSeen(position + queries - 1, window)': 'firstSeen(position - queries - 1, window)',
    }),
    breaks('pagedAttention', 'a block of keys goes on after the last', {
      'min(blockSize, end - key)': 'min(blockSize, end + key)',
    }),
    breaks('pagedAttention', 'a block of keys ignores that pages end', {
      'min(keys - done, pageSize - ((key + done) & (pageSize - 1)))': 'keys - done',
    }),
    breaks('pagedAttention', 'the last row of padding is left as it was', {
      'for (; row < end; row++) {': 'for (; row < end - 1; row++) {',
    }),
    breaks('pagedAttention', 'threads leave out a head at the border of their shares', {
      'max<i64>(0, (to - cost + each - 1) / each)': 'max<i64>(0, (to - cost) / each)',
    }),
    breaks('pagedAttention', 'rows of a block see the one after them', {
      'const visible = position - key + 1': 'const visible = position - key + 2',
    }),
  ),
  ...inFile(
    'rope.ts',
    breaks('ropeTable', 'the scales of the regimes trade places', {
      'regime != 0 ? load<f32>(args, 28) : load<f32>(args, 24)':
        'regime == 0 ? load<f32>(args, 28) : load<f32>(args, 24)',
    }),
    breaks('ropeTable', 'the last frequency is left out', {
      'for (let i = 0; i < half; i++) {': 'for (let i = 0; i < half - 1; i++) {',
    }),
    breaks('rope', 'it turns the other way', {
      'inverse ? -1 : 1': 'inverse ? 1 : -1',
    }),
    breaks('rope', 'components that do not turn are left out', {
      'if (x != y) copyFloats': 'if (x == y) copyFloats',
    }),
    breaks('rope', 'heads take the angles of other rows', {
      '<usize>(unit / heads) * half': '<usize>(unit / (heads + 1)) * half',
    }),
  ),
]
