/**
 * Text as the model sees it: plain strings and special tokens are different types, so that no spelling in a user's
 * words can become a control token. `['<|end|>']` is seven characters; `[special('<|end|>')]` ends a turn.
 */
export interface SpecialToken {
  readonly kind: 'special'
  /** How the token is spelled in the tokenizer file: `<|user|>`. */
  readonly content: string
}

/** Strings are encoded as ordinary pieces, special tokens as their one id. */
export type Text = readonly (string | SpecialToken)[]

/** The special token that a tokenizer file spells like this. */
export function special(content: string): SpecialToken {
  return Object.freeze({ kind: 'special', content })
}

/** The characters a person would read: what transformers' `apply_chat_template(tokenize=False)` returns. */
export function textToString(text: Text): string {
  return text.map((part) => (typeof part === 'string' ? part : part.content)).join('')
}

/** Joins neighbouring strings and drops empty ones; means the same text. */
export function compactText<Part extends object>(text: readonly (string | Part)[]): readonly (string | Part)[] {
  const parts: (string | Part)[] = []
  for (const part of text) {
    const last = parts.at(-1)
    if (part === '') continue
    if (typeof part === 'string' && typeof last === 'string') parts[parts.length - 1] = last + part
    else parts.push(part)
  }
  return parts
}
