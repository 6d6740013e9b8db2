/** The small part of English morphology that the world needs. British spelling throughout. */

const irregularPlurals: Readonly<Record<string, string>> = {
  mouse: 'mice',
  goose: 'geese',
  foot: 'feet',
  tooth: 'teeth',
  man: 'men',
  woman: 'women',
  child: 'children',
  person: 'people',
  ox: 'oxen',
  leaf: 'leaves',
  loaf: 'loaves',
  knife: 'knives',
  wolf: 'wolves',
  shelf: 'shelves',
  scarf: 'scarves',
  calf: 'calves',
  half: 'halves',
  elf: 'elves',
  thief: 'thieves',
  wife: 'wives',
  sheep: 'sheep',
  fish: 'fish',
  deer: 'deer',
  salmon: 'salmon',
  potato: 'potatoes',
  tomato: 'tomatoes',
  mango: 'mangoes',
  hero: 'heroes',
  echo: 'echoes',
}

/** The plural of a noun; a compound inflects its last word ("fire engine", "fire engines"). */
export function plural(noun: string): string {
  const space = noun.lastIndexOf(' ')
  if (space >= 0) return noun.slice(0, space + 1) + plural(noun.slice(space + 1))
  const irregular = irregularPlurals[noun]
  if (irregular !== undefined) return irregular
  if (noun.endsWith('fish')) return noun
  if (/(post|snow|fire|police|fisher|milk)man$/.test(noun)) return `${noun.slice(0, -3)}men`
  if (/(s|x|z|ch|sh)$/.test(noun)) return `${noun}es`
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`
  return `${noun}s`
}

/** `one apple`, `two apples`, `0 apples`: the form of a noun after a count. */
export function counted(count: number, noun: string, pluralNoun: string = plural(noun)): string {
  return `${count} ${count === 1 ? noun : pluralNoun}`
}

const silentH = /^(hour|honest|honour|heir)/
const consonantalVowel = /^(uni|use|usu|eu|one|once|ukulele)/

/** "a" or "an" by the sound that the phrase begins with. */
export function article(phrase: string): 'a' | 'an' {
  const word = phrase.toLowerCase()
  if (/^(8|11\b|18\b|8\d)/.test(word)) return 'an'
  if (silentH.test(word)) return 'an'
  if (consonantalVowel.test(word) && !/^unin|^unim/.test(word)) return 'a'
  return /^[aeiou]/.test(word) ? 'an' : 'a'
}

export function withArticle(phrase: string): string {
  return `${article(phrase)} ${phrase}`
}

export function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** "a", "a and b", "a, b and c". */
export function listed(items: readonly string[], conjunction: string = 'and'): string {
  if (items.length <= 1) return items.join('')
  return `${items.slice(0, -1).join(', ')} ${conjunction} ${items.at(-1)}`
}

const irregularThird: Readonly<Record<string, string>> = { have: 'has', be: 'is', do: 'does', go: 'goes' }

/** The third person singular of a verb phrase: "carry people" becomes "carries people". */
export function thirdPerson(phrase: string): string {
  const space = phrase.indexOf(' ')
  const verb = space < 0 ? phrase : phrase.slice(0, space)
  const rest = space < 0 ? '' : phrase.slice(space)
  const irregular = irregularThird[verb]
  if (irregular !== undefined) return irregular + rest
  if (/(s|x|z|ch|sh|o)$/.test(verb)) return `${verb}es${rest}`
  if (/[^aeiou]y$/.test(verb)) return `${verb.slice(0, -1)}ies${rest}`
  return `${verb}s${rest}`
}

/** "making", "cutting", "seeing": the gerund of the verb that begins a phrase. */
export function gerund(verb: string): string {
  if (verb.endsWith('ee')) return `${verb}ing`
  if (verb.endsWith('ie')) return `${verb.slice(0, -2)}ying`
  if (verb.endsWith('e')) return `${verb.slice(0, -1)}ing`
  if (/^[^aeiou]*[aeiou][bdgmnpt]$/.test(verb)) return `${verb}${verb.at(-1)}ing`
  return `${verb}ing`
}

export const numberWords: readonly string[] = [
  ...['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve'],
  ...['thirteen', 'fourteen', 'fifteen', 'sixteen', 'seventeen', 'eighteen', 'nineteen', 'twenty'],
]

const tensWords = ['', '', 'twenty', 'thirty', 'forty', 'fifty', 'sixty', 'seventy', 'eighty', 'ninety']

/** A number from 0 to 100 in words: "forty-two". */
export function numberInWords(value: number): string {
  if (value === 100) return 'one hundred'
  const small = numberWords[value]
  if (small !== undefined) return small
  const ones = value % 10
  const tens = tensWords[Math.floor(value / 10)] ?? ''
  return ones === 0 ? tens : `${tens}-${numberWords[ones]}`
}

export type Slots = Readonly<Record<string, string>>

const slotPattern = /\{(\w+)\}/g

/** Fills `{slot}`s; `{Slot}` is the same value with a capital. An unknown slot is a defect of the template. */
export function fill(template: string, slots: Slots): string {
  return template.replace(slotPattern, (_, name: string) => {
    const value = slots[name]
    if (value !== undefined) return value
    const lower = slots[name.charAt(0).toLowerCase() + name.slice(1)]
    if (lower === undefined) throw new Error(`defect: no value for {${name}} in "${template}"`)
    return capitalise(lower)
  })
}
