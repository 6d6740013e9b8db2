import type { Random } from '../../base/random.ts'
import { fill, gerund, numberWords, plural, thirdPerson } from '../../data/world/grammar.ts'
import { askAbout, thingFacts, type ThingFact } from '../../data/world/kinds/thing-facts.ts'
import { comparisonExchange } from '../../data/world/kinds/comparisons.ts'
import { personFacts, type PersonFact } from '../../data/world/kinds/people.ts'
import { placeFacts, type PlaceFact } from '../../data/world/kinds/places.ts'
import { contentWords } from '../../data/world/kinds/wording.ts'
import { landFacts } from '../../data/world/tables/places.ts'
import { people } from '../../data/world/tables/people.ts'
import type { Check } from './types.ts'

export interface Draft {
  readonly question: string
  readonly check: Check
}

const synonyms: Readonly<Record<string, readonly string[]>> = {
  no: ['no', 'not', '0', 'zero', 'none'],
  big: ['big', 'large'],
  huge: ['huge', 'very big'],
  small: ['small', 'little'],
  tiny: ['tiny', 'very small'],
}

/** The forms of a word that count as the same: singular and plural or third person, digits for number words. */
export function variants(word: string): string[] {
  const known = synonyms[word]
  if (known !== undefined) return [...known]
  const index = numberWords.indexOf(word)
  if (index >= 0) return [word, String(index)]
  if (/\d/.test(word)) return [word]
  if (/[^s]s$/.test(word)) return [word, word.slice(0, -1)]
  return [...new Set([word, plural(word), thirdPerson(word)])]
}

/** Values that are verb phrases may come in other forms of the verb: "cut wood", "cutting wood". */
const verbProperties = new Set(['use', 'can', 'sound', 'does', 'activity', 'origin'])

export function contains(value: string, property: string, none: readonly string[] = []): Check {
  const all = contentWords(value).map((word, index) =>
    verbProperties.has(property) && index === 0 ? [...variants(word), gerund(word.replace(/s$/, ''))] : variants(word),
  )
  return none.length === 0 ? { type: 'contains', all } : { type: 'contains', all, none }
}

const colours = 'red,blue,green,yellow,white,black,brown,grey,pink,purple,orange,golden,silver'.split(',')
const sizes = ['tiny', 'small', 'big', 'huge']

/** Other values of a property whose values exclude each other. */
function forbidden(property: string, value: string, own: string): string[] {
  const words = new Set([...contentWords(value), ...own.toLowerCase().split(' ')])
  if (property === 'colour') return colours.filter((colour) => !words.has(colour))
  if (property === 'size') return sizes.filter((size) => !words.has(size))
  return []
}

export function thingDraft(random: Random, fact: ThingFact, wording: 'training' | 'heldOut'): Draft {
  const none = forbidden(fact.property, fact.value, fact.thing.name)
  return { question: askAbout(random, fact, wording), check: contains(fact.value, fact.property, none) }
}

export function personDraft(random: Random, fact: PersonFact, wording: 'training' | 'heldOut'): Draft {
  const towns = [...new Set(people.map((person) => person.town))]
  const none =
    fact.property === 'town'
      ? towns.filter((town) => town !== fact.value)
      : forbidden(fact.property, fact.value, fact.person.name)
  return { question: askAbout(random, fact, wording), check: contains(fact.value, fact.property, none) }
}

export function placeDraft(random: Random, fact: PlaceFact, wording: 'training' | 'heldOut'): Draft {
  return { question: askAbout(random, fact, wording), check: contains(fact.value, fact.property) }
}

export function looseDrafts(): Draft[] {
  return landFacts.flatMap((fact) =>
    fact.heldOutQuestions.map((question) => ({ question, check: { type: 'contains', all: [fact.accept] } as const })),
  )
}

/** Facts that training asks about, for held-out wordings; and facts that it never asks about, for known wordings. */
export function pools<Fact extends { readonly heldOut: boolean }>(
  facts: readonly Fact[],
): { asked: Fact[]; kept: Fact[] } {
  return { asked: facts.filter((fact) => !fact.heldOut), kept: facts.filter((fact) => fact.heldOut) }
}

export const thingPools = pools(thingFacts)
export const personPools = pools(personFacts)
export const placePools = pools(placeFacts)

export function comparisonDraft(random: Random): Draft {
  const { question, answer } = comparisonExchange(random, 'heldOut')
  // Held-out pairs, and the wordings of evaluation; "A tractor is bigger than a rooster." in either direction.
  const match = /^(.*) is (bigger|smaller) than (.*)\.$/.exec(answer)
  const [, winner = '', word = '', loser = ''] = match ?? []
  const opposite = word === 'bigger' ? 'smaller' : 'bigger'
  return { question, check: { type: 'contains', all: [[`${winner} is ${word}`, `${loser} is ${opposite}`]] } }
}

/** Two turns: an opening about the thing, then a question with a pronoun about a fact that training never asks for. */
export function followUpDraft(
  random: Random,
  fact: ThingFact,
): { opening: ThingFact; question: string; check: Check } | undefined {
  const openings = thingPools.asked.filter((other) => other.thing === fact.thing && other.property !== fact.property)
  if (openings.length === 0 || fact.wording.followUps.length === 0) return undefined
  const opening = random.pick(openings)
  const question = fill(random.pick(fact.wording.followUps), fact.slots)
  return { opening, question, check: thingDraft(random, fact, 'training').check }
}
