import type { Random } from '../../../base/random.ts'
import { capitalise, fill, listed, withArticle, type Slots } from '../grammar.ts'
import { isHeldOutFact } from '../held-out.ts'
import { people, type Person } from '../tables/people.ts'
import type { Exchange, WorldKind } from '../types.ts'
import { askAbout, pronounStatement, statement } from './thing-facts.ts'
import { peopleDirect, peopleFollowUps } from '../wordings/people.ts'
import { paragraph, questionAndAnswer, roughen, type Wording, withMore } from './wording.ts'

export type PersonProperty = 'age' | 'job' | 'town' | 'pet' | 'petName' | 'food' | 'colour' | 'friend' | 'hobby'

/** Slots: {P} the name, {he} {him} {his} the pronouns, {v} the value, {va} the value with an article, {pet} the pet. */
const wordings: Readonly<Record<PersonProperty, Wording>> = {
  age: {
    direct: ['How old is {P}?', 'What is the age of {P}?', "What is {P}'s age?", 'How many years old is {P}?'],
    heldOut: ['Give me the age of {P}.', 'How many years has {P} lived?'],
    indirect: 'how old {P} is',
    followUps: ['How old is {he}?', 'And how old is {he}?', 'What is {his} age?', 'And {his} age?'],
    answers: ['{P} is {v} years old.'],
    pronoun: ['{He} is {v} years old.'],
  },
  job: {
    direct: [
      'What is the job of {P}?',
      "What is {P}'s job?",
      'What does {P} do for a living?',
      'What does {P} do?',
      'What kind of work does {P} do?',
    ],
    heldOut: ['How does {P} spend the working day?', 'What is {P} by profession?'],
    indirect: 'what the job of {P} is',
    followUps: [
      'What is {his} job?',
      'And what is {his} job?',
      'What does {he} do for a living?',
      'And what does {he} do?',
    ],
    answers: ['{P} is {v}.'],
    pronoun: ['{He} is {v}.'],
  },
  town: {
    direct: [
      'Where does {P} live?',
      'In which town does {P} live?',
      'Where is the home of {P}?',
      "Where is {P}'s home?",
      'Which place does {P} live in?',
    ],
    heldOut: ['Where can I visit {P}?', 'Which place does {P} call home?'],
    indirect: 'where {P} lives',
    followUps: ['Where does {he} live?', 'And where does {he} live?', 'Where is {his} home?', 'And {his} home?'],
    answers: ['{P} lives in {v}.', 'The home of {P} is in {v}.'],
    pronoun: ['{He} lives in {v}.', '{His} home is in {v}.'],
  },
  pet: {
    direct: [
      'What pet does {P} have?',
      'Which animal does {P} have?',
      'What kind of pet does {P} have?',
      "What is {P}'s pet?",
      'What is the pet of {P}?',
    ],
    heldOut: ['Which animal lives with {P}?', 'What sort of animal does {P} keep as a pet?'],
    indirect: 'what pet {P} has',
    followUps: ['What pet does {he} have?', 'And what pet does {he} have?', 'Does {he} have a pet?', 'And {his} pet?'],
    answers: ['{P} has {va} called {petName}.', 'The pet of {P} is {va} called {petName}.'],
    pronoun: ['{He} has {va} called {petName}.'],
  },
  petName: {
    direct: [
      'What is the {pet} of {P} called?',
      "What is {P}'s {pet} called?",
      'What is the name of the {pet} of {P}?',
      "What is the name of {P}'s {pet}?",
      "What is the name of {P}'s pet?",
    ],
    heldOut: ['What does {P} call the {pet}?', 'Which name did {P} give to the {pet}?'],
    indirect: "what {P}'s {pet} is called",
    followUps: ['What is {his} {pet} called?', 'And what is the name of {his} {pet}?', "What is {his} pet's name?"],
    answers: ['The {pet} of {P} is called {v}.', "{P}'s {pet} is called {v}."],
    pronoun: ['{His} {pet} is called {v}.'],
  },
  food: {
    direct: [
      "What is {P}'s favourite food?",
      'What is the favourite food of {P}?',
      'What does {P} like to eat?',
      'Which food does {P} like best?',
      'What food does {P} like most?',
    ],
    heldOut: ['What should I cook for {P}?', 'What makes {P} happy at the dinner table?'],
    indirect: 'what {P} likes to eat',
    followUps: [
      'What is {his} favourite food?',
      'And what is {his} favourite food?',
      'What does {he} like to eat?',
      'And {his} favourite food?',
    ],
    answers: ['The favourite food of {P} is {v}.', '{P} likes to eat {v}.', "{P}'s favourite food is {v}."],
    pronoun: ['{His} favourite food is {v}.', '{He} likes to eat {v}.'],
  },
  colour: {
    direct: [
      "What is {P}'s favourite colour?",
      'What is the favourite colour of {P}?',
      'Which colour does {P} like best?',
      'What colour does {P} like most?',
    ],
    heldOut: ['In which colour should I paint a present for {P}?', 'Of all colours, which one does {P} love?'],
    indirect: 'which colour {P} likes best',
    followUps: [
      'What is {his} favourite colour?',
      'And what is {his} favourite colour?',
      'Which colour does {he} like best?',
    ],
    answers: [
      'The favourite colour of {P} is {v}.',
      "{P}'s favourite colour is {v}.",
      '{P} likes the colour {v} best.',
    ],
    pronoun: ['{His} favourite colour is {v}.', '{He} likes the colour {v} best.'],
  },
  friend: {
    direct: [
      "Who is {P}'s best friend?",
      'Who is the best friend of {P}?',
      'Who is a friend of {P}?',
      "What is the name of {P}'s best friend?",
      'Who is the friend of {P}?',
    ],
    heldOut: ['With whom is {P} best friends?', 'Which person does {P} like best?'],
    indirect: 'who the best friend of {P} is',
    followUps: ['Who is {his} best friend?', 'And who is {his} best friend?', 'Who is {his} friend?'],
    answers: ['The best friend of {P} is {v}.', "{P}'s best friend is {v}.", '{P} and {v} are best friends.'],
    pronoun: ['{His} best friend is {v}.'],
  },
  hobby: {
    direct: [
      'What does {P} like to do?',
      "What is {P}'s hobby?",
      'What is the hobby of {P}?',
      'What does {P} do in {his} free time?',
      'What does {P} do for fun?',
    ],
    heldOut: ['How does {P} spend a free evening?', 'Which activity does {P} enjoy after work or school?'],
    indirect: 'what the hobby of {P} is',
    followUps: [
      'What is {his} hobby?',
      'And what is {his} hobby?',
      'What does {he} like to do?',
      'What does {he} do for fun?',
    ],
    answers: ['{P} likes {v}.', 'The hobby of {P} is {v}.', "{P}'s hobby is {v}."],
    pronoun: ['{He} likes {v}.', '{His} hobby is {v}.'],
  },
}

