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
