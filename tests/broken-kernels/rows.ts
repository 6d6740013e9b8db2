import { breaks, inFile, type BrokenKernel } from './broken.ts'

/** Everything element-wise or row by row, and what all kernels share. */
export const brokenRows: readonly BrokenKernel[] = [
  ...inFile(
    'spans.ts',
    breaks('scale', 'the last elements of a tensor belong to no thread', {
      '(count + 15) >> 4': 'count >> 4',
    }),
    breaks('add', 'the third of three last elements is not stored', {
      'if (count & 1) v128.store32_lane(target, value, 2, 8)': '',
    }),
    breaks('squaredNorm', 'what follows the last element counts', {
      'i32x4.gt_s(i32x4.splat(count), i32x4(0, 1, 2, 3))': 'i32x4.ge_s(i32x4.splat(count), i32x4(0, 1, 2, 3))',
    }),
    breaks(
      'columns',
      'a multiple of four ends in a tail of none',
      {
        'i + 4 <= count; i += 4) v128.store(target + (i << 2), v128.load(source + (i << 2)))':
          'i + 4 < count; i += 4) v128.store(target + (i << 2), v128.load(source + (i << 2)))',
      },
      { operation: 'splitColumns' },
    ),
    breaks('accumulate', 'the tail is replaced instead of added to', {
      'storeTail(at, f32x4.add(v128.load(at), v128.load(source + (i << 2))), count - i)':
        'storeTail(at, v128.load(source + (i << 2)), count - i)',
    }),
  ),
  ...inFile(
    'simd.ts',
    breaks('embeddingGradient', 'units beyond a multiple of the threads are left out', {
      'return <i32>((<i64>units * <i64>thread) / <i64>threads)': 'return (units / threads) * thread',
    }),
    breaks('fill', 'every thread begins one unit before its share', {
      'return <i32>((<i64>units * <i64>thread) / <i64>threads)':
        'return <i32>((<i64>units * <i64>thread) / <i64>threads) - min(1, thread)',
    }),
    breaks('rmsNorm', 'odd lanes are left out of a sum', {
      'f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1)': 'f32x4.extract_lane(pairs, 0)',
    }),
  ),
  ...inFile(
    'math.ts',
    breaks('ropeTable', 'the sine has the wrong sign in half of the circle', {
      'return quadrant & 2 ? -value : value': 'return value',
    }),
    breaks('ropeTable', 'the cosine changes its sign with the sine', {
      '(quadrant + 1) & 2 ?': 'quadrant & 2 ?',
    }),
    breaks('siluMultiply', 'the sigmoid is that of the negative', {
      'v128.bitselect(e, one, i32x4.shr_s(x, 31))': 'v128.bitselect(one, e, i32x4.shr_s(x, 31))',
    }),
    breaks('crossEntropyGradient', 'the exponential does not end in 0', {
      'return v128.andnot(scaled, f32x4.lt(x, v128.load32_splat(table, 16)))': 'return scaled',
    }),
    breaks('attention', 'two to the power of minus infinity is not 0', {
      'return v128.andnot(scaled, f32x4.lt(x, v128.load32_splat(table, 48)))': 'return scaled',
    }),
    breaks('crossEntropy', 'the logarithm forgets the exponent of half of the numbers', {
      'exponent += 1': 'exponent += 0',
    }),
  ),
  ...inFile(
    'elementwise.ts',
    breaks('add', 'the tail is not added', {
      'if (i < end) storeTail(y + (i << 2), f32x4.add(v128.load(a + (i << 2)), v128.load(b + (i << 2))), end - i)':
        'if (i < end) storeTail(y + (i << 2), v128.load(a + (i << 2)), end - i)',
    }),
    breaks('accumulate', 'the state is replaced instead of added to', {
      'addFloats(<usize>load<u32>(args, 0) + (start << 2)': 'copyFloats(<usize>load<u32>(args, 0) + (start << 2)',
    }),
    breaks('fill', 'the tail is filled beyond its end', {
      'if (i < end) storeTail(y + (i << 2), value, end - i)': 'if (i < end) v128.store(y + (i << 2), value)',
    }),
    breaks(
      'copy',
      'half of the bytes are copied',
      { '(end - start) << 2)\n}\n\nfunction': '(end - start) << 1)\n}\n\nfunction' },
      {
        operation: 'clipFactor',
      },
    ),
    breaks('scale', 'the tail is not scaled', {
      'if (i < end) storeTail(y + (i << 2), f32x4.mul(v128.load(x + (i << 2)), factors), end - i)':
        'if (i < end) storeTail(y + (i << 2), v128.load(x + (i << 2)), end - i)',
    }),
    breaks('scaleByScalar', 'the factor is the address of the factor', {
      'const factor = load<f32>(<usize>load<u32>(args, 4))': 'const factor = load<f32>(args, 4)',
    }),
    breaks(
      'columns',
      'columns reach to their end plus their beginning',
      { 'const width = load<i32>(args, 20) - from': 'const width = load<i32>(args, 20)' },
      { operation: 'splitColumns' },
    ),
    breaks(
      'placeColumns',
      'columns are placed at the first',
      {
        'const output = <usize>load<u32>(args, 4) + (load<i32>(args, 20) << 2)':
          'const output = <usize>load<u32>(args, 4)',
      },
      { operation: 'joinColumns' },
    ),
    breaks('siluMultiply', 'the gate and what it lets through trade places', {
      'f32x4.mul(f32x4.mul(gate, sigmoid(gate)), up)': 'f32x4.mul(f32x4.mul(up, sigmoid(up)), gate)',
    }),
    breaks('siluMultiplyGradient', 'the slope of the sigmoid lacks a factor', {
      'madd(gate, f32x4.sub(one, s), one)': 'madd(gate, one, one)',
    }),
    breaks('embedding', 'the last column is skipped', {
      'table + ((entry * width) << 2), width)': 'table + ((entry * width) << 2), width - 1)',
    }),
    breaks('gatherRows', 'every thread gathers the rows of the first', {
      'embedding(args, thread, threads)': 'embedding(args, 0, threads)',
    }),
    breaks('embeddingGradient', 'the gradient of the last entry starts from what is there', {
      'for (let entry = 0; entry < entries; entry++) {': 'for (let entry = 0; entry < entries - 1; entry++) {',
    }),
    breaks('scatterRows', 'the columns of a last thread are left out', {
      'embeddingGradient(args, thread, threads)': 'embeddingGradient(args, thread, threads + 1)',
    }),
  ),
  ...inFile(
    'elementwise.ts',
    breaks('addBias', 'the tail is that of x', {
      'else storeTail(y + (i << 2), sum, width - i)\n    }\n  }\n}\n\n/**\n * The sum':
        'else storeTail(y + (i << 2), v128.load(x + (i << 2)), width - i)\n    }\n  }\n}\n\n/**\n * The sum',
    }),
    breaks('columnSums', 'sums start from what is there', { 'memory.fill(sums, 0, count << 2)': '' }),
    breaks('replaceRows', 'the first row of the source is never taken', {
      'const from = index < 0 ?': 'const from = index <= 0 ?',
    }),
    breaks('replaceRowsGradient', 'rows that the first of the source replaced are kept', {
      'if (load<i32>(indices + (row << 2)) < 0) copyFloats(dx':
        'if (load<i32>(indices + (row << 2)) <= 0) copyFloats(dx',
    }),
  ),
  ...inFile(
    'gelu.ts',
    breaks('gelu', 'the gate of negative numbers is that of positive ones', {
      'v128.bitselect(tail, f32x4.sub(one, tail), i32x4.shr_s(x, 31))': 'f32x4.sub(one, tail)',
    }),
    breaks('gelu', 'both forms are the approximate one', { 'return approximate ?': 'return true ?' }),
    breaks('geluGradient', 'the slope of the gate is left out', {
      'madd(value, slopeOf(value, gate, approximate), gate)': 'gate',
    }),
  ),
  ...inFile(
    'layer-norm.ts',
    breaks('layerNorm', 'epsilon is dropped', {
      'f32x4.splat(1 / sqrt<f32>(squaredDistances(x, mean, width) / <f32>width + epsilon))':
        'f32x4.splat(1 / sqrt<f32>(squaredDistances(x, mean, width) / <f32>width))',
    }),
    breaks('layerNorm', 'what follows the last element counts for the mean', {
      'loadTail(x + (i << 2), count - i)': 'v128.load(x + (i << 2))',
    }),
    breaks('layerNorm', 'the variance forgets the last elements', {
      'for (; i < count; i++) {\n    const distance': 'for (; i < count - 1; i++) {\n    const distance',
    }),
    breaks('layerNormGradientInput', 'the mean of the gradient stays', {
      'f32x4.sub(f32x4.sub(gradient, level), pulled)': 'f32x4.sub(gradient, pulled)',
    }),
    breaks('layerNormGradientInput', 'the pull lacks a factor', {
      '(inverse * inverse * sumLanes(projection))': '(inverse * sumLanes(projection))',
    }),
  ),
  ...inFile(
    'loss.ts',
    breaks('crossEntropy', 'the log-sum-exp does without the maximum', {
      'const shift = largest(logits, vocabulary)': 'const shift: f32 = 0',
    }),
    breaks('crossEntropy', 'a target of -100 counts', {
      'if (target != ignoredTarget) {': 'if (target != ignoredTarget - 1) {',
    }),
    breaks('crossEntropy', 'what follows the last logit counts', {
      'v128.and(e, laneMask(count - i))': 'e',
    }),
    breaks('crossEntropy', 'the maximum passes over the first logit', {
      'let i = 0\n  for (; i + 8 <= count; i += 8) {\n    m0': 'let i = 1\n  for (; i + 8 <= count; i += 8) {\n    m0',
    }),
    breaks('crossEntropy', 'the maximum passes over the second four of eight', {
      'm0 = f32x4.pmax(m0, m1)': 'm0 = f32x4.pmax(m0, m0)',
    }),
    breaks('crossEntropyGradient', 'a target of -100 has a gradient', {
      'if (target == ignoredTarget) {': 'if (target == ignoredTarget - 1) {',
    }),
    breaks('crossEntropyGradient', 'the one is added at the target', {
      'load<f32>(atTarget) - dLoss': 'load<f32>(atTarget) + dLoss',
    }),
    breaks('weightedSum', 'the first summand is left out', {
      'for (let i = 0; i < count; i++) sum +=': 'for (let i = 1; i < count; i++) sum +=',
    }),
  ),
  ...inFile(
    'norm.ts',
    breaks('rmsNorm', 'epsilon is dropped', {
      'dot(x, x, width) / <f32>width + epsilon': 'dot(x, x, width) / <f32>width',
    }),
    breaks('rmsNorm', 'the tail of a row is not weighted', {
      'storeTail(y + (i << 2), f32x4.mul(normed, v128.load(weight + (i << 2))), width - i)':
        'storeTail(y + (i << 2), normed, width - i)',
    }),
    breaks('rmsNorm', 'the tail of a sum of squares is left out', {
      'if (i < count) s1 = madd(': 'if (i > count) s1 = madd(',
    }),
    breaks('rmsNormGradientInput', 'the part towards x lacks a factor', {
      '-(inverse * inverse * inverse * mean)': '-(inverse * inverse * mean)',
    }),
    breaks('rmsNormGradientWeight', 'the fourth row of four takes the scale of the third', {
      'v128.load32_splat(inverse, 12)': 'v128.load32_splat(inverse, 8)',
    }),
    breaks('rmsNormGradientWeight', 'sums start from what is there', {
      'memory.fill(dWeight + (start << 2), 0, (end - start) << 2)': '',
    }),
  ),
  ...inFile(
    'optimizer.ts',
    breaks('squaredNorm', 'blocks are one element short', {
      'blockElements: i32 = 16384': 'blockElements: i32 = 16383',
    }),
    breaks('squaredNorm', 'what follows three last elements counts', {
      'i + 4 <= count ? v128.load': 'i + 3 <= count ? v128.load',
    }),
    breaks('squaredNorm', 'a last block of one element is left out', {
      '(count + blockElements - 1) / blockElements': '(count + blockElements - 2) / blockElements',
    }),
    breaks('squaredNorm', 'a last block that is not full is left out', {
      'const blocks = (count + blockElements - 1) / blockElements': 'const blocks = max(1, count / blockElements)',
    }),
    breaks(
      'sum',
      'the first summand is left out',
      {
        'for (let i = 0; i < count; i++) total +=': 'for (let i = min(1, count - 1); i < count; i++) total +=',
      },
      { operation: 'squaredNorm' },
    ),
    breaks('clipFactor', 'a limit of 0 clips everything', {
      'maxNorm > 0 && norm > maxNorm': 'norm > maxNorm',
    }),
    breaks('clipFactor', 'a norm below the limit is raised to it', {
      'maxNorm > 0 && norm > maxNorm': 'maxNorm > 0',
    }),
    breaks('adamW', 'the bias corrections of the moments trade places', {
      '-learningRate / <f64>load<f32>(hyper, 4)': '-learningRate / <f64>load<f32>(hyper, 8)',
      'sqrt<f64>(<f64>load<f32>(hyper, 8))': 'sqrt<f64>(<f64>load<f32>(hyper, 4))',
    }),
    breaks('adamW', 'weights do not decay', {
      '1 - learningRate * <f64>load<f32>(args, 40)': '1',
    }),
    breaks('adamW', 'the clip factor is ignored', {
      'f32x4.mul(v128.load(gradient + at), clip)': 'v128.load(gradient + at)',
    }),
    breaks('adamW', 'epsilon is dropped', {
      'madd(f32x4.sqrt(second), unbias, epsilon)': 'f32x4.mul(f32x4.sqrt(second), unbias)',
    }),
    breaks('adamW', 'the second moment of the tail is not stored', {
      'storeTail(v + at, second, end - i)': '',
    }),
  ),
  ...inFile(
    'selection.ts',
    breaks('topK', 'of both zeros one is the less', {
      'f32x4.add(x, f32x4.splat(0))': 'x',
    }),
    breaks('topK', 'NaN with a sign is passed by', {
      'v128.bitselect(i32x4.splat(i32.MAX_VALUE), keys, f32x4.ne(x, x))': 'keys',
    }),
    breaks('topK', 'equals among four have one rank', {
      'v128.or(i32x4.gt_s(key, own), isEarlier)': 'i32x4.gt_s(key, own)',
    }),
    breaks('topK', 'an earlier equal counts for nothing', {
      'i32x4.ge_s(v128.load32_splat(other), own)': 'i32x4.gt_s(v128.load32_splat(other), own)',
    }),
    breaks('topK', 'what has the key of the bound is left out', {
      'max(likelyBound(x, columns, k, keys, ranks), lowest + 1) - 1': 'likelyBound(x, columns, k, keys, ranks)',
    }),
    breaks('topK', 'the last columns of a row that is no multiple of four are those of the next row', {
      'lane < min(4, columns - id)': 'lane < 4',
    }),
    breaks('topK', 'entries that do not fit push others out', {
      'if (count + 8 <= room) continue': 'if (count + 8 <= room) continue\n    count = k',
    }),
  ),
]
