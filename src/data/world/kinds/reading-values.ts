import type { Random } from '../../../base/random.ts'
import { capitalise } from '../grammar.ts'
import { worldHash } from '../held-out.ts'
import { inventedWord, trainingFemaleNames, trainingMaleNames } from '../tables/names.ts'
import type { ReadingValue } from '../tables/reading.ts'
import type { Split } from '../types.ts'
import { isReservedWord } from './arithmetic-draw.ts'

const syllables = (onsets: string, vowels: string): string[] =>
  onsets.split(' ').flatMap((onset) => vowels.split(' ').map((vowel) => onset + vowel))

/** One in ten of these syllables is in no made-up word of the training texts for reading, and in every one of the evaluation. */
const reservedSyllables = syllables('b br ch d dr f fl g gr h j k m p pr sh st t v w z', 'a e i o u ea oo').filter(
  (syllable) => worldHash(`syllable/${syllable}`) % 10 === 3,
)

/** Whether a made-up word has a syllable that is reserved for the evaluation of reading. */
export function hasReservedSyllable(word: string): boolean {
  const lower = word.toLowerCase()
  return reservedSyllables.some((syllable) => lower.includes(syllable))
}

/** A word that nobody can know, so that it has to be read off the text. */
export function madeUpWord(random: Random, split: Split): string {
  for (;;) {
    const word = inventedWord((items) => random.pick(items), random.integer(1, 3))
    if (hasReservedSyllable(word) === (split === 'heldOut') && !isReservedWord(word)) return word
  }
}

export function madeUpName(random: Random, split: Split): string {
  return capitalise(madeUpWord(random, split))
}

const knownNames = [...trainingFemaleNames, ...trainingMaleNames].filter((name) => !hasReservedSyllable(name))

const list = (text: string): readonly string[] => text.split(', ')
const colours = list('red, blue, green, yellow, white, black, brown, grey, pink, purple, orange, golden, silver')
const days = list('Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday')
const months = list('January, February, March, April, May, June, July, August, September, October, November, December')
const materials = list(
  'wood, stone, glass, iron, paper, wool, clay, leather, silver, straw, wax, ice, bone, copper, sand',
)
const jobs = list(
  'baker, teacher, painter, farmer, doctor, sailor, gardener, cook, postman, singer, miller, tailor, hunter, fisherman, clown, actor, engineer, shepherd',
)
const qualities = list(
  'old, small, round, warm, sweet, striped, broken, cheap, shiny, wet, soft, dry, tiny, heavy, sour',
)
const goods = list(
  'hats, nuts, lamps, spoons, ropes, berries, shoes, stones, kites, ribbons, cakes, bells, feathers, maps, seeds, boots, pots, masks, beans, shells, keys, brooms, clocks, gloves',
)
const near = list('under, behind, beside, near, in front of')
const marks = list(
  'the old mill, the stone bridge, the tall oak, the well, the town hall, the iron gate, the red barn, the lighthouse, the school, the frozen pond, the market, the round tower, the blue door, the station, the cave',
)

/** A value of a property; of free ones a good part is made up. */
export function drawReadingValue(random: Random, split: Split, value: ReadingValue): string {
  switch (value) {
    case 'number':
      // Numbers of sources are smaller, so that none passes for an answer.
      return String(random.integer(6, 100))
    case 'hour':
      return String(random.integer(6, 13))
    case 'person':
      return split === 'training' && random.float() < 0.35 ? random.pick(knownNames) : madeUpName(random, split)
    case 'name':
      return madeUpName(random, split)
    case 'word':
      return madeUpWord(random, split)
    case 'colour':
      return random.pick(colours)
    case 'day':
      return random.pick(days)
    case 'month':
      return random.pick(months)
    case 'material':
      return random.pick(materials)
    case 'job':
      return random.pick(jobs)
    case 'wares':
      return `${random.float() < 0.4 ? madeUpWord(random, split) : random.pick(qualities)} ${random.pick(goods)}`
    case 'spot':
      return `${random.pick(near)} ${random.float() < 0.3 ? `the house of ${madeUpName(random, split)}` : random.pick(marks)}`
  }
}
