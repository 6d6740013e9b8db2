/** A text in small letters, its words one space apart, without all that is neither letter nor digit: so that spelling makes no difference. */
export function plainWords(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
}
