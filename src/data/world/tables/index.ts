import { animals } from './animals.ts'
import { foods } from './foods.ts'
import { bodyParts, clothes, household, jobs, nature, tools, toys, vehicles } from './objects.ts'
import type { Thing } from './parse.ts'
import { plants } from './plants.ts'

/** Everything that has a row in a table of things. */
export const things: readonly Thing[] = [
  ...animals,
  ...foods,
  ...plants,
  ...tools,
  ...household,
  ...toys,
  ...clothes,
  ...vehicles,
  ...nature,
  ...bodyParts,
  ...jobs,
]
