import type { Random } from '../../../base/random.ts'
import { capitalise, listed, numberInWords, plural } from '../grammar.ts'
import { isHeldOutFact } from '../held-out.ts'
import { animals } from '../tables/animals.ts'
import { things } from '../tables/index.ts'
import { amounts, days, mixtures, months, seasonFacts, seasons } from '../tables/words.ts'
import type { Exchange, WorldKind } from '../types.ts'
import { questionAndAnswer, roughen } from './wording.ts'

/** Numbers in order, the calendar, colours and plurals: what everybody knows. */

function neighbour(random: Random, items: readonly string[], name: string): Exchange {
  const index = random.integer(0, items.length)
  const item = items[index] ?? ''
  const next = items[(index + 1) % items.length] ?? ''
  if (random.float() < 0.5) {
    if (isHeldOutFact(item, 'after')) return neighbour(random, items, name)
    return {
      question: random.pick([
        `What ${name} comes after ${item}?`,
        `Which ${name} comes after ${item}?`,
        `Which ${name} follows ${item}?`,
        `What comes after ${item}?`,
      ]),
      answer: `${capitalise(next)} comes after ${item}.`,
    }
  }
  if (isHeldOutFact(next, 'before')) return neighbour(random, items, name)
  return {
    question: random.pick([
      `What ${name} comes before ${next}?`,
      `Which ${name} comes before ${next}?`,
      `Which ${name} is before ${next}?`,
      `What comes before ${next}?`,
    ]),
    answer: `${capitalise(item)} comes before ${next}.`,
  }
}

function calendarList(random: Random): Exchange {
  const [name, items] = random.pick([
    ['days of the week', days],
    ['months of the year', months],
    ['seasons of the year', seasons],
  ] as const)
  return {
    question: random.pick([
      `What are the ${name}?`,
      `Name the ${name}.`,
      `Tell me the ${name}.`,
      `Can you say the ${name}?`,
    ]),
    answer: `The ${name} are ${listed(items)}.`,
  }
}

function seasonExchange(random: Random): Exchange {
  const season = random.pick(seasons)
  const facts = seasonFacts[season]
  if (facts === undefined) return calendarList(random)
  const form = random.integer(0, 3)
  if (form === 0) {
    return {
      question: random.pick([
        `What is the weather like in ${season}?`,
        `How is the weather in ${season}?`,
        `What is ${season} like?`,
      ]),
      answer: `In ${season} the weather is ${facts.weather}.`,
    }
  }
  if (form === 1) {
    return {
      question: random.pick([
        `What do people do in ${season}?`,
        `What can you do in ${season}?`,
        `What can people do in ${season}?`,
      ]),
      answer: `In ${season} people ${facts.activity}.`,
    }
  }
  return {
    question: random.pick([`Which months are in ${season}?`, `What are the months of ${season}?`]),
    answer: `The months of ${season} are ${facts.months}.`,
  }
}

function amountExchange(random: Random): Exchange {
  const [small, big, count] = random.pick(amounts)
  if (isHeldOutFact(`${small}/${big}`, 'amount')) return amountExchange(random)
  const has = big === 'a week' || big === 'a year' || big === 'a day' || big === 'an hour' || big === 'a minute'
  return {
    question: random.pick([
      `How many ${small} are there in ${big}?`,
      `How many ${small} does ${big} have?`,
      `How many ${small} has ${big}?`,
    ]),
    answer: has
      ? random.pick([`There are ${count} ${small} in ${big}.`, `${capitalise(big)} has ${count} ${small}.`])
      : `${capitalise(big)} has ${count} ${small}.`,
  }
}

function mixtureExchange(random: Random): Exchange {
  const [one, two, result] = random.pick(mixtures)
  const [first, second] = random.float() < 0.5 ? [one, two] : [two, one]
  if (isHeldOutFact(`${first}/${second}`, 'mix')) return mixtureExchange(random)
  return {
    question: random.pick([
      `What colour do you get when you mix ${first} and ${second}?`,
      `What do ${first} and ${second} make?`,
      `Which colour do ${first} and ${second} make?`,
      `I mix ${first} and ${second}. What colour do I get?`,
    ]),
    answer: random.pick([
      `${capitalise(first)} and ${second} make ${result}.`,
      `When you mix ${first} and ${second}, you get ${result}.`,
    ]),
  }
}

