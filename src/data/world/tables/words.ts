/** Words and their meanings, opposites, and small ordered sets that everybody in Fernland knows. */

export interface WordMeaning {
  readonly word: string
  /** adjective: "brave"; verb: "borrow"; noun: "a promise" (with its article). */
  readonly form: 'adjective' | 'verb' | 'noun'
  /** Completes "Somebody who is brave ..." as a plain gloss: "ready to do hard things without running away". */
  readonly meaning: string
  /** A sentence that uses the word. */
  readonly example: string
  readonly accept: readonly string[]
}

const rows = `
brave | adjective | ready to do a hard thing although you are afraid | The brave girl climbed down to save the kitten. | hard,afraid
honest | adjective | always telling the truth | The honest boy gave the purse back. | truth
kind | adjective | nice and helpful to others | The kind nurse smiled at the child. | nice,helpful
clever | adjective | able to learn and think well | The clever crow opened the box. | learn,think
lazy | adjective | not wanting to work | The lazy cat slept all day. | work
polite | adjective | using kind words and good manners | The polite boy said thank you. | manners,kind
patient | adjective | able to wait without getting angry | The patient fisher waited all morning. | wait
curious | adjective | wanting to know more | The curious child asked many questions. | know
careful | adjective | trying not to make mistakes or break things | Be careful with the glass. | mistakes,break
shy | adjective | a little afraid of meeting people | The shy girl hid behind her mother. | afraid
proud | adjective | happy about something good that you did | He was proud of his new boat. | happy
greedy | adjective | wanting more than you need | The greedy fox took all the cheese. | more
generous | adjective | happy to give things to others | The generous baker gave away bread. | give
lonely | adjective | sad because you are alone | The lonely dog looked for a friend. | alone
angry | adjective | feeling very cross | The angry goose ran after the boy. | cross
calm | adjective | quiet and not worried | The sea was calm. | quiet
jealous | adjective | sad because another person has something you want | She was jealous of his bicycle. | want
tired | adjective | needing rest or sleep | The tired farmer went to bed. | rest,sleep
hungry | adjective | needing food | The hungry dog ate the meat. | food
thirsty | adjective | needing water | The thirsty horse drank from the river. | water
ancient | adjective | very, very old | They found an ancient wall. | old
enormous | adjective | very, very big | An enormous whale came near the ship. | big
fragile | adjective | easy to break | Glass is fragile. | break
empty | adjective | with nothing inside | The box is empty. | nothing
heavy | adjective | hard to lift | The stone is too heavy for me. | lift
slippery | adjective | smooth or wet, so that you may fall | The ice is slippery. | smooth,wet,fall
transparent | adjective | easy to see through | Clean water is transparent. | see
borrow | verb | to take something and give it back later | You can borrow books from a library. | back
lend | verb | to give something to a person who will give it back | She will lend me her pen. | back
share | verb | to give a part of what you have to others | They share the cake. | part
promise | verb | to say that you will surely do something | I promise to come home at six. | surely
forgive | verb | to stop being angry with a person | He will forgive his friend. | angry
mend | verb | to make a broken thing whole again | The shoemaker can mend my boots. | broken
build | verb | to make something by putting parts together | They build a house. | make
search | verb | to look for something | We search for the lost key. | look
hide | verb | to go or put a thing where nobody can see it | The mouse tries to hide. | see
whisper | verb | to speak very quietly | They whisper in the library. | quietly
shout | verb | to speak very loudly | Do not shout at the horse. | loudly
laugh | verb | to make happy sounds because something is funny | The clown makes us laugh. | happy,funny
dream | verb | to see pictures in your mind while you sleep | I dream of the sea. | sleep,mind
harvest | verb | to bring in the food from the fields | Farmers harvest the wheat in late summer. | fields,food
plant | verb | to put a seed or a small plant into the soil | We plant beans in spring. | soil
measure | verb | to find out how long or how heavy something is | You measure the table with a ruler. | long,heavy
count | verb | to find out how many things there are | Please count the sheep. | many
repeat | verb | to say or do something again | Please repeat the word. | again
invent | verb | to make something that nobody made before | She wants to invent a new game. | before,new
explain | verb | to make a thing clear with words | The teacher can explain it. | clear
decide | verb | to choose what to do | We must decide today. | choose
protect | verb | to keep a person or a thing safe | The shell will protect the snail. | safe
celebrate | verb | to have a party for a happy day | We celebrate the harvest. | party
travel | verb | to go from one place to another | They travel by train. | place
friend | noun | a person whom you like and trust | A good friend listens to you. | like,trust
neighbour | noun | a person who lives near you | Our neighbour has a dog. | near
family | noun | parents, children and other people who belong together | The family eats dinner together. | parents,children
village | noun | a place with a few houses, smaller than a town | Millbrook is a village. | houses
town | noun | a place with many houses and streets | Redhill is a busy town. | houses
market | noun | a place where people buy and sell things | We buy fruit at the market. | buy,sell
farm | noun | a place where people grow food and keep animals | Cows live on a farm. | food,animals
school | noun | a place where children learn | The school has a big yard. | learn
library | noun | a place where you can read and borrow books | The library is quiet. | books
hospital | noun | a place where doctors help ill people | The nurse works in a hospital. | ill,doctors
bakery | noun | a place where bread and cakes are made | The bakery smells good. | bread,cakes
harbour | noun | a safe place for ships | The ship is in the harbour. | ships
lighthouse | noun | a tower with a bright light that helps ships | The lighthouse shines at night. | light
bridge | noun | a way that goes over a river or a road | We walk over the bridge. | over
river | noun | a long stream of water that flows to the sea | The river is full of fish. | water
lake | noun | a big area of water with land all round it | Swans live on the lake. | water
island | noun | a piece of land with water all round it | The island is small. | land
mountain | noun | a very high piece of land | There is snow on the mountain. | high
forest | noun | a place with many trees | The fox lives in the forest. | trees
desert | noun | a dry place with very little rain | A camel can live in the desert. | dry
garden | noun | a piece of ground where flowers and vegetables grow | We pick peas in the garden. | flowers,vegetables
orchard | noun | a place with many fruit trees | The orchard is full of apples. | fruit
meadow | noun | a field with grass and flowers | Sheep eat in the meadow. | grass
nest | noun | the home that a bird makes for its eggs | There are three eggs in the nest. | bird,eggs
hive | noun | the home of bees | The bees fly to the hive. | bees
web | noun | the net that a spider makes | A fly is in the web. | spider
herd | noun | a group of cows or other big animals | The herd stands in the field. | group
flock | noun | a group of birds or sheep | A flock of birds flew over the town. | group
storm | noun | very bad weather with strong wind and rain | The storm broke a tree. | weather,wind
flood | noun | a lot of water that covers the land | The flood covered the fields. | water
season | noun | one of the four parts of the year | Spring is a season. | year
century | noun | a time of one hundred years | The oak is a century old. | hundred
morning | noun | the first part of the day | The rooster crows in the morning. | day
secret | noun | a thing that only a few people know | Do not tell my secret. | few
mistake | noun | a thing that is done wrong | Everybody makes a mistake now and then. | wrong
present | noun | a thing that you give to a person to make that person happy | He got a present. | give
recipe | noun | a list of steps for making food | The recipe needs two eggs. | food
map | noun | a picture that shows where places are | The captain looks at the map. | places
journey | noun | a long way from one place to another | The journey took two days. | way,place
adventure | noun | an exciting journey or event | They had an adventure in the forest. | exciting
hero | noun | a person who does a brave thing | The firefighter is a hero. | brave
giant | noun | a very big person in stories | The giant lives in a castle. | big
vowel | noun | one of the letters a, e, i, o and u | The word cat has one vowel. | letters
insect | noun | a small animal with six legs | An ant is an insect. | six
mammal | noun | an animal that feeds its young with milk | A cow is a mammal. | milk
bird | noun | an animal with feathers and two wings | A robin is a bird. | feathers,wings
fish | noun | an animal that lives in water and has gills | A salmon is a fish. | water
reptile | noun | an animal with dry scales that likes warm places | A snake is a reptile. | scales
amphibian | noun | an animal that lives in water and on land | A frog is an amphibian. | water,land
fruit | noun | the sweet part of a plant that holds the seeds | An apple is a fruit. | seeds,sweet
vegetable | noun | a part of a plant that people cook or eat with a meal | A carrot is a vegetable. | plant
root | noun | the part of a plant that is under the ground | A carrot is a root. | ground
seed | noun | the small part of a plant that a new plant grows from | Put the seed into the soil. | plant
`

