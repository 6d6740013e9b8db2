/**
 * Parts that word problems and equations are put together from, so that a wording is hardly ever seen twice. Slots as in
 * arithmetic-families.ts; {x} is the number of an event: that of {b} or of {c}.
 */

/** What may stand anywhere before the question, and has no number. */
export const scenery: readonly string[] = [
  'It is a sunny day.',
  'It is raining outside.',
  '{P} has just come home from school.',
  '{P} likes {ns} a lot.',
  '{Q} is a good friend of {P}.',
  'It is Saturday.',
  'Everybody is in a good mood.',
  'The clock strikes four.',
  '{P} and {Q} are neighbours.',
  'A cat is watching.',
  'There is nothing else to do.',
  '{P} is very busy this week.',
  'The {ns} are quite new.',
  'Nobody else is there.',
]

interface Account {
  readonly starts: readonly string[]
  readonly gains: readonly string[]
  readonly losses: readonly string[]
  /** Questions about what there is after the events, with closing sentences. */
  readonly asks: readonly string[]
}

/** What somebody has, in the present and in the past. */
export const accounts: readonly Account[] = [
  {
    starts: [
      '{P} has {an}.',
      '{P} owns {an}.',
      '{P} keeps {an} at home.',
      '{P} carries {an} in a {box}.',
      '{P} is the owner of {an}.',
      'The {ns} of {P} are {a} in number.',
      '{P} comes with {an}.',
      '{P} counts {his} {ns}: there are {a}.',
    ],
    gains: [
      '{Q} gives {him} {x} more.',
      '{He} finds another {x} under the stairs.',
      '{He} buys {x} more at the market.',
      'An uncle sends {him} {x} more.',
      '{He} picks up {x} more on the way.',
      'A parcel with {x} more comes by post.',
      '{He} makes {x} new ones.',
      '{He} wins {x} more in a game.',
      '{Q} brings {him} another {x}.',
      'For {his} birthday {he} gets {x} more.',
      '{He} digs up {x} more behind the house.',
      '{He} is paid with another {x}.',
      'Somebody leaves {x} more at {his} door.',
      '{He} orders {x} more, and they arrive.',
    ],
    losses: [
      '{He} gives {x} of them to {Q}.',
      '{He} loses {x} of them in the woods.',
      '{He} sells {x} of them.',
      '{x} of them break.',
      '{Q} borrows {x} of them.',
      '{He} throws {x} of them into the bin.',
      'A dog runs off with {x} of them.',
      '{He} leaves {x} of them on the bus.',
      '{He} uses up {x} of them.',
      '{x} of them fall into a river.',
      '{He} hands {x} of them to {his} sister.',
      'The wind carries {x} of them away.',
      '{He} sends {x} of them to {his} cousin.',
      'Thieves take {x} of them.',
    ],
    asks: [
      'How many {ns} does {P} have now? || {P} has {rn} now.',
      'How many does {he} have then? || {P} has {rn} then.',
      'Tell me how many {ns} {P} has after that. || {P} has {rn} after that.',
      'So how many {ns} has {P} got? || {P} has got {rn}.',
      'Please count the {ns} of {P}. || {P} has {rn}.',
      'With how many {ns} does {P} end up? || {P} ends up with {rn}.',
      'How many {ns} are there in the end? || In the end there are {rn}.',
      'Can you say how many {ns} {P} has now? || {P} has {rn} now.',
      '{P} wants to know how many {ns} that makes. || That makes {rn}.',
      'How large is the number of {ns} now? || There are {rn} now.',
    ],
  },
  {
    starts: [
      '{P} had {an}.',
      'Once {P} had {an}.',
      '{P} went out with {an}.',
      'Last year {P} had {an}.',
      'In {his} pockets {P} had {an}.',
      'When the day began, {P} had {an}.',
      'A long time ago {P} kept {an} in a {box}.',
    ],
    gains: [
      '{Q} gave {him} {x} more.',
      'Then {he} found another {x}.',
      '{He} bought {x} more in town.',
      'An aunt sent {him} {x} more.',
      '{He} saw {x} more in the grass and took them.',
      '{He} won {x} more.',
      'A stranger gave {him} {x} more.',
      'Later {he} made {x} more.',
      '{x} more came by train.',
      '{He} got {x} more for {his} help.',
    ],
    losses: [
      '{He} gave {x} of them to {Q}.',
      'Then {x} of them got lost.',
      '{He} sold {x} of them in town.',
      '{x} of them broke.',
      '{Q} took {x} of them away.',
      '{He} forgot {x} of them at school.',
      'A goat ate {x} of them.',
      '{He} dropped {x} of them into the sea.',
      '{x} of them went missing.',
      '{He} burnt {x} of them in the stove.',
    ],
    asks: [
      'How many {ns} did {P} have then? || {P} had {rn} then.',
      'How many were there after that? || There were {rn} after that.',
      'With how many {ns} did {P} go home? || {P} went home with {rn}.',
      'How many {ns} did {he} have in the evening? || {P} had {rn} in the evening.',
      'Tell me how many {ns} {P} had at last. || {P} had {rn} at last.',
      'So how many {ns} were there? || There were {rn}.',
      'How many {ns} could {P} show to {Q}? || {P} could show {rn}.',
    ],
  },
  {
    starts: [
      'There are {an} in a {box}.',
      'A {box} has {an} in it.',
      'In the yard there are {an}.',
      'You can see {an} on a table.',
      'On a cart there are {an}.',
      'The kitchen is full of {ns}: there are {a}.',
    ],
    gains: [
      '{P} puts {x} more there.',
      '{P} brings another {x}.',
      '{x} more are added.',
      'Another {x} come in.',
      '{P} and {Q} carry {x} more there.',
      'Somebody leaves {x} more there.',
      'Soon there are {x} more.',
    ],
    losses: [
      '{P} takes {x} of them.',
      '{x} of them are taken out.',
      '{Q} carries {x} of them away.',
      '{P} removes {x} of them.',
      '{x} of them are given to {Q}.',
      'Somebody steals {x} of them.',
      '{P} needs {x} of them and takes them.',
    ],
    asks: [
      'How many {ns} are there now? || There are {rn} now.',
      'How many can you see then? || Then you can see {rn}.',
      'Tell me how many {ns} there are after that. || There are {rn} after that.',
      'So how many {ns} are there? || There are {rn}.',
      'How many {ns} does {P} count? || {P} counts {rn}.',
    ],
  },
]

