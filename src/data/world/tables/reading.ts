/**
 * What the made-up texts for reading are about: topics, and the properties that their subjects have. Slots: {n} the subject ("the ship
 * Morlet"), {v} the value, {va} the value with its article, {it}, {him} and {its} pronouns of the subject.
 */

import { withArticle } from '../grammar.ts'

/** How a value is drawn; `reading-values.ts` has the lists. */
export type ReadingValue =
  | 'colour'
  | 'number'
  | 'hour'
  | 'person'
  | 'name'
  | 'word'
  | 'day'
  | 'month'
  | 'material'
  | 'wares'
  | 'spot'
  | 'job'

export interface ReadingProperty {
  readonly name: string
  readonly value: ReadingValue
  /** A line of a list: "Colour: {v}". */
  readonly line: string
  /** Complete sentences; the first one is the answer too. */
  readonly says: readonly [string, ...string[]]
  /** The same where the subject was named just before. */
  readonly goesOn: readonly string[]
  readonly asks: readonly string[]
  /** Questions of the evaluation. */
  readonly heldOut: readonly string[]
}

export interface ReadingTopic {
  readonly name: string
  /** The subject with its name {w}. */
  readonly subject: string
  /** Whether it is a person, of whom people say "he" or "she". */
  readonly isPerson: boolean
  readonly opens: readonly string[]
  readonly properties: readonly ReadingProperty[]
}

const role = (title: string): ReadingProperty => ({
  name: title,
  value: 'person',
  line: `Name of the ${title}: {v}`,
  says: [`The ${title} of {n} is {v}.`, `{v} is the ${title} of {n}.`, `{n} has ${withArticle(title)} called {v}.`],
  goesOn: [`{Its} ${title} is {v}.`, `{v} is {its} ${title}.`, `{It} has ${withArticle(title)} called {v}.`],
  asks: [
    `Who is the ${title} of {n}?`,
    `What is the name of the ${title} of {n}?`,
    `What is the ${title} of {n} called?`,
    `Tell me who the ${title} of {n} is.`,
    `Which person is the ${title} of {n}?`,
    `{N} has ${withArticle(title)}. What is the name?`,
  ],
  heldOut: [`Name the ${title} of {n}.`, `Who does the work of the ${title} of {n}?`],
})

const count = (parts: string): ReadingProperty => ({
  name: parts,
  value: 'number',
  line: `Number of ${parts}: {v}`,
  says: [`{N} has {v} ${parts}.`, `The number of ${parts} of {n} is {v}.`, `Somebody counted {v} ${parts} of {n}.`],
  goesOn: [`{It} has {v} ${parts}.`, `The number of {its} ${parts} is {v}.`, `There are {v} ${parts}.`],
  asks: [
    `How many ${parts} does {n} have?`,
    `What is the number of ${parts} of {n}?`,
    `How many ${parts} has {n} got?`,
    `Tell me how many ${parts} {n} has.`,
    `Do you know how many ${parts} {n} has?`,
    `{N} has some ${parts}. How many?`,
  ],
  heldOut: [`Give the number of ${parts} that {n} has.`, `If I count the ${parts} of {n}, how many do I find?`],
})

/** Who made the subject: "built", or "wrote" and "written". */
const maker = (did: string, done: string = did): ReadingProperty => ({
  name: done,
  value: 'person',
  line: `Who ${did} it: {v}`,
  says: [`{v} ${did} {n}.`, `{N} was ${done} by {v}.`, `It was {v} who ${did} {n}.`],
  goesOn: [`{v} ${did} {him}.`, `It was ${done} by {v}.`, `The person who ${did} {him} is called {v}.`],
  asks: [
    `Who ${did} {n}?`,
    `By whom was {n} ${done}?`,
    `Which person ${did} {n}?`,
    `Tell me who ${did} {n}.`,
    `Somebody ${did} {n}. Who?`,
    `What is the name of the person who ${did} {n}?`,
  ],
  heldOut: [`Name the person who ${did} {n}.`, `Who was it that ${did} {n}?`],
})

