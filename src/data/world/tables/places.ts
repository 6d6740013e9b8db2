/** The land where everything happens. */
export const land = 'Fernland'

export interface Place {
  readonly name: string
  readonly kind: string
  /** Completes "Oakton is ...". */
  readonly where: string
  /** Completes "... is known for ...". */
  readonly known: string
  /** Completes "In ... you can ..."; the preposition is in `at`. */
  readonly activity: string
  readonly at: string
  /** One of the cast who works there, where there is one. */
  readonly worker?: string
}

export const places: readonly Place[] = [
  {
    name: 'Oakton',
    kind: 'the biggest town in Fernland',
    where: 'in the middle of Fernland',
    known: 'its very old oak tree',
    activity: 'visit the library and the bakery',
    at: 'in Oakton',
  },
  {
    name: 'Millbrook',
    kind: 'a small village',
    where: 'by the Silver River',
    known: 'its water mill',
    activity: 'watch the water mill turn',
    at: 'in Millbrook',
  },
  {
    name: 'Redhill',
    kind: 'a busy town',
    where: 'on a red hill in the west of Fernland',
    known: 'its big market',
    activity: 'buy fruit and cloth at the market',
    at: 'in Redhill',
  },
  {
    name: 'Bayport',
    kind: 'a town by the sea',
    where: 'on the south coast of Fernland',
    known: 'its harbour and its fresh fish',
    activity: 'see ships and eat fresh fish',
    at: 'in Bayport',
  },
  {
    name: 'Stonebridge',
    kind: 'a small village',
    where: 'at the foot of Grey Mountain',
    known: 'its old stone bridge',
    activity: 'walk over the old stone bridge',
    at: 'in Stonebridge',
  },
  {
    name: 'Pinewick',
    kind: 'a quiet village',
    where: 'in the east of Fernland, beside Owl Wood',
    known: 'its sweet honey',
    activity: 'taste fresh honey',
    at: 'in Pinewick',
  },
  {
    name: 'the Silver River',
    kind: 'the longest river in Fernland',
    where: 'between Grey Mountain and the Blue Bay',
    known: 'its clear water and its salmon',
    activity: 'catch salmon',
    at: 'at the Silver River',
  },
  {
    name: 'Grey Mountain',
    kind: 'the highest mountain in Fernland',
    where: 'in the north of Fernland',
    known: 'its snow',
    activity: 'see eagles and walk in the snow',
    at: 'on Grey Mountain',
  },
  {
    name: 'the Blue Bay',
    kind: 'a part of the sea',
    where: 'in the south of Fernland',
    known: 'its dolphins',
    activity: 'swim and watch dolphins',
    at: 'at the Blue Bay',
  },
  {
    name: 'Owl Wood',
    kind: 'a big forest',
    where: 'in the east of Fernland',
    known: 'its many owls',
    activity: 'hear owls and pick mushrooms',
    at: 'in Owl Wood',
    worker: 'Gus',
  },
  {
    name: 'Moon Lake',
    kind: 'a round lake',
    where: 'near Pinewick',
    known: 'its white swans',
    activity: 'row a boat and see swans',
    at: 'at Moon Lake',
  },
  {
    name: 'Gull Island',
    kind: 'a small island',
    where: 'in the Blue Bay',
    known: 'its lighthouse',
    activity: 'visit the lighthouse',
    at: 'on Gull Island',
    worker: 'Silas',
  },
  {
    name: 'Sunny Farm',
    kind: 'a farm',
    where: 'near Millbrook',
    known: 'its friendly cows',
    activity: 'see cows, hens and pigs',
    at: 'at Sunny Farm',
    worker: 'Tobin',
  },
  {
    name: 'Oakton School',
    kind: 'a school',
    where: 'in Oakton',
    known: 'its music lessons',
    activity: 'learn to read and count',
    at: 'at Oakton School',
    worker: 'Clara',
  },
  {
    name: 'Oakton Library',
    kind: 'a library',
    where: 'in Oakton',
    known: 'its story hour on Sunday',
    activity: 'borrow books',
    at: 'at Oakton Library',
    worker: 'Odette',
  },
  {
    name: 'Oakton Hospital',
    kind: 'a hospital',
    where: 'in Oakton',
    known: 'its kind nurses',
    activity: 'see a doctor when you are ill',
    at: 'at Oakton Hospital',
    worker: 'Priya',
  },
  {
    name: 'the Golden Loaf',
    kind: 'a bakery',
    where: 'in Oakton',
    known: 'its warm bread',
    activity: 'buy bread and cakes',
    at: 'at the Golden Loaf',
    worker: 'Mara',
  },
  {
    name: 'Redhill Market',
    kind: 'a market',
    where: 'in Redhill',
    known: 'its fresh fruit',
    activity: 'buy fruit, cheese and cloth',
    at: 'at Redhill Market',
  },
  {
    name: 'Redhill Castle',
    kind: 'an old castle',
    where: 'in Redhill',
    known: 'its tall tower',
    activity: 'climb the tall tower',
    at: 'at Redhill Castle',
  },
  {
    name: 'Rose Park',
    kind: 'a park',
    where: 'in Redhill',
    known: 'its red roses',
    activity: 'play on the swings and smell the roses',
    at: 'in Rose Park',
    worker: 'Maeve',
  },
  {
    name: 'the Blue Fish',
    kind: 'a restaurant',
    where: 'in Bayport',
    known: 'its fish soup',
    activity: 'eat fish soup',
    at: 'at the Blue Fish',
    worker: 'Selma',
  },
  {
    name: 'Bayport Harbour',
    kind: 'a harbour',
    where: 'in Bayport',
    known: 'its white sailing boats',
    activity: 'take the ferry to Gull Island',
    at: 'at Bayport Harbour',
    worker: 'Dario',
  },
  {
    name: 'the Old Mill',
    kind: 'a water mill',
    where: 'in Millbrook',
    known: 'its big wooden wheel',
    activity: 'buy flour',
    at: 'at the Old Mill',
    worker: 'Amos',
  },
  {
    name: 'Star Hill',
    kind: 'a hill',
    where: 'near Stonebridge',
    known: 'its big telescope',
    activity: 'look at the stars',
    at: 'on Star Hill',
  },
]