/** Two owners, and questions by the operation on their numbers. */
export const pairStarts: readonly string[] = [
  '{P} has {an} and {Q} has {bn}.',
  '{P} owns {an}. {Q} owns {bn}.',
  '{P} has {an}, but {Q} has {b}.',
  '{P} found {an}, and {Q} found {bn}.',
  'There are {an} at the house of {P} and {bn} at the house of {Q}.',
  '{P} shows {an}. {Q} shows {b}.',
  '{P} counts {an}. {Q} counts {b}.',
]
export const pairTotals: readonly string[] = [
  'How many {ns} do both of them have? || Both of them have {rn}.',
  'How many is that together? || Together that is {rn}.',
  'How many {ns} do the two friends have in total? || The two friends have {rn} in total.',
  'They put all {ns} into one {box}. How many are in it? || There are {rn} in it.',
  'If they put everything together, how many {ns} are there? || There are {rn}.',
  'How many {ns} do you count for both? || For both there are {rn}.',
]
export const pairDifferences: readonly string[] = [
  'How many more does {P} have? || {P} has {r} more.',
  'How many more {ns} are with {P} than with {Q}? || With {P} there are {r} more.',
  'By how many is {P} ahead? || {P} is ahead by {r}.',
  'How many does {Q} still need to have as many? || {Q} still needs {r}.',
  'How many fewer does {Q} have? || {Q} has {r} fewer.',
  'How big is the difference? || The difference is {r}.',
]

/** {b} more or fewer than {a}. */
export const moreThan: readonly string[] = [
  '{P} has {an}. {Q} has {b} more. How many {ns} does {Q} have? || {Q} has {rn}.',
  '{Q} has {b} more {ns} than {P}. {P} has {a}. How many has {Q}? || {Q} has {rn}.',
  '{P} collected {an}. {Q} collected {b} more than that. How many did {Q} collect? || {Q} collected {rn}.',
  'To have as many as {Q}, {P} needs {b} more {ns}. {P} has {a}. How many does {Q} have? || {Q} has {rn}.',
]
export const fewerThan: readonly string[] = [
  '{P} has {an}. {Q} has {b} fewer. How many {ns} does {Q} have? || {Q} has {rn}.',
  '{Q} has {b} fewer {ns} than {P}. {P} has {a}. How many has {Q}? || {Q} has {rn}.',
  '{P} collected {an}. {Q} collected {b} fewer than that. How many did {Q} collect? || {Q} collected {rn}.',
  '{P} has {b} more {ns} than {Q}. {P} has {a}. How many does {Q} have? || {Q} has {rn}.',
]

