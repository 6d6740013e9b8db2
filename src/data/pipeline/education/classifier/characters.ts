/** What kinds of characters classifiers tell apart. */

export const space = 0
export const lineBreak = 1
export const letter = 2
export const digit = 3
export const mark = 4
/** Of scripts without spaces: each is a token of its own. */
export const ideograph = 5

/** The kind of each UTF-16 unit. */
export const kindOf = Uint8Array.from({ length: 0x10000 }, (_, code) => {
  if (code === 0x0a) return lineBreak
  if (code <= 0x20 || code === 0x7f || code === 0xa0 || code === 0x3000) return space
  if (code >= 0x30 && code <= 0x39) return digit
  if (code < 0x80) return (code | 32) >= 0x61 && (code | 32) <= 0x7a ? letter : mark
  if (code < 0xc0 || (code >= 0x2000 && code < 0x2e80) || (code >= 0x3001 && code < 0x3040)) return mark
  if ((code >= 0x2e80 && code < 0xa000) || (code >= 0xac00 && code < 0xd7b0)) return ideograph
  return letter
})