/** Reads lines of "word | form | meaning | example | words of which one must be in a right answer". */
export function parseMeanings(table: string): WordMeaning[] {
  return table
    .trim()
    .split('\n')
    .map((line) => {
      const [word = '', form = '', meaning = '', example = '', accept = ''] = line.split('|').map((cell) => cell.trim())
      return {
        word,
        form: form === 'adjective' || form === 'verb' ? form : 'noun',
        meaning,
        example,
        accept: accept.split(','),
      }
    })
}

export const wordMeanings: readonly WordMeaning[] = parseMeanings(rows)

/** Pairs of adjectives; each is the opposite of the other. */
export const opposites: readonly (readonly [string, string])[] = `
hot cold,big small,tall short,fast slow,old new,happy sad,light heavy,day night,up down,open closed,full empty,wet dry
clean dirty,hard soft,loud quiet,strong weak,early late,near far,high low,rich poor,thick thin,wide narrow,long brief
good bad,right wrong,left right-hand,inside outside,begin end,push pull,give take,buy sell,laugh cry,win lose,ask answer
sweet sour,sharp blunt,smooth rough,safe dangerous,awake asleep,true false,first last,before after,above below
brave cowardly,polite rude,lazy busy,bright dark,deep shallow,arrive leave,remember forget,love hate,war peace,whole broken
`
  .trim()
  .split(/[,\n]/)
  .map((pair) => pair.split(' '))
  .filter((pair) => !pair.includes('right-hand') && !pair.includes('brief'))
  .map(([first = '', second = '']) => [first, second] as const)