/** A measure in a unit: "weighs", "kilos". */
const measure = (noun: string, verb: string, unit: string, adjective: string): ReadingProperty => ({
  name: noun,
  value: 'number',
  line: `The ${noun}: {v} ${unit}`,
  says: [`{N} ${verb} {v} ${unit}.`, `The ${noun} of {n} is {v} ${unit}.`],
  goesOn: [`{It} ${verb} {v} ${unit}.`, `{Its} ${noun} is {v} ${unit}.`],
  asks: [
    `What is the ${noun} of {n}?`,
    `How ${adjective} is {n}?`,
    `Tell me the ${noun} of {n}.`,
    `Do you know how ${adjective} {n} is?`,
  ],
  heldOut: [`Give the ${noun} of {n} in ${unit}.`, `Find out the ${noun} of {n}.`],
})

/** A day, month or hour at which something happens: "meets on {v}". */
const time = (value: 'day' | 'month' | 'hour', verb: string, base: string): ReadingProperty => {
  const [before, after] = { day: ['on ', ''], month: ['in ', ''], hour: ['at ', " o'clock"] }[value] as [string, string]
  const when = `${before}{v}${after}`
  const unit = value === 'hour' ? 'At what time' : `${value === 'day' ? 'On' : 'In'} which ${value}`
  return {
    name: `${verb} ${value}`,
    value,
    line: `When it ${verb}: {v}${after}`,
    says: [`{N} ${verb} ${when}.`, `It is ${when} that {n} ${verb}.`],
    goesOn: [`{It} ${verb} ${when}.`, `It is ${when} that {it} ${verb}.`],
    asks: [
      `When does {n} ${base}?`,
      `${unit} does {n} ${base}?`,
      `Tell me when {n} ${verb}.`,
      `Do you know when {n} ${verb}?`,
    ],
    heldOut: [`When is it that {n} ${verb}?`, `I have to know the ${value} when {n} ${verb}.`],
  }
}

/** Things that the subject eats, sells, carries or makes: "sells", "sell". */
const wares = (verb: string, base: string): ReadingProperty => ({
  name: verb,
  value: 'wares',
  line: `What it ${verb}: {v}`,
  says: [`{N} ${verb} {v}.`, `Everybody knows that {n} ${verb} {v}.`],
  goesOn: [`{It} ${verb} {v}.`, `People say that {it} ${verb} {v}.`],
  asks: [
    `What does {n} ${base}?`,
    `What is it that {n} ${verb}?`,
    `Tell me what {n} ${verb}.`,
    `Do you know what {n} ${verb}?`,
    `Which things does {n} ${base}?`,
  ],
  heldOut: [`Say what {n} ${verb}.`, `{N} ${verb} something. What could that be?`],
})

const colour: ReadingProperty = {
  name: 'colour',
  value: 'colour',
  line: 'Colour: {v}',
  says: ['{N} is {v}.', 'The colour of {n} is {v}.', 'Everything about {n} is {v}.'],
  goesOn: ['{It} is {v}.', '{Its} colour is {v}.'],
  asks: [
    'What colour is {n}?',
    'Which colour does {n} have?',
    'What is the colour of {n}?',
    'Tell me the colour of {n}.',
    'Do you know what colour {n} is?',
    '{N}: what colour?',
  ],
  heldOut: ['Name the colour that {n} has.', 'If I draw {n}, which colour do I need?'],
}

const material: ReadingProperty = {
  name: 'material',
  value: 'material',
  line: 'Made of: {v}',
  says: ['{N} is made of {v}.', 'They made {n} out of {v}.'],
  goesOn: ['{It} is made of {v}.', 'It was made out of {v}.'],
  asks: [
    'What is {n} made of?',
    'Which material is {n} made of?',
    'Tell me what {n} is made of.',
    'Out of what did they make {n}?',
  ],
  heldOut: ['Name the material of {n}.', 'From which material was {n} made?'],
}

const spot = (verb: string, base: string): ReadingProperty => ({
  name: `${verb} where`,
  value: 'spot',
  line: `Where it ${verb}: {v}`,
  says: [`{N} ${verb} {v}.`, `You find out that {n} ${verb} {v}.`],
  goesOn: [`{It} ${verb} {v}.`, `If you look for {him}, {it} ${verb} {v}.`],
  asks: [
    `Where does {n} ${base}?`,
    `At which spot does {n} ${base}?`,
    `Tell me where {n} ${verb}.`,
    `Do you know where {n} ${verb}?`,
  ],
  heldOut: [`Name the place where {n} ${verb}.`, `Where is it that {n} ${verb}?`],
})

