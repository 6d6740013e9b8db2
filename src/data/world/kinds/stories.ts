import { Random } from '../../../base/random.ts'
import { fill, numberInWords, withArticle, type Slots } from '../grammar.ts'
import { heldOutNouns, trainingNouns } from '../tables/nouns.ts'
import { animals } from '../tables/animals.ts'
import type { Exchange, Split, WorldKind } from '../types.ts'
import { drawCharacter, drawNoun } from './arithmetic-draw.ts'
import { plots, type Plot, type PlotQuestion } from './story-plots.ts'
import * as more from '../wordings/stories.ts'
import { storyAsides, storyLeads, storyLinks } from '../wordings/story-frames.ts'
import { contentWords } from './wording.ts'

export interface Story {
  readonly plot: Plot
  readonly slots: Slots
  readonly text: string
}

const placeList =
  'in the park,in the forest,by the river,at the lake,in the meadow,on the beach,in the garden,near the old mill,on the hill,at the market,in the school yard,by the old bridge'.split(
    ',',
  )
const spotList =
  'under the bed,behind the door,on the shelf,in the grass,under a tree,in a box,behind the sofa,in the kitchen,under the table,in an old boot,behind a stone,in the basket'.split(
    ',',
  )
const foodList =
  'cheese,bread,honey,apples,cake,carrots,nuts,corn,soup,pears,berries,milk,biscuits,plums,pancakes'.split(',')
const colourList = 'red,blue,yellow,white,orange,purple,pink'.split(',')
const skillList =
  'to swim,to ride a bicycle,to play the flute,to play the drum,to fly a kite,to bake bread,to draw a horse,to climb a rope,to row a boat,to jump over the wall,to read,to whistle'.split(
    ',',
  )
const feelingList = 'happy,glad,proud,cheerful'.split(',')
const gardenList = 'in the garden,behind the house,near the gate,by the wall,in a pot,under the window'.split(',')
const fromList = 'the kitchen,the cellar,the garden,the shed,the hall,the roof'.split(',')
const storyAnimals = animals
  .filter((animal) => animal.values.kind === 'mammal' || animal.values.kind === 'bird')
  .filter((animal) => animal.values.size === 'small' || animal.values.size === 'tiny')
  .map((animal) => animal.name)

/** Things that can be owned, given, lost and fallen over: no animals, no food, nothing in the sky. */
const notForStories = new Set(
  'apple,pear,banana,orange,lemon,cherry,plum,peach,strawberry,grape,melon,coconut,carrot,potato,onion,tomato,cabbage,pumpkin,bean,mushroom,nut,cake,biscuit,pancake,pie,egg,sausage,sandwich,pizza,bread roll,car,bus,lorry,train,ship,hen,duck,goose,sheep,goat,cow,horse,pig,rabbit,mouse,fish,frog,bee,butterfly,ant,beetle,snail,bird,puppy,kitten,lamb,chick,tree,leaf,star,sweet,cookie,muffin,doughnut,bun,tart,olive,pepper,beetroot,turnip,leek,walnut,chestnut,acorn,dot,square,circle,triangle,hedgehog,squirrel,pigeon,owl,crow,swan,turtle,crab,starfish,worm,ladybird,spider,dragonfly,pony,donkey,calf,piglet,parrot,penguin,seal,cucumber,radish,pineapple,mango,kiwi,apricot,raspberry,blueberry,date,cracker,pretzel,pastry,waffle,dumpling,meatball,noodle,ice cream,lemonade,snowball,sandcastle,bubble,knight,pirate,dragon,van,taxi,tractor,truck,rocket,plane,helicopter,ferry,tram,basin,pipe,tyre,bench,chocolate bar,lollipop,elastic band,soap bar,log,herb,seed,croissant,bagel,cupcake,macaroon,burrito,taco,papaya,fig,nectarine,clementine,parsnip,artichoke,aubergine,courgette,orchid,marigold,geranium,hyacinth,sapling,kayak,catamaran,gondola,caravan,falcon,flamingo,pelican,otter,badger,lobster,jellyfish,moth,chipmunk,alpaca,ferret,ottoman,chandelier,trampoline'.split(
    ',',
  ),
)
const heldOutStoryNouns: readonly string[] = heldOutNouns.filter((noun) => !notForStories.has(noun))
export const storyNouns: readonly string[] = trainingNouns.filter((noun) => !notForStories.has(noun))
const breakable = new Set(
  'cup,plate,bowl,glass,jug,mug,mirror,lamp,clock,chair,teapot,tray,picture,flute,umbrella,watch,candle,bottle,jar,radio,camera,lantern,toy car,toy train,toy boat,necklace,comb,whistle,violin,crown,vase,goblet,saucer,harmonica,xylophone,figurine,puppet,chandelier,locket,brooch'.split(
    ',',
  ),
)

