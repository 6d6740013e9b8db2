/** Countable things for arithmetic and stories. The reserved nouns occur nowhere in training text. */
const lines = (text: string): string[] =>
  text
    .trim()
    .split(/[\n,]+/)
    .map((word) => word.trim())
    .filter((word) => word !== '')

export const trainingNouns: readonly string[] = lines(`
apple, pear, banana, orange, lemon, cherry, plum, peach, strawberry, grape, melon, coconut, carrot, potato, onion
tomato, cabbage, pumpkin, bean, mushroom, nut, cake, biscuit, pancake, pie, egg, sausage, sandwich, pizza
bread roll, hammer, nail, screw, brush, pencil, pen, ruler, rubber, book, newspaper, letter, box, basket, bottle
bag, coin, bell, key, candle, cup, plate, bowl, spoon, fork, glass, towel, pillow, blanket, chair, table, lamp
clock, mirror, umbrella, ball, doll, kite, teddy bear, toy car, puzzle, drum, flute, hat, cap, scarf, coat, shirt
sock, shoe, boot, ring, watch, car, bus, lorry, bicycle, train, boat, ship, balloon, cart, hen, duck, goose, sheep
goat, cow, horse, pig, rabbit, mouse, fish, frog, bee, butterfly, ant, beetle, snail, bird, puppy, kitten, lamb
chick, flower, rose, tulip, daisy, tree, leaf, stone, shell, star, brick, card, picture, photo, ticket, sweet
chocolate bar, lollipop, cookie, muffin, doughnut, bun, tart, olive, pepper, beetroot, turnip, leek, walnut
chestnut, acorn, pine cone, feather, stick, branch, log, plank, pebble, crystal, pearl, bracelet, necklace, badge
medal, trophy, ribbon, flag, poster, map, magazine, comic, notebook, diary, crayon, paintbrush, paper plane
paper boat, envelope, postcard, parcel, toy train, toy boat, toy horse, robot, spinning top, yo-yo, whistle, dice
chess piece, skittle, tennis ball, football, skipping rope, cushion, rug, jar, jug, mug, tin, pan, pot, tray, napkin
teapot, sponge, comb, soap bar, bucket, spade, rake, shovel, rope, hook, wheel, tyre, spring, bolt, wire, battery
bulb, torch, magnet, lens, camera, phone, radio, tent, rucksack, sleeping bag, oar, anchor, sail, net, fishing rod
barrel, crate, sack, wagon, sledge, ski, skate, helmet, jacket, jumper, dress, skirt, belt, glove, mitten, slipper
sandal, zip, pin, needle, guitar, violin, trumpet, piano, bench, lantern, bird box, hedgehog, squirrel, pigeon, owl
crow, swan, turtle, crab, starfish, worm, ladybird, spider, dragonfly, pony, donkey, calf, piglet, parrot, penguin
seal, cactus, fern, seed, herb, cucumber, radish, pineapple, mango, kiwi, apricot, raspberry, blueberry, date
cracker, pretzel, pastry, waffle, dumpling, meatball, noodle, ice cream, lemonade, snowball, snowman, sandcastle
bubble, sticker, dot, square, circle, triangle, coat hook, tool, toy, gift, present, costume, mask, crown, wand
dragon, knight, pirate, tile, pipe, board, panel, block, cube, counter, token, chip, coupon, voucher, folder, file
clip, elastic band, peg, sheet, curtain, mat, basin, scooter, skateboard, van, taxi, tractor, truck, rocket, plane
helicopter, raft, canoe, ferry, tram, step ladder
`)

export const heldOutNouns: readonly string[] = lines(`
marble, bead, gemstone, seashell, stamp, domino, jigsaw, figurine, harmonica, tambourine, xylophone, binder, stapler
highlighter, keyring, locket, brooch, button, thimble, cufflink, cardigan, bonnet, moccasin, blazer, hammock, ottoman
chandelier, vase, goblet, saucer, ladle, spatula, colander, skewer, croissant, bagel, cupcake, macaroon, burrito, taco
papaya, fig, nectarine, clementine, parsnip, artichoke, aubergine, courgette, orchid, marigold, geranium, hyacinth
sapling, conker, canoe paddle, kayak, catamaran, gondola, unicycle, tricycle, caravan, trolley, falcon, flamingo
pelican, otter, badger, lobster, jellyfish, caterpillar toy, moth, chipmunk, alpaca, ferret, lantern fish, gnome
puppet, trampoline, telegram, almanac, leaflet, bookmark
`).filter((noun) => !noun.includes(' '))