/** With the wordings that were added for training. */
export const personWordings = withMore(wordings, peopleDirect, peopleFollowUps)

export interface PersonFact {
  readonly person: Person
  readonly property: PersonProperty
  readonly value: string
  readonly wording: Wording
  readonly slots: Slots
  readonly heldOut: boolean
}

const properties = Object.keys(personWordings) as PersonProperty[]

export const personFacts: readonly PersonFact[] = people.flatMap((person) =>
  properties.map((property) => {
    const value = String(person[property])
    const pronouns =
      person.gender === 'female' ? { he: 'she', him: 'her', his: 'her' } : { he: 'he', him: 'him', his: 'his' }
    const slots = {
      P: person.name,
      v: value,
      va: withArticle(value),
      pet: person.pet,
      petName: person.petName,
      ...pronouns,
    }
    const wording = personWordings[property]
    return { person, property, value, wording, slots, heldOut: isHeldOutFact(person.name, property) }
  }),
)

export function factsAboutPerson(person: Person): PersonFact[] {
  return personFacts.filter((fact) => fact.person === person)
}

export function introduce(person: Person): string {
  return `${person.name} is ${person.job}${person.job === 'a pupil' ? ' from' : ' in'} ${person.town}.`
}

export function personPortrait(random: Random, person: Person, sentences: number): string {
  const facts = factsAboutPerson(person).filter((fact) => fact.property !== 'job' && fact.property !== 'town')
  // The pet comes with its name in one sentence.
  const rest = random.shuffle(facts.filter((fact) => fact.property !== 'petName')).slice(0, sentences - 1)
  return paragraph(random, [introduce(person), ...rest.map((fact) => pronounStatement(random, fact))])
}

