/** The tokens of Phi-3-small beside those of cl100k, which its published files leave to the code of its tokenizer. */

/** A token as a tokenizer file lists it. */
interface ListedToken {
  readonly id: number
  readonly content: string
}

const named: readonly ListedToken[] = [
  { id: 100_257, content: '<|endoftext|>' },
  { id: 100_258, content: '<|fim_prefix|>' },
  { id: 100_259, content: '<|fim_middle|>' },
  { id: 100_260, content: '<|fim_suffix|>' },
  { id: 100_261, content: '<|system|>' },
  { id: 100_262, content: '<|user|>' },
  { id: 100_263, content: '<|assistant|>' },
  { id: 100_266, content: '<|end|>' },
  { id: 100_276, content: '<|endofprompt|>' },
]

/** Ids that stand for nothing, in the order of their numbers; they fill the vocabulary up to 100,352. */
const dummies: readonly number[] = [
  ...[100_264, 100_265, 100_256],
  ...Array.from({ length: 9 }, (_, index) => 100_267 + index),
  ...Array.from({ length: 75 }, (_, index) => 100_277 + index),
]

export const phi3SmallTokens: readonly ListedToken[] = [
  ...named,
  ...dummies.map((id, number) => ({ id, content: `<|dummy_id_${number}|>` })),
]
