import { problemWordings } from '../wordings/arithmetic.ts'
import { equationFrames, numberComparisonFrames } from '../wordings/equations.ts'

/**
 * The families of word problems. A wording is "question || closing sentence". Slots: {P} {Q} two people, {he} {him}
 * {his} for P, {an} {bn} {cn} {rn} a number with the noun in the right form, {a} {b} {c} {r} bare numbers, {ns} the
 * plural and {n} the singular noun, {box} {boxes} a container, {k1} {k2} two different adjectives, {gets} {got}
 * {loses} {lost} verbs.
 */
export type Shape =
  | 'add'
  | 'subtract'
  | 'multiply'
  | 'divide'
  | 'add-subtract'
  | 'add-add'
  | 'multiply-add'
  | 'multiply-subtract'

export interface Family {
  readonly name: string
  readonly shape: Shape
  readonly weight: number
  readonly training: readonly string[]
  readonly heldOut: readonly string[]
}

const problemFamilies: readonly Family[] = [
  {
    name: 'gain',
    shape: 'add',
    weight: 5,
    training: [
      '{P} has {an}. {He} {gets} {b} more. How many {ns} does {P} have now? || {P} has {rn} now.',
      '{P} has {an}. {Q} gives {him} {bn}. How many {ns} does {P} have now? || {P} has {rn} now.',
      '{P} has {an}. Then {he} {gets} {b} more {ns}. How many {ns} does {he} have? || {P} has {rn}.',
      '{P} had {an} and {got} {b} more. How many {ns} does {he} have in all? || {P} has {rn} in all.',
      'If {P} has {an} and {gets} {bn} more, how many {ns} does {he} have? || {P} has {rn}.',
      'In the morning {P} has {an}. Later {he} {gets} {b} more. How many {ns} are there now? || There are {rn} now.',
      '{Q} gives {bn} to {P}. {P} had {an} before. How many {ns} does {P} have now? || {P} has {rn} now.',
      'There are {an} in the {box}. {P} puts in {b} more. How many {ns} are in the {box} now? || There are {rn} in the {box} now.',
      '{P} starts with {an}. {He} {gets} {b} more. How many {ns} does {he} have at the end? || {P} has {rn} at the end.',
      'On Monday {P} had {an}. On Tuesday {he} {got} {b} more. How many {ns} does {he} have? || {P} has {rn}.',
      '{P} {got} {bn} today. {He} already had {an}. How many {ns} does {he} have now? || {P} has {rn} now.',
      'There were {an} on the table. {P} put {b} more on it. How many {ns} are on the table? || There are {rn} on the table.',
    ],
    heldOut: [
      '{P} owned {an} last week. Since then {b} new ones came. What is the number of {ns} that {P} owns? || {P} has {rn}.',
      'Somebody gave {P} {bn} as a present. {P} had {an} before that day. Find the number of {ns}. || {P} has {rn}.',
      'A {box} holds {an}. When {P} adds {b} more, how many {ns} does it hold? || The {box} holds {rn}.',
    ],
  },
  {
    name: 'together',
    shape: 'add',
    weight: 4,
    training: [
      '{P} has {an}. {Q} has {bn}. How many {ns} do they have together? || {P} and {Q} have {rn} together.',
      '{P} has {an} and {Q} has {bn}. How many {ns} do they have in all? || They have {rn} in all.',
      '{P} and {Q} like {ns}. {P} has {a} and {Q} has {b}. How many {ns} do they have together? || They have {rn} together.',
      '{P} {got} {an}. {Q} {got} {bn}. How many {ns} did they get in total? || They got {rn} in total.',
      'How many {ns} do {P} and {Q} have together if {P} has {a} and {Q} has {b}? || They have {rn} together.',
      '{P} brings {an} and {Q} brings {bn}. How many {ns} are there in all? || There are {rn} in all.',
      '{P} counts {an}. {Q} counts {bn}. How many {ns} do they count together? || They count {rn} together.',
      'There are {an} in one {box} and {bn} in another {box}. How many {ns} are there? || There are {rn}.',
      '{P} has {an} at home and {b} at school. How many {ns} does {P} have in all? || {P} has {rn} in all.',
    ],
    heldOut: [
      '{P} and {Q} put their {ns} on one table: {a} from {P} and {b} from {Q}. How many lie there? || There are {rn} on the table.',
      'Add the {an} of {P} to the {bn} of {Q}. What do you get? || They have {rn} together.',
    ],
  },
  {
    name: 'two sorts',
    shape: 'add',
    weight: 3,
    training: [
      '{P} has {a} {k1} {ns} and {b} {k2} {ns}. How many {ns} does {P} have? || {P} has {rn}.',
      'There are {a} {k1} {ns} and {b} {k2} {ns}. How many {ns} are there in all? || There are {rn} in all.',
      'In a {box} there are {a} {k1} {ns} and {b} {k2} {ns}. How many {ns} are in the {box}? || There are {rn} in the {box}.',
      '{P} {gets} {a} {k1} {ns} and {b} {k2} {ns}. How many {ns} is that in total? || That is {rn} in total.',
      '{P} sees {a} {k1} {ns} and {b} {k2} {ns}. How many {ns} does {he} see altogether? || {P} sees {rn} altogether.',
      'A shop has {a} {k1} {ns} and {b} {k2} {ns}. How many {ns} does the shop have? || The shop has {rn}.',
      'On the shelf there are {a} {k1} {ns}. Next to them there are {b} {k2} {ns}. How many {ns} are on the shelf? || There are {rn} on the shelf.',
    ],
    heldOut: [
      'Among the {ns} of {P}, {a} are {k1} and {b} are {k2}. There are no others. How many {ns} is that? || {P} has {rn}.',
      '{P} paints {a} {ns} {k1} and {b} {ns} {k2}. What is the total number of {ns}? || {P} paints {rn}.',
    ],
  },
  {
    name: 'loss',
    shape: 'subtract',
    weight: 5,
    training: [
      '{P} has {an}. {He} {loses} {b} of them. How many {ns} does {P} have left? || {P} has {rn} left.',
      '{P} has {an}. {He} gives {b} to {Q}. How many {ns} does {P} have now? || {P} has {rn} now.',
      '{P} had {an}. {He} {lost} {b}. How many {ns} are left? || There are {rn} left.',
      'If {P} has {an} and {loses} {b}, how many {ns} does {he} have left? || {P} has {rn} left.',
      'There are {an} in the {box}. {P} takes out {b}. How many {ns} are left in the {box}? || There are {rn} left in the {box}.',
      'There were {an} on the table. {P} took {b} away. How many {ns} are on the table now? || There are {rn} on the table now.',
      '{P} has {an} and gives {b} of them away. How many {ns} does {he} still have? || {P} still has {rn}.',
      'A shop has {an}. It sells {b}. How many {ns} does the shop have left? || The shop has {rn} left.',
      'On Monday {P} had {an}. On Tuesday {he} {lost} {b}. How many {ns} does {he} have now? || {P} has {rn} now.',
      '{P} starts with {an}. Then {he} {loses} {b}. How many {ns} remain? || {rn} remain.',
      '{Q} takes {bn} from {P}. {P} had {an} before. How many {ns} does {P} have now? || {P} has {rn} now.',
      '{P} has {an}. {b} of them are lost. How many {ns} are left? || {rn} are left.',
    ],
    heldOut: [
      '{P} owned {an}, but {b} of them are gone. What is the number of {ns} now? || {P} has {rn} now.',
      'From a {box} with {an}, {Q} carries off {b}. What stays in the {box}? || There are {rn} in the {box}.',
      'After {P} handed {b} of {his} {an} to {Q}, how many did {he} keep? || {P} kept {rn}.',
    ],
  },
  {
    name: 'other part',
    shape: 'subtract',
    weight: 3,
    training: [
      '{P} has {an}. {b} of them are {k1} and the others are {k2}. How many {ns} are {k2}? || {r} of the {ns} are {k2}.',
      'There are {an} in a {box}. {b} of them are {k1}. The rest are {k2}. How many {k2} {ns} are there? || There are {r} {k2} {ns}.',
      '{P} and {Q} have {an} together. {Q} has {b} of them. How many {ns} does {P} have? || {P} has {rn}.',
      'There are {an}. {b} are {k1} and the rest are {k2}. How many are {k2}? || {r} {ns} are {k2}.',
      'Of {an}, {b} are in the {box} and the rest are on the table. How many {ns} are on the table? || There are {rn} on the table.',
      '{P} has {an}. {b} are {k1}. How many are not {k1}? || {r} {ns} are not {k1}.',
    ],
    heldOut: [
      'A group of {an} has {b} {k1} ones. All the others are {k2}. Find the number of {k2} ones. || There are {r} {k2} {ns}.',
      '{P} keeps {an} in two places: {b} at home and the rest at school. How many are at school? || There are {rn} at school.',
    ],
  },
  {
    name: 'difference',
    shape: 'subtract',
    weight: 4,
    training: [
      '{P} has {an}. {Q} has {bn}. How many more {ns} does {P} have than {Q}? || {P} has {r} more {ns} than {Q}.',
      '{P} has {an} and {Q} has {bn}. How many fewer {ns} does {Q} have than {P}? || {Q} has {r} fewer {ns} than {P}.',
      'How many more {ns} does {P} have than {Q} if {P} has {a} and {Q} has {b}? || {P} has {r} more {ns} than {Q}.',
      '{Q} has {bn}. {P} has {an}. How many more {ns} does {P} have? || {P} has {r} more {ns}.',
      '{P} {got} {an}. {Q} {got} only {b}. What is the difference? || The difference is {rn}.',
      'There are {a} {k1} {ns} and {b} {k2} {ns}. How many more {k1} {ns} are there than {k2} {ns}? || There are {r} more {k1} {ns}.',
    ],
    heldOut: [
      '{P} counted {an} and {Q} counted {b}. By how many is the number of {P} bigger? || The number of {P} is bigger by {r}.',
      'What is the difference between the {an} of {P} and the {bn} of {Q}? || The difference is {rn}.',
    ],
  },
  {
    name: 'more than',
    shape: 'add',
    weight: 2,
    training: [
      '{P} has {an}. {Q} has {b} more {ns} than {P}. How many {ns} does {Q} have? || {Q} has {rn}.',
      '{P} has {an}. {Q} has {b} more than {P}. How many {ns} does {Q} have? || {Q} has {rn}.',
      '{Q} has {b} more {ns} than {P}. {P} has {an}. How many {ns} does {Q} have? || {Q} has {rn}.',
      'If {P} has {an} and {Q} has {b} more than {P}, how many {ns} does {Q} have? || {Q} has {rn}.',
    ],
    heldOut: ['{P} has {an}, and {Q} beats {him} by {b}. How many {ns} belong to {Q}? || {Q} has {rn}.'],
  },
  {
    name: 'fewer than',
    shape: 'subtract',
    weight: 2,
    training: [
      '{P} has {an}. {Q} has {b} fewer {ns} than {P}. How many {ns} does {Q} have? || {Q} has {rn}.',
      '{P} has {an}. {Q} has {b} fewer than {P}. How many {ns} does {Q} have? || {Q} has {rn}.',
      '{Q} has {b} fewer {ns} than {P}. {P} has {an}. How many {ns} does {Q} have? || {Q} has {rn}.',
      'If {P} has {an} and {Q} has {b} fewer than {P}, how many {ns} does {Q} have? || {Q} has {rn}.',
      '{P} has {an}. {Q} has {b} less than {P}. How many {ns} does {Q} have? || {Q} has {rn}.',
    ],
    heldOut: ['{P} has {an}, and {Q} is {b} short of that number. How many {ns} belong to {Q}? || {Q} has {rn}.'],
  },
  {
    name: 'goal',
    shape: 'subtract',
    weight: 3,
    training: [
      '{P} wants {an}. {He} has {b}. How many more {ns} does {he} need? || {P} needs {r} more {ns}.',
      '{P} has {bn}. {He} wants to have {a}. How many more {ns} does {he} need? || {P} needs {r} more {ns}.',
      '{P} needs {an}. {He} already has {b}. How many {ns} are missing? || {rn} are missing.',
      'A {box} has room for {an}. There are {b} in it. How many more {ns} fit into the {box}? || {r} more {ns} fit into the {box}.',
      '{P} had {bn}. {He} {got} some more. Now {he} has {an}. How many {ns} did {he} get? || {P} got {rn}.',
      '{P} had {an}. {He} gave some to {Q}. Now {he} has {b} left. How many {ns} did {he} give away? || {P} gave away {rn}.',
    ],
    heldOut: [
      'To reach {an}, {P}, who has {b}, must still find how many? || {P} must find {r} more {ns}.',
      'There are {b} {ns} here, but there should be {a}. How many are we waiting for? || We are waiting for {rn}.',
    ],
  },
  {
    name: 'before',
    shape: 'add',
    weight: 2,
    training: [
      '{P} had some {ns}. {He} gave away {a}. Now {he} has {b} left. How many {ns} did {he} have at first? || {P} had {rn} at first.',
      '{P} gives {an} to {Q} and still has {b}. How many {ns} did {P} have at first? || {P} had {rn} at first.',
      'After {P} {lost} {an}, {he} has {b} left. How many {ns} did {he} have before? || {P} had {rn} before.',
    ],
    heldOut: [
      '{P} sold {an} and kept {b}. How many {ns} were there in the beginning? || There were {rn} in the beginning.',
    ],
  },
  {
    name: 'groups',
    shape: 'multiply',
    weight: 5,
    training: [
      '{P} has {a} {boxes}. Each {box} has {bn} in it. How many {ns} does {P} have? || {P} has {rn}.',
      'There are {a} {boxes} with {bn} in each. How many {ns} are there? || There are {rn}.',
      '{P} has {a} {boxes} with {bn} in each {box}. How many {ns} are there in all? || There are {rn} in all.',
      '{P} puts {bn} into each of {a} {boxes}. How many {ns} does {he} use? || {P} uses {rn}.',
      'There are {a} {boxes}. There are {bn} in every {box}. How many {ns} are there in total? || There are {rn} in total.',
      '{a} children have {bn} each. How many {ns} do they have together? || They have {rn} together.',
      '{P} gets {bn} every day for {a} days. How many {ns} does {he} get? || {P} gets {rn}.',
      '{P} makes {a} rows of {bn}. How many {ns} are there? || There are {rn}.',
      'One {box} holds {bn}. How many {ns} do {a} {boxes} hold? || {a} {boxes} hold {rn}.',
      '{P} buys {a} packs of {ns}. Each pack has {bn}. How many {ns} does {P} buy? || {P} buys {rn}.',
    ],
    heldOut: [
      '{P} fills {a} {boxes}, always with {bn}. What is the number of {ns} in all the {boxes}? || There are {rn} in all.',
      'Each of {a} friends of {P} brings {bn}. How many {ns} arrive? || {rn} arrive.',
    ],
  },
  {
    name: 'price',
    shape: 'multiply',
    weight: 3,
    training: [
      'One {n} costs {b} coins. {P} buys {a}. How many coins does {he} pay? || {P} pays {r} coins.',
      '{P} buys {an}. Each {n} costs {b} coins. How many coins does {he} pay? || {P} pays {r} coins.',
      'One {n} costs {b} coins. How many coins do {an} cost? || {an} cost {r} coins.',
      '{P} sells {an} for {b} coins each. How many coins does {he} get? || {P} gets {r} coins.',
      'How many coins does {P} need for {an} if each {n} costs {b} coins? || {P} needs {r} coins.',
    ],
    heldOut: [
      'The price of one {n} is {b} coins. What must {P} pay for {a} of them? || {P} must pay {r} coins.',
      '{P} takes {an} at {b} coins each. What is the price of all of them? || The price is {r} coins.',
    ],
  },
  {
    name: 'share',
    shape: 'divide',
    weight: 4,
    training: [
      '{P} has {an}. {He} shares them equally among {b} children. How many {ns} does each child get? || Each child gets {rn}.',
      '{b} friends share {an} equally. How many {ns} does each friend get? || Each friend gets {rn}.',
      '{P} shares {an} equally among {b} friends. How many {ns} does each friend get? || Each friend gets {rn}.',
      '{P} puts {an} equally into {b} {boxes}. How many {ns} are in each {box}? || There are {rn} in each {box}.',
      'There are {an} for {b} children. Each child gets the same number. How many {ns} does each child get? || Each child gets {rn}.',
      '{P} makes {b} equal groups out of {an}. How many {ns} are in each group? || There are {rn} in each group.',
    ],
    heldOut: [
      '{P} deals {an} fairly to {b} people. What does each one receive? || Each one receives {rn}.',
      'Split {an} into {b} equal parts. How many {ns} are in one part? || There are {rn} in one part.',
    ],
  },
  {
    name: 'pack',
    shape: 'divide',
    weight: 3,
    training: [
      '{P} has {an}. {He} puts {b} into each {box}. How many {boxes} does {he} need? || {P} needs {r} {boxes}.',
      'There are {an}. Each {box} holds {b}. How many {boxes} are needed? || {r} {boxes} are needed.',
      '{P} packs {an} into {boxes}. {b} {ns} go into each {box}. How many {boxes} does {he} fill? || {P} fills {r} {boxes}.',
      '{P} gives {b} {ns} to each friend. {He} has {an}. How many friends get {ns}? || {r} friends get {ns}.',
      'How many {boxes} does {P} need for {an} if {b} go into each {box}? || {P} needs {r} {boxes}.',
    ],
    heldOut: ['With {b} {ns} in every {box}, how many {boxes} can {P} fill from {an}? || {P} can fill {r} {boxes}.'],
  },
  {
    name: 'gain then loss',
    shape: 'add-subtract',
    weight: 3,
    training: [
      '{P} has {an}. {He} {gets} {b} more. Then {he} gives {c} to {Q}. How many {ns} does {P} have now? || {P} has {rn} now.',
      '{P} had {an}. {He} {got} {b} more and then {lost} {c}. How many {ns} does {he} have left? || {P} has {rn} left.',
      'There are {an} in the {box}. {P} puts in {b} more. Then {Q} takes out {c}. How many {ns} are in the {box}? || There are {rn} in the {box}.',
      '{P} has {an} and {Q} has {b}. Together they give away {c}. How many {ns} do they have left? || They have {rn} left.',
    ],
    heldOut: ['First {P} owned {an}. Next {b} came and {c} went. What is the number of {ns} at last? || {P} has {rn}.'],
  },
  {
    name: 'three parts',
    shape: 'add-add',
    weight: 2,
    training: [
      '{P} has {a} {k1} {ns}, {b} {k2} {ns} and {c} {k3} {ns}. How many {ns} does {P} have? || {P} has {rn}.',
      '{P} has {an}. {Q} has {b} and {S} has {c}. How many {ns} do they have together? || They have {rn} together.',
      '{P} {gets} {an} on Monday, {b} on Tuesday and {c} on Wednesday. How many {ns} is that in all? || That is {rn} in all.',
    ],
    heldOut: [
      'Three children bring {ns}: {P} brings {a}, {Q} brings {b} and {S} brings {c}. What is the total? || The total is {rn}.',
    ],
  },
  {
    name: 'groups and more',
    shape: 'multiply-add',
    weight: 2,
    training: [
      '{P} has {a} {boxes} with {bn} in each and {c} more {ns} on the table. How many {ns} does {P} have? || {P} has {rn}.',
      '{P} buys {a} packs of {bn}. {Q} gives {him} {c} more. How many {ns} does {P} have? || {P} has {rn}.',
      'There are {a} {boxes} with {bn} in each. {P} finds {c} more {ns}. How many {ns} are there in all? || There are {rn} in all.',
    ],
    heldOut: ['{P} owns {a} {boxes} of {bn} and {c} single ones. Find the number of {ns}. || {P} has {rn}.'],
  },
  {
    name: 'groups and fewer',
    shape: 'multiply-subtract',
    weight: 2,
    training: [
      '{P} has {a} {boxes} with {bn} in each. {He} gives {c} {ns} to {Q}. How many {ns} does {P} have left? || {P} has {rn} left.',
      'There are {a} {boxes} with {bn} in each. {P} takes {c} {ns} away. How many {ns} are left? || There are {rn} left.',
      '{P} buys {a} packs of {bn} and {loses} {c}. How many {ns} does {P} have left? || {P} has {rn} left.',
    ],
    heldOut: ['Out of {a} {boxes} of {bn}, {P} sold {c} {ns}. How many did {he} keep? || {P} kept {rn}.'],
  },
]

