/** Short texts in many forms about subjects that are made up each time. */
import { present } from '../../../base/errors.ts'
import type { Random } from '../../../base/random.ts'
import { capitalise, fill, withArticle, type Slots } from '../grammar.ts'
import { readingTopics, type ReadingProperty, type ReadingTopic } from '../tables/reading.ts'
import type { Split } from '../types.ts'
import { readingForms, type ReadingForm } from '../wordings/reading.ts'
import { drawReadingValue, madeUpName, madeUpWord } from './reading-values.ts'

/** Somebody or something that a text is about. */
export interface ReadingSubject {
  readonly topic: ReadingTopic
  readonly name: string
  readonly slots: Slots
}

export interface ReadingFact {
  readonly subject: ReadingSubject
  readonly property: ReadingProperty
  readonly value: string
}

export interface ReadingText {
  readonly title: string
  readonly text: string
  readonly facts: readonly ReadingFact[]
}

export function drawSubject(
  random: Random,
  split: Split,
  topic: ReadingTopic = random.pick(readingTopics),
): ReadingSubject {
  // Kinds of animals, plants and games are no proper names.
  const isCommon = ['animal', 'plant', 'game'].includes(topic.name)
  const word = isCommon ? madeUpWord(random, split) : madeUpName(random, split)
  const pronouns = !topic.isPerson
    ? { it: 'it', him: 'it', its: 'its' }
    : random.float() < 0.5
      ? { it: 'she', him: 'her', its: 'her' }
      : { it: 'he', him: 'him', its: 'his' }
  const name = fill(topic.subject, { w: word })
  return { topic, name, slots: { w: word, n: name, ...pronouns } }
}

/** Another subject of the same topic. */
export function drawLike(random: Random, split: Split, subject: ReadingSubject): ReadingSubject {
  for (;;) {
    const other = drawSubject(random, split, subject.topic)
    if (other.name !== subject.name) return other
  }
}

export function drawFact(
  random: Random,
  split: Split,
  subject: ReadingSubject,
  property: ReadingProperty = random.pick(subject.topic.properties),
): ReadingFact {
  return { subject, property, value: drawReadingValue(random, split, property.value) }
}

/** The same fact with another value. */
export function otherValue(random: Random, split: Split, fact: ReadingFact): ReadingFact {
  for (;;) {
    const other = drawFact(random, split, fact.subject, fact.property)
    if (other.value !== fact.value) return other
  }
}

/** Facts of different properties of one subject, without those that are left out. */
export function drawFacts(
  random: Random,
  split: Split,
  subject: ReadingSubject,
  count: number,
  without: readonly ReadingProperty[] = [],
): ReadingFact[] {
  const properties = subject.topic.properties.filter((property) => !without.includes(property))
  return random
    .shuffle(properties)
    .slice(0, count)
    .map((property) => drawFact(random, split, subject, property))
}

/** A sentence of a fact, or its line in a list, with the slots filled. */
export function tell({ subject, value }: ReadingFact, template: string): string {
  return fill(template, { ...subject.slots, v: value, va: withArticle(value) })
}

/** The answer that states the fact. */
export function stated(fact: ReadingFact): string {
  return capitalise(tell(fact, fact.property.says[0]))
}

/** A question about a property of a subject. */
export function askOf(
  random: Random,
  split: Split,
  { subject, property }: Pick<ReadingFact, 'subject' | 'property'>,
): string {
  return capitalise(fill(random.pick(split === 'training' ? property.asks : property.heldOut), subject.slots))
}

/** A text in a random form that holds the facts in a random order. */
export function writeText(random: Random, split: Split, facts: readonly ReadingFact[]): ReadingText {
  const form = random.pick(readingForms.filter(({ isHeldOut }) => isHeldOut === (split === 'heldOut')))
  const ordered = random.shuffle(facts.slice())
  const slots = { ...present(ordered[0], 'fact').subject.slots, p: madeUpName(random, split) }
  const body = form.isList ? listLines(form, ordered) : sentences(random, ordered)
  return {
    title: fill(random.pick(form.titles), slots),
    text: `${fill(random.pick(form.opens), slots)}${body}${fill(random.pick(form.closes), slots)}`.trim(),
    facts: ordered,
  }
}

/** Lines of each subject under its name. */
function listLines({ separator, mark }: ReadingForm, facts: readonly ReadingFact[]): string {
  const bySubject = Map.groupBy(facts, ({ subject }) => subject)
  return [...bySubject]
    .flatMap(([subject, own]) => [
      capitalise(subject.name),
      ...own.map((fact) => `${mark}${tell(fact, fact.property.line)}`),
    ])
    .join(separator)
}

/** Each subject is named before a pronoun stands for it. */
function sentences(random: Random, facts: readonly ReadingFact[]): string {
  const written = [...Map.groupBy(facts, ({ subject }) => subject)].flatMap(([subject, own]) => {
    const opened = random.float() < 0.5 ? [capitalise(fill(random.pick(subject.topic.opens), subject.slots))] : []
    const rest = own.map((fact, index) => {
      const goesOn = opened.length + index > 0 && random.float() < 0.5
      return capitalise(tell(fact, random.pick(goesOn ? fact.property.goesOn : fact.property.says)))
    })
    return [...opened, ...rest]
  })
  return written.join(' ')
}
