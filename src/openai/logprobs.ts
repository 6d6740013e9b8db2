/** Log-probabilities as they are told: tokens by their spelling. */
import type { GeneratedLogProbability } from '../engine/generate.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import type { TextLogProbs, TokenLogProb } from './types.ts'

/** What names tokens: a part of a `Tokenizer`. */
export type Speller = Pick<Tokenizer, 'pieceOf' | 'tokenBytes'>

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** What was drawn and how likely it was. A token that is a part of a character has U+FFFD in its text, and its `bytes`. */
export function spellLogProbs(entries: readonly GeneratedLogProbability[], tokenizer: Speller): TokenLogProb[] {
  const spell = ({ id, logprob }: { readonly id: number; readonly logprob: number }) => {
    // Rows that only fill up the embedding have probabilities, too.
    if (tokenizer.pieceOf(id) === undefined) return { token: '', logprob, bytes: null }
    const bytes = tokenizer.tokenBytes(id)
    return { token: decoder.decode(bytes), logprob, bytes: [...bytes] }
  }
  return entries.map((entry) => ({ ...spell(entry), top_logprobs: entry.top.map(spell) }))
}

/**
 * The same in the form of the older completions.
 *
 * @param offset where the first token begins in the answer, in UTF-16 code units of the tokens' own spelling
 */
export function textLogProbs(entries: readonly TokenLogProb[], offset: number): TextLogProbs {
  let at = offset
  return {
    tokens: entries.map(({ token }) => token),
    token_logprobs: entries.map(({ logprob }) => logprob),
    top_logprobs: entries.map(({ top_logprobs: top }) =>
      // Backwards, so that of two tokens that are spelled alike the likelier one is told.
      Object.fromEntries(top.toReversed().map(({ token, logprob }) => [token, logprob])),
    ),
    text_offset: entries.map(({ token }) => {
      const start = at
      at += token.length
      return start
    }),
  }
}
