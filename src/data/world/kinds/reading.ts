import type { Random } from '../../../base/random.ts'
import { fill } from '../grammar.ts'
import type { Exchange, Split, WorldKind } from '../types.ts'
import { notInText, readingFrames } from '../wordings/reading.ts'
import {
  askOf,
  drawFacts,
  drawLike,
  drawSubject,
  stated,
  writeText,
  type ReadingFact,
  type ReadingSubject,
  type ReadingText,
} from './reading-passage.ts'
import { drawSourced, queryExchange, withOrder, type SourcesSort } from './reading-sources.ts'
import { madeUpWord } from './reading-values.ts'
import { questionAndAnswer, roughen } from './wording.ts'

/** A text about one subject, or about two of one topic, of which one has to be told from the other. */
function drawText(random: Random, split: Split): ReadingText {
  const subject = drawSubject(random, split)
  const facts = drawFacts(random, split, subject, random.integer(2, 6))
  const further =
    random.float() < 0.3 ? drawFacts(random, split, drawLike(random, split, subject), random.integer(1, 3)) : []
  return writeText(random, split, [...facts, ...further])
}

/** A question that a text answers, with the value that a right answer names. */
export interface ReadingQuestion extends Exchange {
  readonly value: string
}

function askFact(random: Random, split: Split, fact: ReadingFact): ReadingQuestion {
  return { question: askOf(random, split, fact), answer: stated(fact), value: fact.value }
}

/** A question about a subject of the text that it does not answer. */
function askMissing(random: Random, split: Split, { facts }: ReadingText): Exchange {
  const subject: ReadingSubject = random.pick(facts).subject
  const told = new Set(facts.filter((fact) => fact.subject === subject).map(({ property }) => property))
  const property = random.pick(subject.topic.properties.filter((one) => !told.has(one)))
  return { question: askOf(random, split, { subject, property }), answer: notInText }
}

function framed(random: Random, split: Split, text: string, question: string): string {
  return fill(random.pick(readingFrames[split]), { s: text, q: question })
}

/** A text with a question that it answers. */
export function drawReading(random: Random, split: Split): ReadingQuestion {
  const text = drawText(random, split)
  const asked = askFact(random, split, random.pick(text.facts))
  return { ...asked, question: framed(random, split, text.text, asked.question) }
}

/** A text with a question that it leaves open. */
export function drawOpenReading(random: Random, split: Split): Exchange {
  const text = drawText(random, split)
  const { question, answer } = askMissing(random, split, text)
  return { question: framed(random, split, text.text, question), answer }
}

function questionsOn(random: Random, text: ReadingText, count: number): Exchange[] {
  return random
    .shuffle(text.facts.slice())
    .slice(0, count)
    .map((fact) => (random.float() < 0.15 ? askMissing(random, 'training', text) : askFact(random, 'training', fact)))
}

/** How often each sort of sources comes. */
const sorts: readonly SourcesSort[] = [
  ...(['answered', 'answered', 'answered', 'answered', 'answered', 'answered'] as const),
  ...(['agreeing', 'disagreeing', 'disagreeing', 'missing', 'missing', 'missing', 'injected', 'injected'] as const),
]

export function sourcedExchange(random: Random): Exchange {
  const { question, answer } = drawSourced(random, 'training', random.pick(sorts))
  return { question, answer }
}

export const readingKind: WorldKind = {
  name: 'reading',
  // Recipes that want it name it: those of the first phi-nano stay what they were.
  documentWeight: 0,
  conversationWeight: 0,

  document(random) {
    const chance = random.float()
    if (chance < 0.3) {
      const texts = Array.from({ length: random.integer(2, 4) }, () => drawText(random, 'training'))
      return texts.map(({ title, text }) => `${title}\n${text}`).join('\n\n')
    }
    if (chance < 0.85) {
      const text = drawText(random, 'training')
      const questions = questionsOn(random, text, random.integer(2, 6))
      return `${text.title}\n${text.text}\n\n${questionAndAnswer(random, questions)}`
    }
    const { question, answer } = sourcedExchange(random)
    return `${question}\nAnswer: ${answer}`
  },

  exchanges(random, turns) {
    const chance = random.float()
    if (chance < 0.06) return [queryExchange(random)]
    if (chance < 0.62) return [sourcedExchange(random)]
    const text = drawText(random, 'training')
    const [first, ...others] = questionsOn(random, text, turns)
    if (first === undefined) return []
    const shown =
      random.float() < 0.08 ? withOrder(random, 'training', text.text, madeUpWord(random, 'training')) : text.text
    const opening = { question: framed(random, 'training', shown, first.question), answer: first.answer }
    return [opening, ...others.map(({ question, answer }) => ({ question: roughen(random, question), answer }))]
  },
}