const aboutQuestions = [
  'Who is {P}?',
  'Tell me about {P}.',
  'What do you know about {P}?',
  'Do you know {P}?',
  'Can you tell me something about {P}?',
  'Describe {P}.',
]

function aboutExchange(random: Random, person: Person): Exchange {
  const question = fill(random.pick(aboutQuestions), { P: person.name })
  return { question, answer: personPortrait(random, person, random.integer(2, 5)) }
}

function reverseExchange(random: Random): Exchange {
  for (;;) {
    const person = random.pick(people)
    const { name, job, town, pet, petName } = person
    const chance = random.float()
    if (chance < 0.5) {
      if (job === 'a pupil' || isHeldOutFact(name, 'reverse job')) continue
      const title = job.replace(/^an? /, '')
      const question = random.pick([
        `Who is the ${title} in ${town}?`,
        `Who is ${job} in ${town}?`,
        `Who is the ${title}?`,
        `Who is the ${title} of Fernland?`,
        `Who works as ${job} in Fernland?`,
        `What is the name of the ${title} in ${town}?`,
        `Do you know ${job} in Fernland?`,
      ])
      return { question, answer: random.pick([introduce(person), `The ${title} in ${town} is ${name}.`]) }
    }
    if (isHeldOutFact(name, 'reverse pet')) continue
    const question = random.pick([
      `Who has ${withArticle(pet)} called ${petName}?`,
      `Whose pet is ${petName}?`,
      `Who is ${petName}?`,
      `Whose ${pet} is ${petName}?`,
    ])
    return { question, answer: `${petName} is the ${pet} of ${name}.` }
  }
}

function yesNoExchange(random: Random): Exchange {
  for (;;) {
    const fact = random.pick(personFacts)
    if (fact.heldOut || !['town', 'job', 'pet', 'colour', 'friend'].includes(fact.property)) continue
    const { person, property, value } = fact
    const { he } = fact.slots
    const other = random.float() < 0.5 ? value : String(random.pick(people)[property])
    const same = other === value
    if (!same && other === person.name) continue
    if (property === 'town') {
      const answer = same
        ? `Yes, ${person.name} lives in ${value}.`
        : `No, ${person.name} does not live in ${other}. ${capitalise(he ?? '')} lives in ${value}.`
      return { question: `Does ${person.name} live in ${other}?`, answer }
    }
    if (property === 'pet') {
      const answer = same
        ? `Yes, ${person.name} has ${withArticle(value)}.`
        : `No, ${person.name} does not have ${withArticle(other)}. ${capitalise(he ?? '')} has ${withArticle(value)}.`
      return { question: `Does ${person.name} have ${withArticle(other)}?`, answer }
    }
    if (property === 'job') {
      const answer = same
        ? `Yes, ${person.name} is ${value}.`
        : `No, ${person.name} is not ${other}. ${capitalise(he ?? '')} is ${value}.`
      return { question: `Is ${person.name} ${other}?`, answer }
    }
    const name = property === 'friend' ? 'best friend' : 'favourite colour'
    const answer = same
      ? `Yes, the ${name} of ${person.name} is ${value}.`
      : `No, the ${name} of ${person.name} is ${value}.`
    return { question: `Is ${other} the ${name} of ${person.name}?`, answer }
  }
}

/** Two facts in a row, said one after the other. */
function twoStepExchange(random: Random): Exchange {
  for (;;) {
    const person = random.pick(people)
    const friend = people.find((other) => other.name === person.friend)
    if (friend === undefined || isHeldOutFact(person.name, 'two steps')) continue
    const fact = random.pick(
      factsAboutPerson(friend).filter((other) => ['town', 'job', 'age', 'colour'].includes(other.property)),
    )
    const question = fill(random.pick(fact.wording.direct), { ...fact.slots, P: `the best friend of ${person.name}` })
    if (question.includes("'s ")) continue
    return { question, answer: `The best friend of ${person.name} is ${friend.name}. ${statement(random, fact)}` }
  }
}

