import { parseThings, type PropertyName, type Thing } from './parse.ts'

const objectColumns: readonly PropertyName[] = ['kind', 'made', 'use', 'found', 'size', 'colour']

export const tools: readonly Thing[] = parseThings(
  'tool',
  objectColumns,
  `
hammer | tool | iron and wood | hit nails | in the workshop | small | -
saw | tool | iron | cut wood | in the workshop | small | -
axe | tool | iron and wood | chop trees | in the shed | big | -
screwdriver | tool | iron | turn screws | in the workshop | small | -
drill | tool | iron | make holes | in the workshop | small | -
nail | tool | iron | hold wood together | in the workshop | tiny | grey
screw | tool | iron | fix things to a wall | in the workshop | tiny | grey
ladder | tool | wood | climb up to high places | in the shed | big | brown
spade | tool | iron and wood | dig holes | in the shed | big | -
rake | tool | iron and wood | gather leaves | in the shed | big | -
bucket | tool | plastic | carry water | in the shed | small | blue
wheelbarrow | tool | iron | move heavy soil | in the garden | big | red
rope | tool | strong threads | tie things | in the shed | big | brown
needle | tool | steel | sew clothes | in the sewing box | tiny | silver
~thread | tool | cotton | sew clothes | in the sewing box | tiny | white
=scissors | tool | steel | cut paper | in the drawer | small | silver
ruler | tool | wood | measure short things | at school | small | yellow
pencil | tool | wood | write and draw | at school | small | yellow
pen | tool | plastic | write letters | at school | small | blue
rubber | tool | rubber | remove pencil marks | at school | tiny | pink
brush | tool | wood and hair | paint pictures | at school | small | -
~glue | tool | - | stick paper together | at school | - | white
~tape | tool | plastic | close boxes | in the drawer | small | clear
torch | tool | plastic | see in the dark | in the drawer | small | black
magnet | tool | iron | pick up nails | at school | small | red
telescope | tool | metal and glass | look at the stars | on the hill | big | -
compass | tool | metal and glass | find the way | in a bag | tiny | -
fishing rod | tool | wood | catch fish | by the river | big | -
net | tool | thin string | catch fish | on a boat | big | -
broom | tool | wood and straw | sweep the floor | in the kitchen | big | brown
sponge | tool | soft foam | wash dishes | in the kitchen | small | yellow
`,
)

export const household: readonly Thing[] = parseThings(
  'household',
  objectColumns,
  `
table | piece of furniture | wood | put food on | in the kitchen | big | brown
chair | piece of furniture | wood | sit on | in the kitchen | big | brown
bed | piece of furniture | wood | sleep in | in the bedroom | big | -
sofa | piece of furniture | wood and cloth | sit on with friends | in the living room | big | -
shelf | piece of furniture | wood | keep books on | in the living room | big | -
wardrobe | piece of furniture | wood | keep clothes in | in the bedroom | huge | -
desk | piece of furniture | wood | write and read at | in the study | big | brown
lamp | household thing | metal and glass | light a room | in the living room | small | -
mirror | household thing | glass | see your face | in the bathroom | small | silver
clock | household thing | metal and glass | tell the time | on the wall | small | -
carpet | household thing | wool | keep the floor warm | in the living room | big | red
curtain | household thing | cloth | cover a window | at the window | big | -
pillow | household thing | cloth and feathers | rest your head on | on the bed | small | white
blanket | household thing | wool | keep warm in bed | on the bed | big | -
candle | household thing | wax | make a soft light | on the table | small | white
key | household thing | metal | open a lock | in a pocket | tiny | silver
~soap | household thing | oil | wash your hands | in the bathroom | small | white
towel | household thing | cotton | dry your hands | in the bathroom | big | -
toothbrush | household thing | plastic | clean your teeth | in the bathroom | small | -
comb | household thing | plastic | tidy your hair | in the bathroom | small | -
bath | household thing | metal | wash your body | in the bathroom | huge | white
spoon | kitchen thing | steel | eat soup | in the kitchen | small | silver
fork | kitchen thing | steel | pick up food | in the kitchen | small | silver
knife | kitchen thing | steel | cut bread | in the kitchen | small | silver
cup | kitchen thing | clay | drink tea | in the kitchen | small | white
glass | kitchen thing | glass | drink water | in the kitchen | small | clear
plate | kitchen thing | clay | hold food | in the kitchen | small | white
bowl | kitchen thing | clay | hold soup | in the kitchen | small | -
pot | kitchen thing | iron | cook soup | on the stove | big | black
pan | kitchen thing | iron | fry eggs | on the stove | big | black
kettle | kitchen thing | steel | boil water | on the stove | small | silver
oven | machine | iron | bake bread | in the kitchen | big | -
fridge | machine | metal | keep food cold | in the kitchen | big | white
washing machine | machine | metal | wash clothes | in the bathroom | big | white
telephone | machine | plastic | talk to people far away | in the hall | small | black
radio | machine | plastic | listen to music | in the living room | small | -
camera | machine | metal and glass | take pictures | in a bag | small | black
computer | machine | metal and plastic | write and count | in the study | small | grey
book | household thing | paper | read stories | on the shelf | small | -
newspaper | household thing | paper | read the news | on the table | small | black and white
letter | household thing | paper | send words to a friend | in an envelope | small | white
box | household thing | card | keep things in | in the cellar | small | brown
basket | household thing | thin branches | carry fruit | in the kitchen | small | brown
bottle | household thing | glass | keep juice in | in the kitchen | small | green
bag | household thing | cloth | carry shopping | in the hall | small | -
umbrella | household thing | cloth and metal | stay dry in the rain | in the hall | small | black
coin | household thing | metal | pay for things | in a purse | tiny | golden
bell | household thing | metal | call people | at the door | small | golden
`,
)

