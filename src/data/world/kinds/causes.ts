import type { Random } from '../../../base/random.ts'
import { capitalise, fill } from '../grammar.ts'
import { worldHash } from '../held-out.ts'
import { causes, type Cause } from '../tables/causes.ts'
import type { Exchange, Split, WorldKind } from '../types.ts'
import { ifFrames, whyFrames } from '../wordings/causes.ts'
import { questionAndAnswer, roughen } from './wording.ts'

const whyWordings = {
  training: [
    'Why {q}?',
    'Can you explain why {h}?',
    'Do you know why {h}?',
    'Tell me why {h}.',
    'Please explain why {h}.',
    'What is the reason that {h}?',
    'Can you tell me why {h}?',
    'I want to know why {h}.',
    'How come {h}?',
    ...whyFrames,
  ],
  heldOut: ['For what reason {q}?', 'I do not understand why {h}. Help me.', 'Could you say why it is that {h}?'],
} as const

const ifWordings = {
  training: [
    'What happens if {c}?',
    'What happens when {c}?',
    'What will happen if {c}?',
    'Tell me what happens when {c}.',
    'What do we see when {c}?',
    'Do you know what happens if {c}?',
    'If {c}, what happens?',
    'When {c}, what happens?',
    'Can you tell me what happens when {c}?',
    ...ifFrames,
  ],
  heldOut: ['Suppose that {c}. What comes next?', 'Imagine that {c}. What will we see?', 'What follows when {c}?'],
} as const

export type CauseForm = 'why' | 'if'

/** One cause in ten is never asked about in this form in training; the prose says it all the same. */
export function isHeldOutCause(cause: Cause, form: CauseForm): boolean {
  return worldHash(`${cause.happens}/${form}`) % 10 === 3
}

export function causeExchange(random: Random, cause: Cause, form: CauseForm, split: Split): Exchange {
  const slots = { q: cause.whyQuestion, h: cause.happens, c: cause.condition }
  const wording = form === 'why' ? random.pick(whyWordings[split]) : random.pick(ifWordings[split])
  return { question: fill(wording, slots), answer: form === 'why' ? whyAnswer(random, cause) : ifAnswer(random, cause) }
}

function whyAnswer(random: Random, cause: Cause): string {
  const because = `${capitalise(cause.happens)} because ${cause.because}.`
  return random.float() < 0.5 ? because : `${because} ${cause.detail}`
}

function ifAnswer(random: Random, cause: Cause): string {
  const word = random.pick(['If', 'When'])
  const sentence = `${word} ${cause.condition}, ${cause.result}.`
  return random.float() < 0.5 ? sentence : `${sentence} ${cause.detail}`
}

function explanation(random: Random, cause: Cause): string {
  const parts = [whyAnswer(random, cause), ifAnswer(random, cause)]
  if (random.float() < 0.5) parts.reverse()
  const text = parts.join(' ')
  return text.includes(cause.detail) ? `${text.replaceAll(` ${cause.detail}`, '')} ${cause.detail}` : text
}

function anyExchange(random: Random): Exchange {
  for (;;) {
    const cause = random.pick(causes)
    const form = random.pick(['why', 'if'] as const)
    if (!isHeldOutCause(cause, form)) return causeExchange(random, cause, form, 'training')
  }
}

export const causesKind: WorldKind = {
  name: 'causes',
  documentWeight: 6,
  conversationWeight: 7,

  document(random) {
    if (random.float() < 0.55) {
      const chosen = random.shuffle(causes.slice()).slice(0, random.integer(1, 5))
      return chosen.map((cause) => explanation(random, cause)).join('\n')
    }
    return questionAndAnswer(
      random,
      Array.from({ length: random.integer(2, 6) }, () => anyExchange(random)),
    )
  },

  exchanges(random, turns) {
    const cause = random.pick(causes)
    const forms: CauseForm[] = random.float() < 0.5 ? ['why', 'if'] : ['if', 'why']
    const open = forms.filter((form) => !isHeldOutCause(cause, form))
    const first = open[0]
    if (first === undefined) return [anyExchange(random)]
    const exchange = causeExchange(random, cause, first, 'training')
    const result: Exchange[] = [{ question: roughen(random, exchange.question), answer: exchange.answer }]
    while (result.length < turns) result.push(anyExchange(random))
    return result
  },
}
