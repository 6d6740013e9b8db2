import { parseThings, type Thing } from './parse.ts'

export const plants: readonly Thing[] = parseThings(
  'plant',
  ['kind', 'colour', 'size', 'grows', 'blooms', 'use'],
  `
oak | tree | green | huge | in the forest | - | make strong wood
pine tree | tree | dark green | huge | in the mountains | - | make houses
apple tree | tree | green | big | in the orchard | in spring | grow apples
palm tree | tree | green | huge | by the warm sea | - | give shade
willow | tree | green | big | by the river | in spring | make baskets
birch | tree | white | big | in the forest | in spring | make paper
rose | flower | red | small | in the garden | in summer | make a nice smell
tulip | flower | red | small | in the garden | in spring | make the garden pretty
daisy | flower | white | tiny | in the meadow | in summer | make flower chains
sunflower | flower | yellow | big | in the field | in summer | make oil
daffodil | flower | yellow | small | in the garden | in spring | make the garden pretty
violet | flower | purple | tiny | in the forest | in spring | make a nice smell
poppy | flower | red | small | in the field | in summer | make the field pretty
lily | flower | white | small | by the pond | in summer | make a nice smell
snowdrop | flower | white | tiny | in the garden | in winter | show that spring is near
~grass | plant | green | small | in the meadow | - | feed cows and sheep
~moss | plant | green | tiny | on wet stones | - | make a soft bed for insects
~ivy | plant | green | big | on old walls | in autumn | cover walls
fern | plant | green | small | in the forest | - | make the forest green
cactus | plant | green | small | in the desert | in spring | hold water
~wheat | plant | golden | small | in the field | - | make flour
~clover | plant | green | tiny | in the meadow | in summer | feed bees
bush | plant | green | small | in the garden | in spring | give birds a home
~bamboo | plant | green | big | in warm places | - | feed pandas
~seaweed | plant | green | small | in the sea | - | feed fish
`,
)
