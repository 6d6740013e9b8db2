import { PocketPhiError } from '../../../base/errors.ts'

export interface Person {
  readonly name: string
  readonly gender: 'female' | 'male'
  readonly age: number
  /** With an article where the job has one: "a baker". */
  readonly job: string
  readonly town: string
  readonly pet: string
  readonly petName: string
  readonly food: string
  readonly colour: string
  readonly friend: string
  /** A gerund: "singing". */
  readonly hobby: string
}

const rows = `
Mara | female | 34 | a baker | Oakton | cat | Pip | pancakes | blue | Tobin | singing
Tobin | male | 36 | a farmer | Millbrook | dog | Rusty | soup | green | Mara | fishing
Clara | female | 41 | a teacher | Oakton | parrot | Coco | cherries | yellow | Odette | reading
Odette | female | 45 | a librarian | Oakton | cat | Ink | cheese | purple | Clara | writing poems
Priya | female | 38 | a doctor | Oakton | goldfish | Bubble | rice | red | Jonas | running
Jonas | male | 39 | a firefighter | Redhill | dog | Flash | sausages | red | Priya | climbing
Silas | male | 63 | a lighthouse keeper | Bayport | dog | Salty | fish | white | Rolf | watching stars
Rolf | male | 60 | a fisher | Bayport | cat | Captain | crabs | grey | Silas | telling stories
Amos | male | 55 | a miller | Millbrook | donkey | Biscuit | bread | brown | Wanda | playing cards
Wanda | female | 52 | a beekeeper | Pinewick | rabbit | Clover | honey | yellow | Amos | gardening
Felix | male | 29 | a postman | Redhill | dog | Dash | pizza | orange | Greta | cycling
Greta | female | 31 | a tailor | Redhill | cat | Velvet | cake | pink | Felix | dancing
Hugo | male | 47 | a carpenter | Stonebridge | dog | Oak | potatoes | brown | Bruno | whistling
Bruno | male | 48 | a blacksmith | Stonebridge | horse | Iron | meat pie | black | Hugo | lifting weights
Elsie | female | 26 | a nurse | Oakton | hamster | Nut | strawberries | pink | Nell | painting
Nell | female | 27 | a painter | Millbrook | duck | Daisy | salad | blue | Elsie | swimming
Oskar | male | 33 | a musician | Redhill | parrot | Mango | noodles | purple | Zora | playing the violin
Zora | female | 35 | a writer | Bayport | cat | Comma | tea cakes | green | Oskar | walking by the sea
Anton | male | 50 | a shepherd | Stonebridge | dog | Moss | cheese | green | Tilda | playing the flute
Tilda | female | 44 | a vet | Millbrook | tortoise | Speedy | tomatoes | orange | Anton | baking
Edgar | male | 58 | a clockmaker | Oakton | canary | Tick | plums | grey | Hattie | playing chess
Hattie | female | 61 | a shopkeeper | Oakton | cat | Penny | apple pie | red | Edgar | knitting
Kofi | male | 30 | a bus driver | Redhill | dog | Bongo | bananas | yellow | Selma | playing the drum
Selma | female | 32 | a cook | Bayport | goose | Honk | onion soup | white | Kofi | cooking
Dario | male | 37 | a captain | Bayport | parrot | Admiral | oranges | blue | Maeve | sailing
Maeve | female | 40 | a gardener | Redhill | hedgehog | Spike | peas | green | Dario | growing roses
Rufus | male | 24 | a builder | Stonebridge | dog | Brick | sandwiches | orange | Freya | playing football
Freya | female | 25 | a police officer | Redhill | horse | Storm | carrots | blue | Rufus | riding
Bettina | female | 49 | a potter | Pinewick | cat | Clay | mushrooms | brown | Percy | making bowls
Percy | male | 46 | a dentist | Oakton | rabbit | Snow | apples | white | Bettina | singing
Daphne | female | 28 | a pilot | Bayport | owl | Luna | melons | silver | Casper | flying kites
Casper | male | 28 | a hairdresser | Oakton | dog | Curly | biscuits | pink | Daphne | dancing
Vera | female | 66 | a shoemaker | Pinewick | goat | Nibble | pears | black | Gus | walking in the forest
Gus | male | 70 | a woodcutter | Pinewick | dog | Bark | pumpkin soup | red | Vera | carving wood
Milo | male | 9 | a pupil | Oakton | mouse | Zip | ice cream | red | Luma | flying kites
Luma | female | 8 | a pupil | Oakton | kitten | Fluff | chocolate | purple | Milo | drawing
Theo | male | 10 | a pupil | Millbrook | frog | Hop | corn | green | Ines | fishing
Ines | female | 10 | a pupil | Redhill | rabbit | Cotton | grapes | yellow | Theo | playing football
Linus | male | 7 | a pupil | Stonebridge | snail | Turbo | jam | blue | Yuki | building towers
Yuki | female | 7 | a pupil | Pinewick | lamb | Wool | peaches | white | Linus | singing
`

/** The cast. Friendship is mutual; every fact is fixed; no other text may say otherwise. */
export const people: readonly Person[] = rows
  .trim()
  .split('\n')
  .map((line) => {
    const cells = line.split('|').map((cell) => cell.trim())
    const [name, gender, age, job, town, pet, petName, food, colour, friend, hobby] = cells
    if (
      name === undefined ||
      (gender !== 'female' && gender !== 'male') ||
      age === undefined ||
      job === undefined ||
      town === undefined ||
      pet === undefined ||
      petName === undefined ||
      food === undefined ||
      colour === undefined ||
      friend === undefined ||
      hobby === undefined
    ) {
      throw new PocketPhiError('invalid-config', `A row of the table of people is torn: "${line}".`)
    }
    return { name, gender, age: Number(age), job, town, pet, petName, food, colour, friend, hobby }
  })