function storyNoun(random: Random, split: Split, plot: Plot): string {
  const all = split === 'heldOut' ? heldOutStoryNouns : storyNouns
  if (plot.name === 'broken thing') return random.pick(all.filter((noun) => breakable.has(noun)))
  // Unknown words here too, so that the answer is read off the story.
  return split === 'training' && random.float() < 0.25 ? drawNoun(random, split, true) : random.pick(all)
}

function two<T>(random: Random, items: readonly T[]): [T, T] {
  const first = random.pick(items)
  let second = random.pick(items)
  while (second === first) second = random.pick(items)
  return [first, second]
}

export interface StoryWish {
  readonly x?: string
  readonly animal?: string
}

export function drawStory(random: Random, split: Split, wish: StoryWish = {}, plot: Plot = random.pick(plots)): Story {
  const first = drawCharacter(random, split)
  let second = drawCharacter(random, split)
  while (second.name === first.name) second = drawCharacter(random, split)
  const x = wish.x ?? storyNoun(random, split, plot)
  let y = storyNoun(random, split, plot)
  while (y === x) y = storyNoun(random, split, plot)
  const [animal, animal2] = two(random, storyAnimals)
  const [food, food2] = two(random, foodList)
  const wished = wish.animal ?? animal
  const slots = {
    ...{ A: first.name, B: second.name, x, ax: withArticle(x), y, ay: withArticle(y) },
    ...(first.female ? { he: 'she', him: 'her', his: 'her' } : { he: 'he', him: 'him', his: 'his' }),
    ...(second.female ? { he2: 'she', him2: 'her', his2: 'her' } : { he2: 'he', him2: 'him', his2: 'his' }),
    ...{ animal: wished, aanimal: withArticle(wished), place: random.pick(placeList), spot: random.pick(spotList) },
    ...{ animal2: animal2 === wished ? animal : animal2, food, food2, colour: random.pick(colourList) },
    ...{ skill: random.pick(skillList), feeling: random.pick(feelingList), garden: random.pick(gardenList) },
    ...{ from: random.pick(fromList), number: numberInWords(random.integer(2, 10)) },
  }
  const complete = { ...slots, aanimal2: withArticle(slots.animal2), acolour: withArticle(slots.colour) }
  const text = plot.sentences.map((alternatives) => fill(random.pick(alternatives.split('|')), complete)).join(' ')
  return { plot, slots: complete, text }
}

/** Questions whose answer the text really holds (an alternative sentence may leave a detail out). */
export function answerable(story: Story): PlotQuestion[] {
  return story.plot.questions.filter((question) => {
    const needed = acceptWords(story, question)
    const text = story.text.toLowerCase()
    return (
      needed.every((word) => text.includes(word)) &&
      (!question.answer.includes('{A}') || text.includes((story.slots['A'] ?? '').toLowerCase()))
    )
  })
}

export function acceptWords(story: Story, question: PlotQuestion): string[] {
  return contentWords(fill(question.accept, story.slots))
}

/** The last wording of a question is that of evaluation. */
function trainingAsks(plot: Plot, question: PlotQuestion): readonly string[] {
  return [...question.ask.slice(0, -1), ...(more.plotQuestions[plot.name]?.[plot.questions.indexOf(question)] ?? [])]
}

export function askStory(random: Random, story: Story, question: PlotQuestion, split: Split): Exchange {
  const ask = split === 'training' ? random.pick(trainingAsks(story.plot, question)) : (question.ask.at(-1) ?? '')
  const asked = fill(ask, story.slots)
  const isAside = split === 'training' && random.float() < 0.2
  return {
    question: isAside ? `${random.pick(storyAsides)} ${asked}` : asked,
    answer: fill(question.answer, story.slots),
  }
}

/** Questions that no story answers. */
const openTraining = [
  'How old is {A}?',
  'What is the favourite food of {A}?',
  'How tall is {A}?',
  'What is the name of the mother of {A}?',
  'What did {A} eat for breakfast?',
  'How many brothers does {A} have?',
  'What colour is the hair of {A}?',
  'Where does {A} live?',
  ...more.openQuestions,
]
const openHeldOut = [
  'What colour are the shoes of {A}?',
  'At what time did {A} get up?',
  'How many sisters does {A} have?',
  'What is the job of the father of {A}?',
  'In which street does {A} live?',
]
const openAnswers = [
  'I do not know. The story does not say.',
  'I do not know, because the story does not tell us.',
  'The story does not say, so I do not know.',
  ...more.openStoryAnswers,
]

