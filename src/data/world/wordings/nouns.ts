/** Further countable nouns and first names for training, so that the model learns to copy any of them. */
const lines = (text: string): string[] =>
  text
    .trim()
    .split(/[\n,]+/)
    .map((word) => word.trim())
    .filter((word) => word !== '')

const words = (text: string): string[] => text.trim().split(/\s+/)

export const moreNouns: readonly string[] = lines(`
lime, tangerine, lychee, pomegranate, quince, gooseberry, cranberry, mulberry, hazelnut, pecan, peanut, cashew
pistachio, lettuce, cauliflower, sprout, chilli pod, corn cob, baguette, crumpet, pudding, caramel, marshmallow
candy cane, fruit bar, wafer, omelette, hamburger, hot dog, pasty, quiche, fritter, drumstick, fish finger
rice cake, milkshake, smoothie, tea bag, sugar cube, honey pot, soup can, salad bowl, whisk, rolling pin, grater
corkscrew, chopping board, oven glove, apron, tea towel, toaster, frying pan, flask, thermos, pitcher, candlestick
coaster, sofa, stool, desk, wardrobe, cupboard, bookcase, cradle, mattress, quilt, bathtub, shower, hairbrush
hairpin, razor, flannel, plaster, bandage, wheelchair, rattle, bib, nappy, building block, frisbee, boomerang
pogo stick, swing, slide, bucket hat, beach ball, cricket bat, hockey stick, tennis racket, goalpost, bowling pin
snorkel, surfboard, wetsuit, life jacket, paddle, dinghy, tugboat, submarine, lifeboat, speedboat, sailboat
lighthouse, buoy, mast, rudder, glider, airship, jet, space capsule, satellite, telescope, microscope, compass
globe, atlas, chart, sundial, stopwatch, calendar, label, tag, dictionary, novel, booklet, certificate, paper clip
drawing pin, eraser, sharpener, marker, chalk stick, blackboard, easel, canvas, palette, paint pot, inkwell
glue stick, computer, laptop, keyboard, monitor, speaker, microphone, cable, plug, switch, motor, pump, pulley
chain, cog, piston, hinge, latch, lock, padlock, door handle, doorbell, gate, shutter, chimney pot, gutter, beam
rafter, pillar, column, fountain, birdbath, watering can, hosepipe, lawnmower, pitchfork, trowel, spanner
screwdriver, drill, mallet, crowbar, toolbox, spirit level, rivet, thumbtack, buckle, spool, knitting needle, loom
bow tie, waistcoat, raincoat, anorak, cape, gown, tunic, blouse, vest, hoodie, sweatshirt, swimsuit, dressing gown
nightgown, beret, turban, hood, headband, wig, earring, pendant, bangle, sceptre, gem, diamond, emerald, sapphire
fossil, coral branch, icicle, snowflake, raindrop, tulip bulb, sunflower, lily, poppy, violet, bluebell, snowdrop
buttercup, dandelion, primrose, carnation, oak, willow, birch, maple, palm, pine, fir tree, hazel bush, vine
thistle, nettle, clover, reed, stem, root, thorn, stump, berry, toadstool, haystack, beehive, bird nest
rabbit hutch, lion, tiger, panther, jaguar, elephant, giraffe, zebra, hippo, camel, llama, antelope, gazelle, bison
yak, reindeer, bear, koala, wombat, monkey, gorilla, chimpanzee, sloth, weasel, stoat, mole, rat, hamster
guinea pig, skunk, hyena, jackal, dolphin, whale, shark, prawn, clam, oyster, mussel, sardine, goldfish, seahorse
tadpole, toad, newt, gecko, chameleon, eagle, raven, magpie, blackbird, thrush, cuckoo, stork, heron, peacock
turkey, ostrich, budgie, seagull, puffin, duckling, gosling, cockerel, bull, mule, foal, mare, ram, hound, poodle
bumblebee, wasp, hornet, caterpillar, grasshopper, earwig, mosquito, gnat, slug, centipede, scorpion, silkworm
firefly, glow-worm, robot arm, dinosaur, mermaid, wizard hat, pirate flag, sword, shield, bow, spear, lance, cannon
castle, tower, fort, hut, tepee, stable, bridge, tunnel, postbox, signpost, traffic light, bus stop, parking meter
rubbish bin, wheelie bin, briefcase, purse, hamper, trunk, ambulance, fire engine, police car, motorbike, moped
limousine, carriage, coach, sleigh, crane, bulldozer, forklift, harp, cello, oboe, saxophone, tuba, banjo, ukulele
mandolin, triangle bell, cymbal, gong, maraca, recorder, bagpipe, music box, record, marionette, clown nose
sparkler, paper hat, garland, lollipop stick, party bag, wreath, bauble, nutcracker, stocking, paper crane
mobile phone, fan, heater
`)

export const moreNames: { readonly female: readonly string[]; readonly male: readonly string[] } = {
  female: words(`
Adriana Agatha Aiko Akiko Alexandra Aline Alison Althea Anahita Andrea Angela Anneke Antonia April Arabella Barbara
Beatrice Belinda Berta Beth Birgit Blanca Brigitte Britta Candice Caroline Catalina Catherine Cecilia Celeste
Chantal Chika Christine Claire Consuelo Dagmar Deborah Dolores Dorothy Ebba Eileen Ekaterina Elisa Elke Elsa Elvira
Erin Esme Eugenia Evelyn Farida Felicity Florence Francesca Frieda Georgia Gerda Giulia Hazel Ilse Ingeborg Irina
Iris Janet Josephine Juliet Justine Kamala Katrin Kirsten Kumiko Lakshmi Larissa Lilian Linda Linnea Lorena Louise
Ludmila Lynn Magda Mandy Margaret Marisol Marlene Mathilde Maureen Mercedes Michelle Miranda Monica Morgan Nadine
Natalia Nicole Octavia Oksana Pamela Penelope Raquel Renata Sakura Saskia Sigrid Silke Simone Sofie Svetlana Theresa
Trudy Vanessa Viola Zelda Zuzana
`),
  male: words(`
Abel Adrian Adriano Aldo Alejandro Alfonso Alfred Anthony Antonio Archie Arnold Aziz Baldwin Bartek Basil Bastian
Benjamin Bruce Callum Cameron Charles Claude Clive Craig Denis Derek Dieter Donald Douglas Edmund Edward Egon Einar
Emanuel Emilio Enrique Ernest Eugene Fabian Federico Felipe Filip Florian Francis Geoffrey Georg Giovanni Giuseppe
Guillermo Guy Hakim Hamish Harold Haruki Herbert Idris Ignacio Ismael Jacques Jaroslav Jeff Jerome Jesse Johan
Joseph Julius Justin Keanu Kwame Laszlo Leif Leonard Lionel Lothar Ludwig Manfred Manuel Marcel Marek Matthew Melvin
Michael Milan Mohammed Murray Mustafa Nicholas Nikolai Oleg Oscar Oswald Pierre Piotr Rajesh Raymond Ricardo Richard
Roland Rudolf Salim Sanjay Sigurd Stanley Sunil Tarek Theodor Timothy Tobias Valentin Vasco Vincent Wilfred William
Yannick Yuri Zoltan
`),
}