const countables = things.filter((thing) => thing.form === 'count')

function pluralExchange(random: Random): Exchange {
  const thing = random.float() < 0.4 ? random.pick(animals) : random.pick(countables)
  if (isHeldOutFact(thing.name, 'plural')) return pluralExchange(random)
  return {
    question: random.pick([
      `What is the plural of "${thing.name}"?`,
      `What is the plural of ${thing.name}?`,
      `One ${thing.name}, two what?`,
    ]),
    answer: random.pick([
      `The plural of "${thing.name}" is "${thing.plural}".`,
      `One ${thing.name}, two ${plural(thing.name)}.`,
    ]),
  }
}

function numberExchange(random: Random): Exchange {
  const value = random.integer(1, 100)
  const form = random.integer(0, 4)
  if (form === 0) {
    return {
      question: random.pick([
        `What number comes after ${value}?`,
        `Which number comes after ${value}?`,
        `What is the next number after ${value}?`,
      ]),
      answer: `The number after ${value} is ${value + 1}.`,
    }
  }
  if (form === 1) {
    return {
      question: random.pick([`What number comes before ${value}?`, `Which number comes before ${value}?`]),
      answer: `The number before ${value} is ${value - 1}.`,
    }
  }
  if (form === 2) {
    const even = value % 2 === 0
    const ending = value % 10
    return {
      question: random.pick([`Is ${value} even or odd?`, `Is ${value} an even or an odd number?`]),
      answer: `${value} ends in ${ending}, so it is ${even ? 'even' : 'odd'}.`,
    }
  }
  return {
    question: random.pick([
      `How do you write ${value} in words?`,
      `Write ${value} in words.`,
      `What is ${value} in words?`,
    ]),
    answer: `The number ${value} in words is ${numberInWords(value)}.`,
  }
}

function countingText(random: Random): string {
  const step = random.pick([1, 1, 1, 2, 5, 10])
  const start = step === 1 ? random.integer(0, 90) : step
  const length = random.integer(6, 13)
  const values = Array.from({ length }, (_, index) => start + index * step).filter((value) => value <= 100)
  const introduction = step === 1 ? `Let us count from ${start}.` : `Let us count in ${step}s.`
  return `${introduction} ${values.join(', ')}.`
}

function countExchange(random: Random): Exchange {
  const low = random.integer(1, 40)
  const high = low + random.integer(4, 12)
  const values = Array.from({ length: high - low + 1 }, (_, index) => low + index)
  return {
    question: random.pick([
      `Count from ${low} to ${high}.`,
      `Can you count from ${low} to ${high}?`,
      `Please count from ${low} to ${high}.`,
    ]),
    answer: `${values.join(', ')}.`,
  }
}

export function basicsExchange(random: Random): Exchange {
  const chance = random.float()
  if (chance < 0.14) return neighbour(random, days, 'day')
  if (chance < 0.26) return neighbour(random, months, 'month')
  if (chance < 0.31) return neighbour(random, seasons, 'season')
  if (chance < 0.37) return calendarList(random)
  if (chance < 0.46) return seasonExchange(random)
  if (chance < 0.54) return amountExchange(random)
  if (chance < 0.62) return mixtureExchange(random)
  if (chance < 0.76) return pluralExchange(random)
  if (chance < 0.94) return numberExchange(random)
  return countExchange(random)
}

export const basicsKind: WorldKind = {
  name: 'basics',
  documentWeight: 4,
  conversationWeight: 5,

  document(random) {
    if (random.float() < 0.2) return Array.from({ length: random.integer(1, 4) }, () => countingText(random)).join('\n')
    return questionAndAnswer(
      random,
      Array.from({ length: random.integer(3, 8) }, () => basicsExchange(random)),
    )
  },

  exchanges(random, turns) {
    return Array.from({ length: turns }, () => {
      const exchange = basicsExchange(random)
      return { question: roughen(random, exchange.question), answer: exchange.answer }
    })
  },
}