/** Who lives where, who likes what, who is older: questions over several people. */
function groupExchange(random: Random): Exchange {
  for (;;) {
    const form = random.integer(0, 4)
    const person = random.pick(people)
    if (form === 0) {
      const names = people.filter((other) => other.town === person.town).map((other) => other.name)
      const question = random.pick([
        `Who lives in ${person.town}?`,
        `Name three people who live in ${person.town}.`,
        `Which people live in ${person.town}?`,
      ])
      return { question, answer: `${listed(names.slice(0, 3))} live in ${person.town}.` }
    }
    if (form === 1) {
      if (isHeldOutFact(person.name, 'reverse pet')) continue
      const question = random.pick([
        `Who has ${withArticle(person.pet)}?`,
        `Name a person who has ${withArticle(person.pet)}.`,
      ])
      return { question, answer: `${person.name} has ${withArticle(person.pet)} called ${person.petName}.` }
    }
    if (form === 2) {
      if (isHeldOutFact(person.name, 'reverse hobby')) continue
      const question = random.pick([`Who likes ${person.hobby}?`, `Name a person who likes ${person.hobby}.`])
      return { question, answer: `${person.name} likes ${person.hobby}.` }
    }
    const other = random.pick(people)
    if (other.age === person.age || isHeldOutFact([person.name, other.name].toSorted().join('/'), 'older')) continue
    const word = random.pick(['older', 'younger'])
    const wins = person.age > other.age === (word === 'older')
    const question = random.pick([
      `Who is ${word}, ${person.name} or ${other.name}?`,
      `Is ${person.name} or ${other.name} ${word}?`,
    ])
    const ages = `${person.name} is ${person.age} years old and ${other.name} is ${other.age} years old.`
    return { question, answer: `${ages} So ${wins ? person.name : other.name} is ${word}.` }
  }
}

export function anyPersonExchange(random: Random): Exchange {
  const chance = random.float()
  if (chance < 0.62) {
    for (;;) {
      const fact = random.pick(personFacts)
      if (!fact.heldOut) return { question: askAbout(random, fact, 'training'), answer: statement(random, fact) }
    }
  }
  if (chance < 0.71) return aboutExchange(random, random.pick(people))
  if (chance < 0.79) return groupExchange(random)
  if (chance < 0.88) return reverseExchange(random)
  if (chance < 0.94) return yesNoExchange(random)
  return twoStepExchange(random)
}

function townText(random: Random): string {
  const town = random.pick(people).town
  const inhabitants = random.shuffle(people.filter((person) => person.town === town)).slice(0, 6)
  const sentences = inhabitants.map((person) => {
    const facts = factsAboutPerson(person).filter((fact) => fact.property !== 'town')
    return statement(random, random.pick(facts))
  })
  return `These people live in ${town}. ${sentences.join(' ')}`
}

function propertyText(random: Random): string {
  const property = random.pick(properties)
  const facts = random.shuffle(personFacts.filter((fact) => fact.property === property)).slice(0, random.integer(4, 9))
  return facts.map((fact) => statement(random, fact)).join(' ')
}

export const peopleKind: WorldKind = {
  name: 'people',
  documentWeight: 9,
  conversationWeight: 10,

  document(random) {
    const chance = random.float()
    if (chance < 0.4) {
      const chosen = random.shuffle(people.slice()).slice(0, random.integer(1, 4))
      return chosen.map((person) => personPortrait(random, person, random.integer(4, 9))).join('\n')
    }
    if (chance < 0.5) return townText(random)
    if (chance < 0.65) return propertyText(random)
    return questionAndAnswer(
      random,
      Array.from({ length: random.integer(3, 8) }, () => anyPersonExchange(random)),
    )
  },

  exchanges(random, turns) {
    if (turns === 1) {
      const exchange = anyPersonExchange(random)
      return [{ question: roughen(random, exchange.question), answer: exchange.answer }]
    }
    const person = random.pick(people)
    const facts = random.shuffle(factsAboutPerson(person).filter((fact) => !fact.heldOut))
    const first = random.float() < 0.4 ? undefined : facts.pop()
    const result: Exchange[] = [
      first === undefined
        ? aboutExchange(random, person)
        : { question: askAbout(random, first, 'training'), answer: statement(random, first) },
    ]
    for (const fact of facts.slice(0, turns - 1)) {
      if (fact.property === 'petName' && !result.some((exchange) => exchange.answer.includes(person.pet))) continue
      const question = fill(random.pick(fact.wording.followUps), fact.slots)
      const answer =
        question.startsWith('Does ') && fact.property === 'pet'
          ? `Yes, ${fact.slots['he'] ?? ''} has ${withArticle(person.pet)} called ${person.petName}.`
          : random.float() < 0.6
            ? statement(random, fact)
            : pronounStatement(random, fact)
      result.push({ question, answer })
    }
    return result
  },
}
