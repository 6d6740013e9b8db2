import type { Random } from '../../../base/random.ts'
import { fill, thirdPerson, withArticle, type Slots } from '../grammar.ts'
import { isHeldOutFact } from '../held-out.ts'
import { things } from '../tables/index.ts'
import { generic, type PropertyName, type Thing } from '../tables/parse.ts'
import type { Split } from '../types.ts'
import { thingWordings } from './thing-wordings.ts'
import { askTemplate, type Wording } from './wording.ts'

/** One property of one thing. */
export interface ThingFact {
  readonly thing: Thing
  readonly property: PropertyName
  readonly value: string
  readonly wording: Wording
  readonly slots: Slots
  /** No question about it in training; the statement is in the prose all the same. */
  readonly heldOut: boolean
}

const pluralPowers = new Set(['your legs', 'your arms', 'strong engines'])

function slotsOf(thing: Thing, property: PropertyName, value: string): Slots {
  const many = thing.form === 'pair'
  const person = thing.category === 'job'
  const manyPowers = pluralPowers.has(value)
  return {
    a: generic(thing),
    n: thing.name,
    s: thing.plural,
    is: many ? 'are' : 'is',
    has: many ? 'have' : 'has',
    does: many ? 'do' : 'does',
    it: person ? 'this person' : many ? 'they' : 'it',
    its: person ? "this person's" : many ? 'their' : 'its',
    them: person ? 'this person' : many ? 'them' : 'it',
    v: value,
    va: property === 'kind' && many ? value : withArticle(value),
    vs: thirdPerson(value),
    vmake: manyPowers ? 'make' : 'makes',
    vmove: manyPowers ? 'move' : 'moves',
  }
}

/** What would be said of the thing if the property had another value. */
export function withValue({ thing, property, wording }: ThingFact, value: string): Statable {
  return { wording, slots: slotsOf(thing, property, value) }
}

function factsOf(thing: Thing): ThingFact[] {
  const values = { ...thing.values }
  if (thing.category === 'job') values.kind = `person who ${values.does ?? ''}`
  if (thing.form === 'pair' && values.kind !== undefined) values.kind = pairKinds[values.kind] ?? values.kind
  return (Object.entries(values) as [PropertyName, string][]).map(([property, value]) => ({
    thing,
    property,
    value,
    wording: usable(thing, thingWordings[property], value),
    slots: slotsOf(thing, property, value),
    heldOut: isHeldOutFact(thing.name, property),
  }))
}

const pairKinds: Readonly<Record<string, string>> = {
  tool: 'a tool',
  'piece of clothing': 'clothes',
  'thing to wear': 'things to wear',
}

/** Only what suits the noun: no plural templates for "milk" or "the sun". */
function usable(thing: Thing, wording: Wording, value: string): Wording {
  const suits = (template: string): boolean => thing.form === 'count' || !/\{[sS]\}/.test(template)
  return {
    direct: wording.direct.filter(suits),
    heldOut: wording.heldOut.filter(suits),
    indirect: wording.indirect,
    followUps: wording.followUps,
    // Not "Snails can carry its home."
    answers: wording.answers.filter(
      (template) => suits(template) && !(/\{[sS]\}/.test(template) && /\bits\b/.test(value)),
    ),
    pronoun: wording.pronoun,
  }
}

const factsByName: ReadonlyMap<string, readonly ThingFact[]> = new Map(
  things.map((thing) => [thing.name, factsOf(thing)]),
)

export const thingFacts: readonly ThingFact[] = [...factsByName.values()].flat()

const byProperty = new Map<PropertyName, ThingFact[]>()
for (const fact of thingFacts) {
  const list = byProperty.get(fact.property)
  if (list === undefined) byProperty.set(fact.property, [fact])
  else list.push(fact)
}

/** Facts of one property, over all things that have it. */
export const factsByProperty: ReadonlyMap<PropertyName, readonly ThingFact[]> = byProperty

export function factsAbout(thing: Thing): readonly ThingFact[] {
  return factsByName.get(thing.name) ?? []
}

/** Facts that training may ask about. */
export function askableFacts(facts: readonly ThingFact[]): ThingFact[] {
  return facts.filter((fact) => !fact.heldOut)
}

/** What asking and stating need of a fact; people and places have facts of this shape too. */
export type Statable = Pick<ThingFact, 'wording' | 'slots'>

export function askAbout(random: Random, fact: Statable, split: Split): string {
  return fill(askTemplate(random, fact.wording, split), fact.slots)
}

export function statement(random: Random, fact: Statable): string {
  return fill(random.pick(fact.wording.answers), fact.slots)
}

/** A statement in the singular, for paragraphs that go on with "it". */
export function singularStatement(random: Random, fact: Statable): string {
  return fill(random.pick(fact.wording.answers.filter((template) => !/\{[sS]\}/.test(template))), fact.slots)
}

export function pronounStatement(random: Random, fact: Statable): string {
  return fill(random.pick(fact.wording.pronoun), fact.slots)
}

/** The answer to a question about the fact; a definition is sometimes followed by one more fact. */
export function answerAbout(random: Random, fact: ThingFact): string {
  if (fact.property !== 'kind') return statement(random, fact)
  const more = factsAbout(fact.thing).filter((other) => moreProperties.has(other.property))
  if (more.length === 0 || random.float() < 0.15) return statement(random, fact)
  return `${singularStatement(random, fact)} ${pronounStatement(random, random.pick(more))}`
}

const moreProperties: ReadonlySet<PropertyName> = new Set<PropertyName>([
  ...(['lives', 'use', 'found', 'origin', 'wornOn', 'travels', 'grows', 'does', 'works'] as const),
])
