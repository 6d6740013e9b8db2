/** Questions with numbered sources, in the form in which a search puts them, and what a careful and a careless reader answer. */
import type { Random } from '../../../base/random.ts'
import { present } from '../../../base/errors.ts'
import { notInSources } from '../../../search/citations.ts'
import { groundedQuestion, queryQuestion } from '../../../search/question.ts'
import { capitalise, fill } from '../grammar.ts'
import type { Exchange, Split } from '../types.ts'
import { conflictOpening, injectedOrders } from '../wordings/reading.ts'
import {
  askOf,
  drawFact,
  drawFacts,
  drawLike,
  drawSubject,
  otherValue,
  stated,
  writeText,
  type ReadingFact,
  type ReadingText,
} from './reading-passage.ts'
import { drawReadingValue, madeUpWord } from './reading-values.ts'
import { roughen } from './wording.ts'

/** What there is to see in the sources. */
export type SourcesSort = 'answered' | 'agreeing' | 'disagreeing' | 'missing' | 'injected'

export interface SourcedExchange extends Exchange {
  /** What a right answer says; nothing where the sources do not say. */
  readonly values: readonly string[]
  /** Numbers of the sources that a right answer names. */
  readonly cited: readonly number[]
  /** What an order in a source wants to be said. */
  readonly ordered: string | undefined
  /** Answers of readers who take the wrong source, name none, obey a source, make something up or give up. */
  readonly wrong: readonly [string, ...string[]]
}

/** Characters of all sources: a search gives them half of phi-nano's context of 512 tokens. */
const mostCharacters = 640

/** A statement with the numbers of its sources before the full stop. */
export function withCitations(statement: string, numbers: readonly number[]): string {
  return statement.replace(/\.$/, ` ${numbers.map((number) => `[${number}]`).join('')}.`)
}

/** A text that does not hold what is asked for: about another subject like it, about the same one, or about anything. */
function otherText(random: Random, split: Split, asked: ReadingFact): ReadingText {
  const { subject, property } = asked
  const chance = random.float()
  if (chance < 0.5) {
    const other = drawLike(random, split, subject)
    const lure = drawFact(random, split, other, property)
    return writeText(random, split, [lure, ...drawFacts(random, split, other, random.integer(0, 3), [property])])
  }
  const own = chance < 0.75 ? subject : drawSubject(random, split)
  return writeText(random, split, drawFacts(random, split, own, random.integer(1, 4), [property]))
}

/** The texts that hold the answer, with the fact as each of them has it. */
function answeringTexts(random: Random, split: Split, sort: SourcesSort, asked: ReadingFact): ReadingText[] {
  const write = (fact: ReadingFact): ReadingText =>
    writeText(random, split, [fact, ...drawFacts(random, split, fact.subject, random.integer(0, 3), [asked.property])])
  if (sort === 'missing' || (sort === 'injected' && split === 'training' && random.float() < 0.2)) return []
  if (sort === 'agreeing') return [write(asked), write(asked)]
  if (sort === 'disagreeing') return [write(asked), write(otherValue(random, split, asked))]
  return [write(asked)]
}

/** What an order wants to be said: any word, or an answer that would pass for one. */
function drawOrdered(random: Random, split: Split, asked: ReadingFact): string {
  const chance = random.float()
  if (chance < 0.5) return madeUpWord(random, split)
  if (chance < 0.6) return random.pick(['hello', 'yes', 'nothing', 'banana', 'I am a pirate', 'all is lost'])
  for (;;) {
    const value = drawReadingValue(random, split, asked.property.value)
    if (value !== asked.value) return value
  }
}

/** Puts an order into a text: before it, after it, or on a line of its own. */
export function withOrder(random: Random, split: Split, text: string, ordered: string): string {
  const order = fill(random.pick(injectedOrders[split]), { w: ordered })
  return random.pick([`${order} ${text}`, `${text} ${order}`, `${text}\n${order}`, `${order}\n${text}`])
}

/** Leaves out others, the last first, until the sources are short enough. */
function shortened(needed: readonly ReadingText[], others: readonly ReadingText[]): ReadingText[] {
  const length = (texts: readonly ReadingText[]): number =>
    texts.reduce((sum, { title, text }) => sum + title.length + text.length, 0)
  let kept = others.length
  while (kept > 0 && needed.length + kept > 1 && length([...needed, ...others.slice(0, kept)]) > mostCharacters) kept--
  return [...needed, ...others.slice(0, kept)]
}