/** With the wordings that were added for training. */
export const families: readonly Family[] = problemFamilies.map((family) => ({
  ...family,
  training: [...family.training, ...(problemWordings[family.name] ?? [])],
}))

export const equationWordings: Readonly<
  Record<'+' | '-' | '×' | '÷', { training: readonly string[]; heldOut: readonly string[] }>
> = {
  '+': {
    training: [
      'What is {a} + {b}?',
      '{a} + {b} = ?',
      '{a} + {b}',
      'How much is {a} + {b}?',
      'What is {a} plus {b}?',
      'Add {a} and {b}.',
      'Calculate {a} + {b}.',
      'Please work out {a} + {b}.',
      'What do you get when you add {b} to {a}?',
      'How much is {a} and {b} together?',
      'What is the sum of {a} and {b}?',
      'Can you add {a} and {b}?',
      'What does {a} plus {b} make?',
      ...equationFrames['+'],
    ],
    heldOut: [
      'Find the sum: {a} + {b}.',
      'If I put {a} and {b} together, what number do I have?',
      'Which number is {b} more than {a}?',
    ],
  },
  '-': {
    training: [
      'What is {a} - {b}?',
      '{a} - {b} = ?',
      '{a} - {b}',
      'How much is {a} - {b}?',
      'What is {a} minus {b}?',
      'Subtract {b} from {a}.',
      'Calculate {a} - {b}.',
      'Please work out {a} - {b}.',
      'What do you get when you take {b} away from {a}?',
      'Take {b} away from {a}.',
      'What is the difference between {a} and {b}?',
      'How much is {a} take away {b}?',
      'What is left when you take {b} from {a}?',
      ...equationFrames['-'],
    ],
    heldOut: [
      'Find the difference: {a} - {b}.',
      'If I start at {a} and count back {b}, where do I stop?',
      'Which number is {b} less than {a}?',
    ],
  },
  '×': {
    training: [
      'What is {a} × {b}?',
      '{a} × {b} = ?',
      '{a} × {b}',
      'How much is {a} × {b}?',
      'What is {a} times {b}?',
      'Multiply {a} by {b}.',
      'Calculate {a} × {b}.',
      'Please work out {a} × {b}.',
      'What is {a} x {b}?',
      'What is {a} * {b}?',
      'How much is {a} times {b}?',
      'What is {a} multiplied by {b}?',
      'What is the product of {a} and {b}?',
      ...equationFrames['×'],
    ],
    heldOut: [
      'Find the product: {a} × {b}.',
      'Take the number {b} {a} times. What is it in all?',
      'How many are {a} groups of {b}?',
    ],
  },
  '÷': {
    training: [
      'What is {a} ÷ {b}?',
      '{a} ÷ {b} = ?',
      '{a} ÷ {b}',
      'How much is {a} ÷ {b}?',
      'What is {a} divided by {b}?',
      'Divide {a} by {b}.',
      'Calculate {a} ÷ {b}.',
      'Please work out {a} ÷ {b}.',
      'What is {a} / {b}?',
      'How often does {b} go into {a}?',
      'How many times does {b} fit into {a}?',
      'How much is {a} divided by {b}?',
      ...equationFrames['÷'],
    ],
    heldOut: [
      'Find the result: {a} ÷ {b}.',
      'How many groups of {b} are in {a}?',
      'Which number do I get when I split {a} into {b} equal parts?',
    ],
  },
}

export const comparisonWordings = {
  training: [
    'Which number is {w}, {a} or {b}?',
    'Which is {w}, {a} or {b}?',
    'What is {w}, {a} or {b}?',
    'Tell me the {w} number: {a} or {b}.',
    'Is {a} or {b} {w}?',
    ...numberComparisonFrames,
  ],
  heldOut: ['Of the numbers {a} and {b}, which one is {w}?', 'Compare {a} and {b} and name the {w} one.'],
} as const