/** A name that goes with the subject: "the river near {n}". */
const named = (thing: string, relation: string): ReadingProperty => ({
  name: thing,
  value: 'name',
  line: `Name of the ${thing}: {v}`,
  says: [`The ${thing} ${relation} {n} is called {v}.`, `{v} is the name of the ${thing} ${relation} {n}.`],
  goesOn: [`The ${thing} ${relation} {him} is called {v}.`, `There is a ${thing} called {v}.`],
  asks: [
    `What is the ${thing} ${relation} {n} called?`,
    `What is the name of the ${thing} ${relation} {n}?`,
    `Tell me the name of the ${thing} ${relation} {n}.`,
    `What do people call the ${thing} ${relation} {n}?`,
  ],
  heldOut: [`Name the ${thing} ${relation} {n}.`, `Which name does the ${thing} ${relation} {n} have?`],
})

/** A word that goes with the subject, such as what an animal says. */
const word = (noun: string): ReadingProperty => ({
  name: noun,
  value: 'word',
  line: `The ${noun}: {v}`,
  says: [`The ${noun} of {n} is "{v}".`, `"{v}" is the ${noun} of {n}.`],
  goesOn: [`{Its} ${noun} is "{v}".`, `"{v}" is {its} ${noun}.`],
  asks: [
    `What is the ${noun} of {n}?`,
    `Tell me the ${noun} of {n}.`,
    `Do you know the ${noun} of {n}?`,
    `Which ${noun} does {n} have?`,
  ],
  heldOut: [`Write down the ${noun} of {n}.`, `{N} has a ${noun}. Which one is it?`],
})

const job: ReadingProperty = {
  name: 'job',
  value: 'job',
  line: 'Job: {v}',
  says: ['{N} is {va}.', '{N} works as {va}.', 'The job of {n} is that of {va}.'],
  goesOn: ['{It} is {va}.', '{It} works as {va}.'],
  asks: ['What is the job of {n}?', 'What does {n} do for work?', 'As what does {n} work?', 'Tell me the job of {n}.'],
  heldOut: ['Name the job of {n}.', 'With which work does {n} earn money?'],
}

const age: ReadingProperty = {
  name: 'age',
  value: 'number',
  line: 'Age: {v}',
  says: ['{N} is {v} years old.', 'The age of {n} is {v}.', '{N} has had {v} birthdays.'],
  goesOn: ['{It} is {v} years old.', '{Its} age is {v}.'],
  asks: ['How old is {n}?', 'What is the age of {n}?', 'Tell me how old {n} is.', 'Do you know the age of {n}?'],
  heldOut: ['Give the age of {n} in years.', 'For how many years has {n} lived?'],
}

const topic = (
  name: string,
  subject: string,
  opens: readonly string[],
  properties: readonly ReadingProperty[],
): ReadingTopic => ({ name, subject, isPerson: name === 'person', opens, properties })