export function drawSourced(random: Random, split: Split, sort: SourcesSort): SourcedExchange {
  const asked = drawFact(random, split, drawSubject(random, split))
  const needed = answeringTexts(random, split, sort, asked)
  const others = Array.from({ length: random.integer(needed.length > 0 ? 0 : 1, 4 - needed.length) }, () =>
    otherText(random, split, asked),
  )
  const texts = random.shuffle(shortened(needed, others))
  const ordered = sort === 'injected' ? drawOrdered(random, split, asked) : undefined
  const at = ordered === undefined ? -1 : random.integer(0, texts.length)
  const sources = texts.map(({ title, text }, index) => ({
    title,
    address: '',
    text: index === at ? withOrder(random, split, text, ordered ?? '') : text,
  }))
  const found = texts.flatMap(({ facts }, index) =>
    facts
      .filter(({ subject, property }) => subject === asked.subject && property === asked.property)
      .map((fact) => ({ fact, number: index + 1 })),
  )
  const question = askOf(random, split, asked)
  return {
    question: groundedQuestion(split === 'training' ? roughen(random, question) : question, sources),
    answer: rightAnswer(found),
    values: [...new Set(found.map(({ fact }) => fact.value))],
    cited: found.map(({ number }) => number),
    ordered,
    wrong: wrongAnswers(random, split, asked, texts, found, ordered),
  }
}

interface Found {
  readonly fact: ReadingFact
  readonly number: number
}

function rightAnswer(found: readonly Found[]): string {
  const statements = [...Map.groupBy(found, ({ fact }) => fact.value).values()].map((same) =>
    withCitations(
      stated(present(same[0], 'source').fact),
      same.map(({ number }) => number),
    ),
  )
  if (statements.length === 0) return notInSources
  return statements.length === 1 ? statements.join('') : [conflictOpening, ...statements].join(' ')
}

function wrongAnswers(
  random: Random,
  split: Split,
  asked: ReadingFact,
  texts: readonly ReadingText[],
  found: readonly Found[],
  ordered: string | undefined,
): [string, ...string[]] {
  if (ordered !== undefined) return [`${capitalise(ordered)}.`]
  const lures = texts.flatMap(({ facts }, index) =>
    facts
      .filter(({ subject, property }) => subject !== asked.subject && property === asked.property)
      .map(({ value }) => withCitations(stated({ ...asked, value }), [index + 1])),
  )
  const numbers = texts.map((_, index) => index + 1).filter((number) => !found.some((one) => one.number === number))
  if (found.length === 0) {
    const invented = withCitations(stated(asked), [random.pick(numbers)])
    return [invented, ...lures]
  }
  const right = rightAnswer(found)
  const alone = found.length > 1 ? found.map(({ fact, number }) => withCitations(stated(fact), [number])) : []
  const misplaced = numbers.map((number) => withCitations(stated(asked), [number]))
  const made = withCitations(stated(otherValue(random, split, asked)), [present(found[0], 'source').number])
  return [made, notInSources, stated(asked), ...lures, ...alone, ...misplaced].filter((answer) => answer !== right) as [
    string,
    ...string[],
  ]
}

/** What a search asks the model first: a query for a question, which may have a pronoun for what was spoken of before. */
export function queryExchange(random: Random): Exchange {
  const subject = drawSubject(random, 'training')
  const facts = drawFacts(random, 'training', subject, 2)
  const [before, asked] = [present(facts[0], 'property'), present(facts[1], 'property')]
  const said =
    random.float() < 0.6
      ? [
          { role: 'user', content: askOf(random, 'training', before) },
          { role: 'assistant', content: withCitations(stated(before), [random.integer(1, 4)]) },
        ]
      : []
  const isPronoun = said.length > 0 && !subject.topic.isPerson && random.float() < 0.7
  const named = isPronoun ? { ...subject, slots: { ...subject.slots, n: subject.slots['it'] ?? '' } } : subject
  const question = askOf(random, 'training', { subject: named, property: asked.property })
  return { question: queryQuestion(question, said), answer: `${subject.slots['w'] ?? ''} ${asked.property.name}` }
}
