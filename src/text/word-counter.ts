/** What may stand together in one piece. */
type CharacterKind = 'mark' | 'letter' | 'digit' | 'other'

const mark = '▁'

function kindOf(character: string): CharacterKind {
  if (character === mark) return 'mark'
  if (/^[\p{L}\p{M}]$/u.test(character)) return 'letter'
  return /^\p{Nd}$/u.test(character) ? 'digit' : 'other'
}

/** Control characters (tab, newline) get no piece: they are spelled in bytes, as in Phi-3's tokenizer. */
function isControl(code: number): boolean {
  return code < 0x20 || (code >= 0x7f && code < 0xa0)
}

/**
 * Counts the words of texts: what lies between spaces, cut further so that letters, digits and other characters do not
 * mix. A word that follows a space (or begins a text) begins with `▁`.
 */
export class WordCounter {
  /** Counts of what lies between spaces and control characters; the marked ones follow a space. */
  readonly #marked = new Map<string, number>()
  readonly #unmarked = new Map<string, number>()
  #marks = 0

  add(text: string): void {
    const wellFormed = text.toWellFormed()
    let start = 0
    let marked = wellFormed !== ''
    for (let index = 0; index <= wellFormed.length; index++) {
      const code = index < wellFormed.length ? wellFormed.charCodeAt(index) : 0
      const isSpace = code === 0x20 || code === 0x2581
      if (!isSpace && !isControl(code)) continue
      if (index > start) this.#count(wellFormed.slice(start, index), marked ? this.#marked : this.#unmarked)
      if (marked) this.#marks++
      marked = isSpace
      start = index + 1
    }
  }

  #count(word: string, counts: Map<string, number>): void {
    const count = counts.get(word)
    if (count !== undefined) counts.set(word, count + 1)
    // A slice would keep its whole text alive, so that all texts would stay in memory.
    else counts.set(word.length > 12 ? word.split('').join('') : word, 1)
  }

  /** Counts of words within which pairs may merge, and of all characters (control characters left out). */
  finish(): { words: Map<string, number>; characters: Map<string, number> } {
    const words = new Map<string, number>()
    const characters = new Map<string, number>()
    if (this.#marks > 0) characters.set(mark, this.#marks)
    const count = (map: Map<string, number>, key: string, amount: number): void => {
      map.set(key, (map.get(key) ?? 0) + amount)
    }
    const kinds = new Map<string, CharacterKind>()
    const cut = (text: string, amount: number, prefix: string): void => {
      let word = prefix
      let kind: CharacterKind = prefix === '' ? 'other' : 'mark'
      for (const character of text) {
        count(characters, character, amount)
        let next = kinds.get(character)
        if (next === undefined) kinds.set(character, (next = kindOf(character)))
        const joins = next !== 'digit' && (kind === 'mark' || kind === next)
        if (!joins) {
          if (word !== '') count(words, word, amount)
          word = ''
        }
        word += character
        kind = next
      }
      if (word !== '') count(words, word, amount)
    }
    for (const [text, amount] of this.#marked) cut(text, amount, mark)
    for (const [text, amount] of this.#unmarked) cut(text, amount, '')
    return { words, characters }
  }
}
