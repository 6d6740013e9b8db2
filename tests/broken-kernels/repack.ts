import { breaks, inFile, type BrokenKernel } from './broken.ts'

/** From rows in blocks of ggml to panels. */
export const brokenRepacking: readonly BrokenKernel[] = inFile(
  'repack.ts',
  breaks('repackPanel', 'the later four rows are the earlier ones', {
    'const upper = from + 4 * rowBytes': 'const upper = from',
  }),
  breaks('repackPanel', 'an infinity is taken for a number', {
    'i16x8.splat(0x7c00)': 'i16x8.splat(0x7c01)',
  }),
  breaks('repackPanel', 'a negative scale keeps its sign', {
    'v128.or(zeros, negatives)))\n}': 'zeros))\n}',
  }),
  breaks('repackPanel', 'integers under a negative scale keep theirs', {
    'v128.bitselect(i8x16.neg(word), word, negatives)': 'word',
  }),
  breaks('repackPanel', 'integers under a scale of 0 stay', {
    'v128.bitselect(zero, signed, zeros)': 'signed',
  }),
  breaks('repackPanel', 'the zeros of four bits are those of eight', {
    'i8x16.splat(<i8>0x88)': 'i8x16.splat(0)',
  }),
  breaks('repackPanel', '-128 is looked for in four rows only', {
    'i8x16.eq(v128.load(at, 16), lowest)': 'i8x16.eq(v128.load(at), lowest)',
  }),
  breaks('repackPanel', 'only the last block counts', {
    'if (!repackBlock(type, from, rowBytes, target)) kept = false': 'kept = repackBlock(type, from, rowBytes, target)',
  }),
  breaks('repackPanel', 'dmin is not looked at', {
    ' && areFinite(v128.load(target, 16))': '',
  }),
  breaks('repackPanel', 'the upper bits of q6k come from the first half twice', {
    'interleaveWords(from + 160,': 'interleaveWords(from + 128,',
  }),
)