export interface LooseFact {
  readonly questions: readonly string[]
  readonly heldOutQuestions: readonly string[]
  /** Complete sentences that all say the same. */
  readonly answers: readonly string[]
  /** The words of which one must be in a right answer. */
  readonly accept: readonly string[]
}

/** Facts about the land that fit no column. */
export const landFacts: readonly LooseFact[] = [
  {
    questions: ['What is Fernland?', 'Tell me what Fernland is.', 'What kind of place is Fernland?'],
    heldOutQuestions: ['Could you explain what Fernland is?'],
    answers: ['Fernland is a small land with towns, a river and the sea.'],
    accept: ['land'],
  },
  {
    questions: [
      'How many towns and villages are there in Fernland?',
      'How many towns and villages does Fernland have?',
    ],
    heldOutQuestions: ['What is the number of towns and villages in Fernland?'],
    answers: ['Fernland has six towns and villages.', 'There are six towns and villages in Fernland.'],
    accept: ['six', '6'],
  },
  {
    questions: ['Which towns and villages are in Fernland?', 'Name the towns and villages of Fernland.'],
    heldOutQuestions: ['Can you list the towns and villages of Fernland?'],
    answers: ['The towns and villages of Fernland are Oakton, Millbrook, Redhill, Bayport, Stonebridge and Pinewick.'],
    accept: ['Oakton'],
  },
  {
    questions: ['What is the biggest town in Fernland?', 'Which town in Fernland is the biggest?'],
    heldOutQuestions: ['Which town is larger than all the others in Fernland?'],
    answers: ['The biggest town in Fernland is Oakton.', 'Oakton is the biggest town in Fernland.'],
    accept: ['Oakton'],
  },
  {
    questions: ['What is the longest river in Fernland?', 'Which river in Fernland is the longest?'],
    heldOutQuestions: ['What do people call the longest river of Fernland?'],
    answers: [
      'The longest river in Fernland is the Silver River.',
      'The Silver River is the longest river in Fernland.',
    ],
    accept: ['Silver River'],
  },
  {
    questions: ['What is the highest mountain in Fernland?', 'Which mountain in Fernland is the highest?'],
    heldOutQuestions: ['What do people call the highest mountain of Fernland?'],
    answers: [
      'The highest mountain in Fernland is Grey Mountain.',
      'Grey Mountain is the highest mountain in Fernland.',
    ],
    accept: ['Grey Mountain'],
  },
  {
    questions: [
      'Where does the Silver River begin?',
      'Where does the Silver River start?',
      'Where does the Silver River come from?',
    ],
    heldOutQuestions: ['At which place does the Silver River begin?'],
    answers: ['The Silver River begins on Grey Mountain.', 'The Silver River starts on Grey Mountain.'],
    accept: ['Grey Mountain'],
  },
  {
    questions: [
      'Where does the Silver River end?',
      'Where does the Silver River flow to?',
      'Where does the Silver River go?',
    ],
    heldOutQuestions: ['Into which water does the Silver River flow?'],
    answers: ['The Silver River flows into the Blue Bay.', 'The Silver River ends in the Blue Bay.'],
    accept: ['Blue Bay'],
  },
  {
    questions: ['Which villages does the Silver River pass?', 'Which villages are on the Silver River?'],
    heldOutQuestions: ['What villages lie along the Silver River?'],
    answers: ['The Silver River passes Stonebridge and Millbrook.'],
    accept: ['Stonebridge', 'Millbrook'],
  },
  {
    questions: [
      'When is Redhill Market open?',
      'On which day is Redhill Market open?',
      'When can I go to Redhill Market?',
    ],
    heldOutQuestions: ['What day of the week is Redhill Market held on?'],
    answers: ['Redhill Market is open every Saturday.', 'Redhill Market is open on Saturday.'],
    accept: ['Saturday'],
  },
  {
    questions: ['When is the story hour at Oakton Library?', 'On which day is the story hour at Oakton Library?'],
    heldOutQuestions: ['What day should I come to Oakton Library for the story hour?'],
    answers: ['The story hour at Oakton Library is on Sunday.'],
    accept: ['Sunday'],
  },
  {
    questions: [
      'How do people get to Gull Island?',
      'How can I get to Gull Island?',
      'How do you travel to Gull Island?',
    ],
    heldOutQuestions: ['What is the way to reach Gull Island?'],
    answers: ['You can take the ferry from Bayport Harbour to Gull Island.'],
    accept: ['ferry'],
  },
  {
    questions: ['Where is the lighthouse?', 'Where can I find the lighthouse?', 'Where does the lighthouse stand?'],
    heldOutQuestions: ['On which island does the lighthouse stand?'],
    answers: ['The lighthouse is on Gull Island.', 'The lighthouse stands on Gull Island.'],
    accept: ['Gull Island'],
  },
  {
    questions: [
      'Where does the train stop in Fernland?',
      'Which towns does the train go to?',
      'Where does the train go?',
    ],
    heldOutQuestions: ['In which towns can I get on the train?'],
    answers: ['The train goes to Oakton, Redhill and Bayport.'],
    accept: ['Oakton', 'Redhill', 'Bayport'],
  },
  {
    questions: ['What is the weather like in Fernland?', 'Tell me about the weather in Fernland.'],
    heldOutQuestions: ['What kind of weather does Fernland have?'],
    answers: ['Fernland has warm summers and cold winters with snow.'],
    accept: ['warm', 'cold', 'snow'],
  },
  {
    questions: [
      'What is the bridge in Stonebridge made of?',
      'What did people use to build the bridge in Stonebridge?',
    ],
    heldOutQuestions: ['Which material is the bridge in Stonebridge built from?'],
    answers: ['The bridge in Stonebridge is made of stone.'],
    accept: ['stone'],
  },
  {
    questions: ['How tall is the tower of Redhill Castle?', 'How high is the tower of Redhill Castle?'],
    heldOutQuestions: ['What is the height of the tower of Redhill Castle?'],
    answers: ['The tower of Redhill Castle is 40 metres high.'],
    accept: ['40'],
  },
  {
    questions: ['How many pupils does Oakton School have?', 'How many children go to Oakton School?'],
    heldOutQuestions: ['What is the number of pupils at Oakton School?'],
    answers: ['Oakton School has 90 pupils.', 'There are 90 pupils at Oakton School.'],
    accept: ['90'],
  },
  {
    questions: [
      'What animals live on Sunny Farm?',
      'Which animals are on Sunny Farm?',
      'What animals can I see on Sunny Farm?',
    ],
    heldOutQuestions: ['Can you tell me which animals Sunny Farm keeps?'],
    answers: ['Cows, hens and pigs live on Sunny Farm.'],
    accept: ['cows', 'hens', 'pigs'],
  },
  {
    questions: [
      'What is the flag of Fernland like?',
      'What does the flag of Fernland look like?',
      'What is on the flag of Fernland?',
    ],
    heldOutQuestions: ['Could you describe the flag of Fernland?'],
    answers: ['The flag of Fernland is white with a green fern.'],
    accept: ['fern', 'white', 'green'],
  },
]