/** Equal groups, {a} of them with {b} in each. */
export const groupStarts: readonly string[] = [
  '{P} has {a} {boxes}. In each of them are {bn}.',
  '{P} fills {a} {boxes} with {bn} each.',
  'There are {a} {boxes}, and {bn} in each.',
  'Each {box} holds {bn}. {P} has {a} {boxes}.',
  'Every day {P} gets {bn}. This goes on for {a} days.',
  '{a} children come. Each child has {bn}.',
  'In a hall there are {a} tables with {bn} on each.',
  '{P} draws {a} rows with {bn} in each row.',
  'One {box} has room for {bn}. {P} fills {a} of them.',
]
export const groupTotals: readonly string[] = [
  'How many {ns} are there in all? || There are {rn} in all.',
  'How many {ns} is that? || That is {rn}.',
  'How many {ns} does that make? || That makes {rn}.',
  'Count all the {ns}. || There are {rn}.',
  'What is the total? || The total is {rn}.',
  'So how many {ns} are there altogether? || There are {rn} altogether.',
]
export const groupGains: readonly string[] = [
  '{Q} adds {c} more.',
  'Beside them lie {c} more.',
  '{c} more come later.',
  '{Q} has another {c}.',
]
export const groupLosses: readonly string[] = [
  '{Q} takes {c} of them.',
  '{c} of them are lost.',
  'Later {c} of them are sold.',
  '{c} of them turn out to be broken and are thrown away.',
]
export const groupRests: readonly string[] = [
  'How many {ns} are left? || There are {rn} left.',
  'How many remain? || {rn} remain.',
  'How many {ns} are there then? || There are {rn} then.',
]

/** {a} shared into {b} equal parts, and questions about one part. */
export const shareStarts: readonly string[] = [
  '{P} has {an} and shares them fairly among {b} friends.',
  '{b} children share {an}, and each child gets the same number.',
  '{an} are put into {b} {boxes}, the same number into each.',
  '{P} makes {b} equal heaps out of {an}.',
  '{P} divides {an} equally among {b} plates.',
  '{b} neighbours get {an} together, and all get the same.',
]
export const shareAsks: readonly string[] = [
  'How many are in one part? || There are {r} in one part.',
  'How many {ns} is that for each? || That is {rn} for each.',
  'How large is one share? || One share is {rn}.',
  'What does each one get? || Each one gets {rn}.',
]
/** {a} packed by {b}: how many groups. */
export const packStarts: readonly string[] = [
  '{P} packs {an}, {b} into each {box}.',
  '{P} has {an}. {b} of them fit into one {box}.',
  '{an} are tied together in bundles of {b}.',
  'Each day {P} uses {b} of {his} {an}.',
]
export const packAsks: readonly string[] = [
  'How many times can that be done? || That can be done {r} times.',
  'How often does it work until nothing is left? || It works {r} times.',
  'After how many times is nothing left? || After {r} times nothing is left.',
]

type Sign = '+' | '-' | '×' | '÷'

/** Names of a result, {a} and {b} in it. */
export const resultNames: Readonly<Record<Sign, readonly string[]>> = {
  '+': [
    ...['{a} + {b}', '{a} plus {b}', 'the sum of {a} and {b}', '{a} and {b} together', '{b} added to {a}'],
    ...['{a} and then another {b}', '{a} with {b} on top', '{b} more than {a}', '{a} increased by {b}'],
  ],
  '-': [
    ...['{a} - {b}', '{a} minus {b}', 'the difference between {a} and {b}', '{a} take away {b}', '{b} less than {a}'],
    ...['{b} taken from {a}', '{a} without {b}', '{a} reduced by {b}', 'what is left of {a} without {b}'],
  ],
  '×': [
    ...['{a} × {b}', '{a} times {b}', 'the product of {a} and {b}', '{a} multiplied by {b}', '{a} groups of {b}'],
    ...['{b} taken {a} times', '{a} rows with {b} in each', '{a} x {b}', '{a} lots of {b}'],
  ],
  '÷': [
    ...['{a} ÷ {b}', '{a} divided by {b}', '{a} shared by {b}', 'one of {b} equal parts of {a}', '{a} / {b}'],
    ...['{a} split into {b} equal parts', '{a} shared equally among {b}', 'the result of {a} over {b}'],
  ],
}

/** Slot {e}: one of these names. */
export const resultFrames: readonly string[] = [
  'What is {e}?',
  'How much is {e}?',
  'I want to know {e}.',
  'Please tell me what {e} is.',
  'Can you work out {e}?',
  'I need {e}.',
  'Compute {e} for me.',
  '{e}, please.',
  'Help me with {e}.',
  'I cannot work out {e}. Can you?',
  'My teacher wants to know {e}.',
  'Write {e} as one number.',
  '{e} comes to how much?',
  'Give me {e}.',
  'Quick: {e}?',
  'Do you know {e}?',
  'I am looking for {e}.',
  'Show me how to get {e}.',
  'What do I write for {e}?',
  'We have to find {e}. What is it?',
]
