/** Commands that are shown, to be copied. */

/** A text as a shell takes it for one word. */
export function quoted(text: string): string {
  if (/^[\w@:/.+-]+$/.test(text)) return text
  return /["$`\\!]/.test(text) ? `'${text.replaceAll("'", String.raw`'\''`)}'` : `"${text}"`
}