export const readingTopics: readonly ReadingTopic[] = [
  topic(
    'town',
    '{w}',
    ['{N} is a small town.', '{N} is a village in the hills.', 'Few people know {n}.'],
    [
      ...['mayor', 'baker', 'doctor', 'teacher', 'postman'].map(role),
      ...['bridges', 'wells', 'streets', 'towers', 'shops'].map(count),
      ...[named('river', 'near'), named('hill', 'behind'), maker('founded'), wares('sells', 'sell')],
    ],
  ),
  topic(
    'animal',
    'the {w}',
    ['{N} is an animal of the far north.', 'Not many people have seen {n}.', '{N} is a shy animal.'],
    [
      ...['teeth', 'toes', 'spots', 'eyes'].map(count),
      ...[colour, wares('eats', 'eat'), spot('sleeps', 'sleep'), word('call')],
      ...[measure('weight', 'weighs', 'kilos', 'heavy'), maker('discovered'), time('month', 'wakes up', 'wake up')],
    ],
  ),
  topic(
    'plant',
    'the {w} flower',
    ['{N} is a rare plant.', '{N} grows in few gardens.', 'Gardeners like {n}.'],
    [
      ...['leaves', 'petals', 'seeds'].map(count),
      ...[colour, spot('grows', 'grow'), time('month', 'opens', 'open'), maker('found')],
      measure('height', 'reaches', 'inches', 'tall'),
    ],
  ),
  topic(
    'person',
    '{w}',
    ['{N} is a quiet person.', 'This is about {n}.', 'Everybody in the street likes {n}.'],
    [
      ...['sisters', 'hats', 'cousins', 'books'].map(count),
      ...[job, named('dog', 'of'), named('home town', 'of'), wares('collects', 'collect')],
      ...[role('best friend'), role('neighbour'), time('day', 'goes swimming', 'go swimming')],
      age,
    ],
  ),
  topic(
    'ship',
    'the ship {w}',
    ['{N} is in the harbour.', '{N} has come from far away.', 'Children wave when {n} comes.'],
    [
      ...['captain', 'cook', 'owner'].map(role),
      ...['sails', 'cabins', 'lamps'].map(count),
      ...[colour, wares('carries', 'carry'), time('day', 'leaves', 'leave'), time('hour', 'arrives', 'arrive')],
      ...[maker('built'), named('home harbour', 'of'), measure('length', 'measures', 'steps', 'long')],
    ],
  ),
  topic(
    'shop',
    'the shop {w}',
    ['{N} is a small shop.', '{N} is round the corner.', 'There is a new shop: {n}.'],
    [
      ...['owner', 'cleaner'].map(role),
      ...['shelves', 'windows', 'doors'].map(count),
      ...[wares('sells', 'sell'), time('hour', 'opens', 'open'), time('day', 'closes', 'close'), colour],
      ...[named('street', 'of'), named('cat', 'of')],
    ],
  ),
  topic(
    'machine',
    'the machine {w}',
    ['{N} stands in a hall.', '{N} is very loud.', 'Nobody knew what {n} was for.'],
    [
      ...['wheels', 'levers', 'pipes'].map(count),
      ...[maker('built'), maker('repaired'), material, colour, wares('makes', 'make')],
      ...[word('secret word'), measure('weight', 'weighs', 'kilos', 'heavy'), time('hour', 'starts', 'start')],
    ],
  ),
  topic(
    'festival',
    'the festival {w}',
    ['{N} is a happy day.', 'Many people come to {n}.', 'The whole valley waits for {n}.'],
    [
      ...['lamps', 'tents', 'guests'].map(count),
      ...[time('month', 'takes place', 'take place'), time('hour', 'begins', 'begin'), maker('started')],
      ...[spot('is held', 'happen'), word('song'), role('guest of honour'), colour],
    ],
  ),
  topic(
    'game',
    'the game {w}',
    ['{N} is an old game.', 'Children play {n} in winter.', '{N} is easy to learn.'],
    [
      ...['stones', 'cards', 'rounds'].map(count),
      ...[maker('invented'), maker('won'), material, word('first word'), time('day', 'is played', 'happen'), colour],
    ],
  ),
  topic(
    'island',
    'the island {w}',
    ['{N} lies in the sea.', 'No bridge leads to {n}.', '{N} is small and green.'],
    [
      ...['caves', 'houses', 'trees', 'beaches'].map(count),
      ...[maker('discovered'), named('lake', 'on'), named('mountain', 'on'), role('guard'), role('oldest inhabitant')],
      ...[wares('sells', 'sell'), measure('width', 'measures', 'miles', 'wide')],
    ],
  ),
  topic(
    'book',
    'the book {w}',
    ['{N} is in the library.', 'Many children have read {n}.', '{N} is a thin book.'],
    [
      ...['pages', 'pictures', 'chapters'].map(count),
      ...[maker('wrote', 'written'), role('hero'), colour, word('last word'), named('castle', 'in')],
      measure('price', 'costs', 'coins', 'dear'),
    ],
  ),
  topic(
    'club',
    'the club {w}',
    ['{N} is open to all.', 'There is a club called {w}.', '{N} is new.'],
    [
      ...['leader', 'secretary', 'youngest member'].map(role),
      ...['members', 'chairs', 'flags'].map(count),
      ...[time('day', 'meets', 'meet'), time('hour', 'closes', 'close'), spot('meets', 'meet'), word('password')],
      ...[colour, maker('founded')],
    ],
  ),
]
