import { parseThings, type Thing } from './parse.ts'

export const animals: readonly Thing[] = parseThings(
  'animal',
  ['kind', 'colour', 'size', 'legs', 'eats', 'lives', 'sound', 'young', 'cover', 'can'],
  `
dog | mammal | brown | small | four | meat | in a house with people | bark | puppy | fur | run fast
cat | mammal | grey | small | four | fish | in a house with people | miaow | kitten | fur | climb trees
horse | mammal | brown | big | four | hay | on a farm | neigh | foal | hair | pull a cart
cow | mammal | black and white | big | four | grass | on a farm | moo | calf | hair | give milk
sheep | mammal | white | small | four | grass | on a farm | bleat | lamb | wool | give wool
goat | mammal | white | small | four | leaves | on a farm | bleat | kid | hair | climb rocks
pig | mammal | pink | big | four | vegetables | on a farm | grunt | piglet | skin | dig in the mud
donkey | mammal | grey | big | four | hay | on a farm | bray | foal | hair | carry bags
rabbit | mammal | brown | small | four | carrots | in a hole in the ground | - | kit | fur | jump
mouse | mammal | grey | tiny | four | seeds | in a small hole | squeak | pup | fur | hide in small holes
hamster | mammal | golden | tiny | four | seeds | in a cage | squeak | pup | fur | run in a wheel
fox | mammal | red | small | four | mice | in the forest | bark | cub | fur | run fast
wolf | mammal | grey | big | four | meat | in the forest | howl | cub | fur | hunt at night
bear | mammal | brown | huge | four | honey | in the forest | growl | cub | fur | climb trees
deer | mammal | brown | big | four | leaves | in the forest | - | fawn | hair | run fast
squirrel | mammal | red | small | four | nuts | in a tree | - | kit | fur | climb trees
hedgehog | mammal | brown | small | four | insects | in the garden | - | - | spines | roll into a ball
bat | mammal | black | small | two | insects | in a cave | squeak | pup | fur | fly at night
lion | mammal | golden | big | four | meat | on the dry plain | roar | cub | fur | hunt
tiger | mammal | orange and black | big | four | meat | in the jungle | roar | cub | fur | swim well
elephant | mammal | grey | huge | four | leaves | on the dry plain | trumpet | calf | skin | lift trees
giraffe | mammal | yellow and brown | huge | four | leaves | on the dry plain | - | calf | hair | reach high leaves
zebra | mammal | black and white | big | four | grass | on the dry plain | - | foal | hair | run fast
monkey | mammal | brown | small | two | fruit | in the jungle | chatter | - | fur | swing in the trees
camel | mammal | brown | huge | four | dry grass | in the desert | - | calf | hair | walk far without water
kangaroo | mammal | brown | big | two | grass | on the dry plain | - | joey | fur | jump very far
panda | mammal | black and white | big | four | bamboo | in the mountains | - | cub | fur | climb trees
whale | mammal | blue | huge | no | tiny sea animals | in the sea | sing | calf | skin | swim and dive
dolphin | mammal | grey | big | no | fish | in the sea | whistle | calf | skin | jump out of the water
seal | mammal | grey | big | no | fish | by the sea | bark | pup | fur | swim well
hen | bird | brown | small | two | corn | on a farm | cluck | chick | feathers | lay eggs
rooster | bird | red and black | small | two | corn | on a farm | crow | chick | feathers | wake people up
duck | bird | white | small | two | water plants | on a pond | quack | duckling | feathers | swim and fly
goose | bird | white | small | two | grass | on a farm | honk | gosling | feathers | swim and fly
swan | bird | white | big | two | water plants | on a lake | - | - | feathers | swim and fly
owl | bird | brown | small | two | mice | in the forest | hoot | - | feathers | see in the dark
eagle | bird | brown | big | two | meat | in the mountains | scream | - | feathers | fly very high
parrot | bird | green | small | two | nuts | in the jungle | squawk | chick | feathers | copy words
penguin | bird | black and white | small | two | fish | in cold places | honk | chick | feathers | swim well
crow | bird | black | small | two | seeds | in a tree | caw | chick | feathers | fly
pigeon | bird | grey | small | two | seeds | in the town | coo | - | feathers | fly home
robin | bird | red and brown | tiny | two | worms | in the garden | sing | chick | feathers | sing and fly
ostrich | bird | black and white | huge | two | plants | on the dry plain | - | chick | feathers | run very fast
salmon | fish | pink | small | no | small fish | in the river | - | - | scales | jump up the river
goldfish | fish | orange | tiny | no | fish food | in a glass bowl | - | - | scales | swim
shark | fish | grey | huge | no | fish | in the sea | - | pup | rough skin | swim fast
frog | amphibian | green | small | four | flies | by a pond | croak | tadpole | wet skin | jump and swim
toad | amphibian | brown | small | four | insects | in the garden | croak | tadpole | rough skin | hide under stones
snake | reptile | green | small | no | mice | in the grass | hiss | - | scales | swallow big food
lizard | reptile | green | small | four | insects | on warm rocks | - | - | scales | climb walls
crocodile | reptile | green | huge | four | meat | in the river | - | - | scales | swim and bite
turtle | reptile | green | small | four | water plants | in the sea | - | - | a shell | hide in its shell
tortoise | reptile | brown | small | four | leaves | in the garden | - | - | a shell | live very long
ant | insect | black | tiny | six | leaves | under the ground | - | - | a hard skin | carry heavy things
bee | insect | yellow and black | tiny | six | nectar | in a hive | buzz | - | soft hair | make honey
butterfly | insect | orange | tiny | six | nectar | in the meadow | - | caterpillar | tiny scales | fly
fly | insect | black | tiny | six | old food | in many places | buzz | - | a hard skin | fly
ladybird | insect | red and black | tiny | six | small insects | in the garden | - | - | a hard shell | fly
grasshopper | insect | green | tiny | six | grass | in the meadow | chirp | - | a hard skin | jump far
beetle | insect | black | tiny | six | leaves | in the forest | - | - | a hard shell | walk and fly
spider | arachnid | brown | tiny | eight | flies | in a web | - | - | hair | make a web
snail | mollusc | brown | tiny | no | leaves | in the garden | - | - | a shell | carry its home
octopus | mollusc | red | big | eight | crabs | in the sea | - | - | soft skin | change its colour
crab | crustacean | red | small | ten | small sea animals | by the sea | - | - | a hard shell | walk to the side
worm | soft animal | pink | tiny | no | old leaves | under the ground | - | - | soft skin | dig in the soil
`,
)