export const toys: readonly Thing[] = parseThings(
  'toy',
  objectColumns,
  `
ball | toy | rubber | play in the park | in the park | small | red
doll | toy | cloth | play at home | in the toy box | small | -
kite | toy | paper and string | play in the wind | on the hill | small | red
teddy bear | toy | soft cloth | hug at night | on the bed | small | brown
toy car | toy | wood | play races | in the toy box | tiny | red
puzzle | toy | card | make a picture | in the toy box | small | -
swing | toy | rope and wood | swing to and fro | in the park | big | -
slide | toy | metal | slide down | in the park | big | silver
drum | musical instrument | wood and skin | play a beat | in the music room | big | -
piano | musical instrument | wood and strings | play songs with the fingers | in the music room | huge | black
guitar | musical instrument | wood and strings | play songs round the fire | in the music room | small | brown
violin | musical instrument | wood and strings | play soft music | in the music room | small | brown
flute | musical instrument | metal | play music with your breath | in the music room | small | silver
trumpet | musical instrument | metal | play loud music | in the music room | small | golden
`,
)

export const clothes: readonly Thing[] = parseThings(
  'clothing',
  ['kind', 'made', 'wornOn', 'wornWhen', 'colour'],
  `
hat | piece of clothing | straw | on your head | when the sun is hot | yellow
cap | piece of clothing | cotton | on your head | when you play outside | blue
scarf | piece of clothing | wool | round your neck | when the wind is cold | -
coat | piece of clothing | wool | over your other clothes | when it is cold | -
raincoat | piece of clothing | plastic | over your other clothes | when it rains | yellow
jumper | piece of clothing | wool | on your body | when it is cold | -
shirt | piece of clothing | cotton | on your body | when you go to work | white
T-shirt | piece of clothing | cotton | on your body | when it is warm | -
dress | piece of clothing | cotton | on your body | when there is a party | -
skirt | piece of clothing | cotton | round your waist | when it is warm | -
belt | piece of clothing | leather | round your waist | when your trousers are loose | brown
glove | piece of clothing | wool | on your hand | when it snows | -
sock | piece of clothing | wool | on your foot | when you wear shoes | -
shoe | piece of clothing | leather | on your foot | when you walk outside | brown
boot | piece of clothing | rubber | on your foot | when the ground is wet | green
sandal | piece of clothing | leather | on your foot | when you go to the beach | brown
slipper | piece of clothing | soft cloth | on your foot | when you are at home | -
=trousers | piece of clothing | strong cotton | on your legs | when you work outside | blue
=pyjamas | piece of clothing | soft cotton | on your body | when you sleep | -
=glasses | thing to wear | glass and metal | on your nose | when you cannot see well | -
helmet | thing to wear | hard plastic | on your head | when you ride a bicycle | -
apron | piece of clothing | cotton | over your other clothes | when you cook | white
ring | thing to wear | gold | on your finger | when you want to look nice | golden
watch | thing to wear | metal and glass | on your arm | when you want to know the time | -
`,
)

export const vehicles: readonly Thing[] = parseThings(
  'vehicle',
  ['kind', 'wheels', 'travels', 'carries', 'power', 'size', 'colour'],
  `
car | vehicle | four | on the road | a family | an engine | big | -
bus | vehicle | six | on the road | many people | an engine | huge | red
lorry | vehicle | eight | on the road | heavy goods | an engine | huge | -
taxi | vehicle | four | on the road | people who pay | an engine | big | black
bicycle | vehicle | two | on the path | one person | your legs | small | -
motorbike | vehicle | two | on the road | one or two people | an engine | small | black
tractor | vehicle | four | in the fields | the farmer | an engine | huge | green
fire engine | vehicle | six | on the road | water and firefighters | an engine | huge | red
ambulance | vehicle | four | on the road | ill people | an engine | big | white
train | vehicle | - | on rails | many people | a strong engine | huge | -
tram | vehicle | - | on rails in the town | many people | electricity | huge | yellow
cart | vehicle | two | on the path | hay and bags | a horse | big | brown
sledge | vehicle | no | on the snow | children | a push | small | -
scooter | vehicle | two | on the path | one child | your foot | small | -
rowing boat | boat | no | on the lake | two or three people | your arms | small | brown
sailing boat | boat | no | on the sea | sailors | the wind | big | white
ship | boat | no | on the sea | goods and people | a big engine | huge | -
ferry | boat | no | across the bay | cars and people | an engine | huge | white
submarine | boat | no | under the sea | sailors | an engine | huge | grey
aeroplane | aircraft | - | in the air | many people | strong engines | huge | white
helicopter | aircraft | - | in the air | a few people | an engine | big | -
hot-air balloon | aircraft | no | in the air | a few people | hot air | huge | -
rocket | vehicle | no | in space | astronauts | burning fuel | huge | white
`,
)