export const days: readonly string[] = 'Monday Tuesday Wednesday Thursday Friday Saturday Sunday'.split(' ')

export const months: readonly string[] =
  'January February March April May June July August September October November December'.split(' ')

export const seasons: readonly string[] = 'spring summer autumn winter'.split(' ')

/** What each season is like, and what people do then. */
export const seasonFacts: Readonly<Record<string, { weather: string; activity: string; months: string }>> = {
  spring: { weather: 'mild and fresh', activity: 'plant seeds', months: 'March, April and May' },
  summer: { weather: 'warm and sunny', activity: 'swim in the sea', months: 'June, July and August' },
  autumn: { weather: 'cool and windy', activity: 'pick apples', months: 'September, October and November' },
  winter: { weather: 'cold and snowy', activity: 'build snowmen', months: 'December, January and February' },
}

/** Mixing two colours. */
export const mixtures: readonly (readonly [string, string, string])[] = [
  ['red', 'yellow', 'orange'],
  ['blue', 'yellow', 'green'],
  ['red', 'blue', 'purple'],
  ['red', 'white', 'pink'],
  ['black', 'white', 'grey'],
]

/** How many of the small are in one of the big. */
export const amounts: readonly (readonly [string, string, number])[] = [
  ['days', 'a week', 7],
  ['months', 'a year', 12],
  ['seasons', 'a year', 4],
  ['hours', 'a day', 24],
  ['minutes', 'an hour', 60],
  ['seconds', 'a minute', 60],
  ['letters', 'the alphabet', 26],
  ['colours', 'a rainbow', 7],
  ['fingers', 'a hand', 5],
  ['sides', 'a triangle', 3],
  ['sides', 'a square', 4],
  ['wheels', 'a bicycle', 2],
]
