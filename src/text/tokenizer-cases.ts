import { byteAlphabet, spellBytes } from './characters.ts'
import { learnMerges } from './merge-learner.ts'
import { tiktokenPatterns } from './tiktoken.ts'

/** Small texts for tests: enough for a tokenizer of a few hundred pieces, and made for this repository. */
export const sampleTexts: readonly string[] = [
  'The small model reads the text and writes the next word. It does this again and again until the text ends.',
  'A tokenizer cuts a text into pieces. Common words are one piece; rare words are cut into several pieces.',
  'Numbers such as 2024, 17 and 3.14 are cut into digits, because sums are easier to learn digit by digit.',
  'She said: "Where are the others?" They were waiting by the river, reading, talking and throwing stones.',
  'function add(left: number, right: number): number {\n  return left + right\n}\n\nconst sum = add(1, 2)\n',
  'The river was wide, the water was cold, and the stones on the other side were warm from the long day in the sun.',
  'Reading and writing are learned together: those who read more write better, and those who write read with more care.',
  'Die Wörter der anderen Sprachen sind länger, und manche Zeichen sind seltener: é, ü, ß.',
  'for (const word of words) {\n\tif (word.length > 3) counts.set(word, (counts.get(word) ?? 0) + 1)\n}\n',
  'In the morning the sun was on the other side of the house. In the evening the stones were cold again.',
]

/** A byte-level tokenizer of about 330 pieces in the manner of GPT-2 and Phi-4, learnt from the sample texts. */
export function byteLevelJson(): object {
  const pieces = [...byteAlphabet]
  const ids = new Map(pieces.map((piece, id) => [piece, id]))
  const words = sampleTexts
    .flatMap((text) => text.match(/ ?\p{L}+|\s+|[^\s\p{L}]+/gu) ?? [])
    .map((word) => ({
      ids: Array.from(spellBytes(word, byteAlphabet), (letter) => ids.get(letter) as number),
      count: 1,
    }))
  const merges = learnMerges(words, pieces, { pieceCount: 330, longestPiece: 16, reserved: new Set() })
  return {
    added_tokens: ['<|endoftext|>', '<|end|>', '<|user|>'].map((content, index) => ({
      ...{ id: 330 + index, content, special: true, normalized: false },
      ...{ single_word: false, lstrip: false, rstrip: false },
    })),
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: tiktokenPatterns.cl100k }, behavior: 'Removed', invert: true },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: true },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      ...{ type: 'BPE', dropout: null, unk_token: null, fuse_unk: false, byte_fallback: false },
      vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
      merges: merges.map(([left, right]) => [pieces[left], pieces[right]]),
    },
  }
}
