import { parseThings, type Thing } from './parse.ts'

export const foods: readonly Thing[] = parseThings(
  'food',
  ['kind', 'colour', 'taste', 'origin', 'found', 'size'],
  `
apple | fruit | red | sweet | grows on a tree | in a fruit bowl | small
pear | fruit | green | sweet | grows on a tree | in a fruit bowl | small
banana | fruit | yellow | sweet | grows on a tall plant | in a fruit bowl | small
orange | fruit | orange | sweet | grows on a tree | in a fruit bowl | small
lemon | fruit | yellow | sour | grows on a tree | in a fruit bowl | small
lime | fruit | green | sour | grows on a tree | in a fruit bowl | small
cherry | fruit | red | sweet | grows on a tree | in a fruit bowl | tiny
plum | fruit | purple | sweet | grows on a tree | in a fruit bowl | small
peach | fruit | orange | sweet | grows on a tree | in a fruit bowl | small
strawberry | fruit | red | sweet | grows near the ground | in the garden | tiny
blueberry | fruit | blue | sweet | grows on a bush | in the forest | tiny
raspberry | fruit | red | sweet | grows on a bush | in the garden | tiny
grape | fruit | purple | sweet | grows on a vine | in a fruit bowl | tiny
melon | fruit | green | sweet | grows on the ground | at the market | big
pineapple | fruit | yellow | sweet | grows near the ground | at the market | big
coconut | fruit | brown | sweet | grows on a palm tree | at the market | big
carrot | vegetable | orange | sweet | grows under the ground | in the vegetable garden | small
potato | vegetable | brown | mild | grows under the ground | in the vegetable garden | small
onion | vegetable | brown | sharp | grows under the ground | in the kitchen | small
tomato | vegetable | red | fresh | grows on a green plant | in the vegetable garden | small
cucumber | vegetable | green | fresh | grows on a vine | in the vegetable garden | small
cabbage | vegetable | green | mild | grows on the ground | in the vegetable garden | big
pumpkin | vegetable | orange | mild | grows on a vine | in the vegetable garden | big
pea | vegetable | green | sweet | grows in a pod | in the vegetable garden | tiny
bean | vegetable | green | mild | grows in a pod | in the vegetable garden | tiny
radish | vegetable | red | sharp | grows under the ground | in the vegetable garden | small
mushroom | food | white | mild | grows on the forest floor | in the forest | small
nut | food | brown | mild | grows on a tree | in a bowl | tiny
~corn | vegetable | yellow | sweet | grows on a tall plant | in the field | -
~rice | food | white | mild | grows in wet fields | in the kitchen | -
~bread | food | brown | mild | is made from flour | at the bakery | -
cake | sweet food | brown | very sweet | is made from flour, eggs and sugar | at the bakery | small
biscuit | sweet food | brown | sweet | is made from flour and sugar | in a tin | tiny
pancake | sweet food | golden | sweet | is made from eggs, milk and flour | in a pan | small
pie | sweet food | golden | sweet | is made from flour and fruit | at the bakery | small
~cheese | food | yellow | salty | is made from milk | in the fridge | -
~butter | food | yellow | mild | is made from milk | in the fridge | -
~cream | food | white | sweet | is made from milk | in the fridge | -
~ice cream | sweet food | white | very sweet | is made from milk and sugar | in the freezer | -
~chocolate | sweet food | brown | very sweet | is made from cocoa beans | in a sweet shop | -
~honey | sweet food | golden | very sweet | is made by bees | in a jar | -
~jam | sweet food | red | very sweet | is made from fruit and sugar | in a jar | -
~sugar | sweet food | white | very sweet | is made from a sweet plant | in a jar | -
~salt | food | white | salty | comes from the sea | in the kitchen | -
~pepper | spice | black | hot | grows on a vine | in the kitchen | -
~flour | food | white | mild | is made from wheat | in the kitchen | -
egg | food | white | mild | comes from a hen | in a nest | small
sausage | food | brown | salty | is made from meat | at the market | small
~soup | food | orange | salty | is made from water and vegetables | in a pot | -
sandwich | food | brown | mild | is made from bread and cheese | in a lunch box | small
pizza | food | red | salty | is made from bread, tomatoes and cheese | in the oven | big
~water | drink | clear | fresh | comes from rivers and rain | in a glass | -
~milk | drink | white | mild | comes from a cow | in a jug | -
~tea | drink | brown | bitter | is made from leaves and hot water | in a cup | -
~coffee | drink | black | bitter | is made from roasted beans | in a cup | -
~apple juice | drink | golden | sweet | is made from apples | in a glass | -
~lemonade | drink | yellow | sweet and sour | is made from lemons, sugar and water | in a glass | -
~cocoa | drink | brown | sweet | is made from milk and chocolate | in a cup | -
`,
)