export const nature: readonly Thing[] = parseThings(
  'nature',
  ['kind', 'colour', 'found', 'does'],
  `
^sun | star | yellow | in the sky by day | gives us light and warmth
^moon | ball of rock | white | in the sky at night | shines at night
star | hot ball of gas | white | in the sky at night | shines at night
cloud | group of tiny water drops | white | in the sky | brings rain
~rain | kind of weather | clear | under dark clouds | gives water to plants
~snow | kind of weather | white | on the ground in winter | covers the ground in winter
^wind | kind of weather | - | in the open air | moves the leaves
rainbow | bow of light | - | in the sky after rain | shows seven colours
~ice | form of water | clear | on the lake in winter | makes the ground slippery
~fire | hot thing | orange | in the stove | gives heat and light
~smoke | kind of gas | grey | above a fire | rises into the air
~sand | kind of ground | yellow | on the beach | feels soft and warm
stone | hard thing | grey | on the ground | sinks in water
~soil | kind of ground | brown | in the garden | feeds plants
^sky | place above us | blue | above the ground | holds the clouds
mountain | place | grey | far from the sea | stands high above the land
island | place | green | in the sea | has water all round it
forest | place | green | on the hills | gives a home to animals
desert | place | yellow | far from the rain | has very little water
cave | place | dark | in the mountains | gives a home to bats
shadow | dark shape | black | behind things in the light | follows you in the sun
wave | moving hill of water | blue | on the sea | rolls to the beach
`,
)

export const bodyParts: readonly Thing[] = parseThings(
  'body part',
  ['kind', 'found', 'use'],
  `
eye | part of the body | on your face | see
ear | part of the body | on the side of your head | hear
nose | part of the body | on your face | smell
mouth | part of the body | on your face | eat and speak
tongue | part of the body | in your mouth | taste
tooth | part of the body | in your mouth | bite food
hand | part of the body | at the end of your arm | hold things
finger | part of the body | on your hand | point at things
foot | part of the body | at the end of your leg | stand and walk
leg | part of the body | below your body | walk and run
heart | part of the body | in your chest | move blood round the body
brain | part of the body | in your head | think
stomach | part of the body | in your belly | digest food
lung | part of the body | in your chest | breathe
`,
)

export const jobs: readonly Thing[] = parseThings(
  'job',
  ['does', 'works', 'needs'],
  `
baker | bakes bread | in a bakery | an oven
farmer | grows food and keeps animals | on a farm | a tractor
teacher | teaches children | in a school | books
doctor | helps ill people | in a hospital | medicine
nurse | looks after ill people | in a hospital | clean hands
vet | helps ill animals | in an animal clinic | medicine
firefighter | puts out fires | at a fire station | water
police officer | keeps people safe | at a police station | a radio
fisher | catches fish | on a boat | a net
sailor | works on a ship | at sea | ropes
captain | leads a ship | on a ship | a map
pilot | flies aeroplanes | in the air | clear skies
gardener | looks after plants | in a garden | a spade
cook | cooks meals | in a kitchen | pots and pans
waiter | brings food to the guests | in a restaurant | a tray
painter | paints pictures | in a studio | brushes
musician | plays music | on a stage | an instrument
writer | writes books | at a desk | a pen
carpenter | makes things out of wood | in a workshop | a saw
builder | builds houses | on a building site | bricks
tailor | makes clothes | in a tailor's shop | needle and thread
shoemaker | makes and mends shoes | in a shoe shop | leather
blacksmith | makes things out of iron | at a forge | a hot fire
miller | makes flour from wheat | in a mill | wheat
shepherd | looks after sheep | on the hills | a dog
beekeeper | looks after bees | in the meadow | a veil
librarian | lends books to people | in a library | shelves
postman | brings letters | in the streets | a big bag
bus driver | drives a bus | on the road | a bus
shopkeeper | sells things | in a shop | a till
dentist | looks after teeth | in a clinic | small tools
hairdresser | cuts hair | in a salon | scissors
potter | makes cups and bowls | in a workshop | clay
lighthouse keeper | keeps the light burning | in a lighthouse | a bright lamp
clockmaker | makes and mends clocks | in a workshop | tiny tools
`,
)