export function openExchange(random: Random, story: Story, split: Split): Exchange {
  const ask = random.pick(split === 'training' ? openTraining : openHeldOut)
  return { question: fill(ask, story.slots), answer: random.pick(openAnswers) }
}

/** Plots in which a character named {A} acts, for open questions. */
export const humanPlots: readonly Plot[] = plots.filter((plot) => plot.name !== 'two animals')

const readTraining = [
  'Read this story. {s} {q}',
  '{s} {q}',
  'Here is a story. {s} {q}',
  'Listen to this story: {s} {q}',
  '{s}\n{q}',
  'Read the story and answer the question.\n{s}\n{q}',
  ...more.readFrames,
]
const readHeldOut = [
  'This is a short story. {s} Now my question: {q}',
  'I will tell you a story. {s} Here is what I want to ask: {q}',
]

/** Half of them are put together from what stands before the story and what leads to the question. */
function trainingFrame(random: Random): string {
  if (random.float() < 0.5) return random.pick(readTraining)
  const [lead, link] = [random.pick(storyLeads), random.pick(storyLinks)]
  return random.pick([`${lead} {s} ${link} {q}`, `${lead}\n{s}\n${link} {q}`, `{s}\n${link} {q}`, `${lead} {s} {q}`])
}

export function readExchange(random: Random, story: Story, exchange: Exchange, split: Split): Exchange {
  const frame = split === 'training' ? trainingFrame(random) : random.pick(readHeldOut)
  return { question: fill(frame, { s: story.text, q: exchange.question }), answer: exchange.answer }
}

const tellWordings = [
  'Tell me a story about {v}.',
  'Can you tell me a story about {v}?',
  'Please tell me a short story about {v}.',
  'Write a story about {v}.',
  'I want to hear a story about {v}.',
  'Do you know a story about {v}?',
  'Write a short story with {v}.',
  ...more.tellFrames,
]
const tellAny = [
  'Tell me a story.',
  'Can you tell me a story?',
  'Please write a short story.',
  'I would like to hear a story.',
  'Do you know a story?',
  ...more.tellAnyFrames,
]

function tellExchange(random: Random): Exchange & { readonly story: Story } {
  const plot = random.pick(plots)
  const about = random.pick(plot.about)
  if (random.float() < 0.15) {
    const story = drawStory(random, 'training', {}, plot)
    return { question: random.pick(tellAny), answer: story.text, story }
  }
  const wish =
    about === 'animal'
      ? { animal: random.pick(storyAnimals) }
      : about === 'x'
        ? { x: storyNoun(random, 'training', plot) }
        : {}
  const story = drawStory(random, 'training', wish, plot)
  const subject = about === 'A' ? (story.slots['A'] ?? '') : withArticle(story.slots[about] ?? '')
  return { question: fill(random.pick(tellWordings), { v: subject }), answer: story.text, story }
}

function questionsFor(random: Random, story: Story, count: number): Exchange[] {
  const questions = random.shuffle(answerable(story)).slice(0, count)
  const result = questions.map((question) => askStory(random, story, question, 'training'))
  if (story.plot.name !== 'two animals' && random.float() < 0.15 && result.length > 0) {
    result[random.integer(0, result.length)] = openExchange(random, story, 'training')
  }
  return result
}

/** Stories of training, each with one question about it; some leave it open. */
export function drawStoryQuestions(seed: number, count: number): Exchange[] {
  const random = new Random(seed).fork('story questions')
  const drawn: Exchange[] = []
  while (drawn.length < count) {
    const story = drawStory(random, 'training')
    const [question] = questionsFor(random, story, 1)
    if (question !== undefined) drawn.push(readExchange(random, story, question, 'training'))
  }
  return drawn
}

export const storiesKind: WorldKind = {
  name: 'stories',
  documentWeight: 14,
  conversationWeight: 13,

  document(random) {
    const story = drawStory(random, 'training')
    if (random.float() < 0.3) return `${story.text}\n\n${drawStory(random, 'training').text}`
    const questions = questionsFor(random, story, random.integer(1, 5))
    return [story.text, ...questions.map(({ question, answer }) => `Question: ${question}\nAnswer: ${answer}`)].join(
      '\n',
    )
  },

  exchanges(random, turns) {
    if (random.float() < 0.35) {
      const told = tellExchange(random)
      const result: Exchange[] = [{ question: told.question, answer: told.answer }]
      if (turns > 1) result.push(...questionsFor(random, told.story, turns - 1))
      return result
    }
    const story = drawStory(random, 'training')
    const [first, ...rest] = questionsFor(random, story, turns)
    if (first === undefined) return [{ question: random.pick(tellAny), answer: story.text }]
    return [readExchange(random, story, first, 'training'), ...rest]
  },
}
