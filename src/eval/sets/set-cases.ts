/** Rows of our own invention with the columns of each public set, by the folder of its rows. */
type Rows = readonly Readonly<Record<string, unknown>>[]

const lettered = (question: string): Rows => [
  {
    id: 'row-1',
    [question]: 'What does a kettle boil?',
    choices: { text: ['Stones', 'Water', 'Letters'], label: ['A', 'B', 'C'] },
    answerKey: 'B',
  },
  {
    id: 'row-2',
    [question]: 'What is cold?',
    choices: { text: ['Snow', 'Fire', 'Steam'], label: ['1', '2', '3'] },
    answerKey: '1',
  },
]

/** Bytes beside a name, as the hub has pictures. */
const picture = (name: string) => ({ bytes: new TextEncoder().encode(name), path: `${name}.png` })

export const setCases: Readonly<Record<string, Rows>> = {
  mmlu: [
    { question: 'What is cold?', subject: 'kitchens', choices: ['Snow', 'Fire', 'Steam', 'Soup'], answer: 0 },
    { question: 'What is hot?', subject: 'gardens', choices: ['Snow', 'Fire', 'Ice', 'Rain'], answer: 1 },
  ],
  hellaswag: [
    {
      activity_label: 'Baking bread',
      ctx_a: 'A baker kneads the dough.',
      ctx_b: 'she',
      endings: ['puts it into the oven.', 'sails away.'],
      label: '0',
    },
  ],
  anli: [{ uid: 'u1', premise: 'The shop opens at nine.', hypothesis: 'It is open at noon.', label: 1 }],
  gsm8k: [{ question: 'Mia has 3 jars of 8 plums. How many?', answer: '3*8 = <<3*8=24>>24.\n#### 24' }],
  math: [{ problem: 'What is half of $7$?', solution: 'It is $\\boxed{\\frac{7}{2}}$.' }],
  medqa: [
    {
      question: 'Which tea helps?',
      options: { A: 'Mint', B: 'None', C: 'Sage', D: 'Black tea' },
      answer_idx: 'C',
    },
  ],
  triviaqa: [
    {
      question_id: 'tc_1',
      question: 'Which bird of the tale could not fly?',
      answer: { aliases: ['The Penguin', 'a penguin'], value: 'Penguin', type: 'WikipediaEntity' },
    },
  ],
  'arc-challenge': lettered('question'),
  'arc-easy': lettered('question'),
  piqa: [{ goal: 'To dry a plate', sol1: 'wipe it with a stone', sol2: 'wipe it with a towel', label: 1 }],
  socialiqa: [
    {
      context: 'Ada lent Bo her umbrella.',
      question: 'How does Bo feel?',
      answerA: 'wet',
      answerB: 'angry',
      answerC: 'thankful',
      label: '3',
    },
  ],
  bbh: [{ input: 'I have a pear and a plum. How many fruits?', target: '2', task: 'object_counting' }],
  winogrande: [
    {
      sentence: 'The cup fell off the shelf because the _ was slippery.',
      option1: 'cup',
      option2: 'shelf',
      answer: '2',
    },
  ],
  openbookqa: lettered('question_stem'),
  boolq: [{ question: 'is a tomato blue', answer: false, passage: 'Tomatoes are red.' }],
  commonsenseqa: lettered('question'),
  truthfulqa: [
    {
      question: 'What happens if you whistle at the moon?',
      best_answer: 'Nothing happens',
      correct_answers: ['Nothing happens', 'You hear a whistle'],
      incorrect_answers: ['It whistles back', 'It rains'],
    },
  ],
  humaneval: [
    {
      task_id: 'Harbour/1',
      prompt: 'def ships(count):\n    """Ships at two piers."""\n',
      canonical_solution: '    return 2 * count\n',
      test: 'def check(candidate):\n    assert candidate(2) == 4\n',
      entry_point: 'ships',
    },
  ],
  mbpp: [
    {
      task_id: 11,
      text: 'Write a function to count gulls.',
      code: 'def gulls(birds):\r\n  return birds.count("gull")',
      test_list: ['assert gulls(["gull"]) == 1', 'assert gulls([]) == 0'],
      test_setup_code: '',
    },
  ],
  gpqa: [
    {
      Question: 'What is it made of?\n',
      'Correct Answer': 'Salt',
      'Incorrect Answer 1': 'Sand',
      'Incorrect Answer 2': 'Soot',
      'Incorrect Answer 3': 'Snow',
    },
  ],
  'mt-bench': [
    { prompt_id: 81, category: 'writing', prompt: ['Write a line.', 'Make it rhyme.'], reference: [] },
    { prompt_id: 111, category: 'math', prompt: ['Twice seven?', 'Half of it?'], reference: ['14', '7'] },
  ],
  mgsm: [{ question: 'Eva hat 2 Hüte und kauft 3. Wie viele?', answer_number: 5, lang: 'de' }],
  nq: [{ question: 'who keeps the lighthouse', answer: ['Old Tom', 'Tom'] }],
  popqa: [{ question: 'Who wrote the log?', possible_answers: '["Ada", "A. L."]' }],
  'ruler-squad': [
    {
      id: 's1',
      context: 'The mill stands by the brook.',
      question: 'Where does the mill stand?',
      answers: { text: ['by the brook', 'the brook'], answer_start: [16, 19] },
    },
  ],
  'ruler-hotpotqa': [
    {
      id: 'h1',
      question: 'Which of them is older?',
      answer: 'the mill',
      context: { title: ['Mill', 'Ferry'], sentences: [['The mill is old.', ' Very old.'], ['The ferry is new.']] },
    },
  ],
  mmmu: [
    {
      id: 'validation_Art_1',
      question: 'Which of <image 2> and <image 3> is older?',
      options: `['The "old" one', "Neither's", 'A\\nnew one']`,
      answer: 'C',
      subject: 'Art',
      image_1: picture('one'),
      image_2: picture('two'),
      image_3: picture('three'),
    },
    {
      id: 'validation_Art_2',
      question: 'How many are there?',
      options: '[]',
      answer: "['7', 'seven']",
      subject: 'Art',
      image_1: picture('four'),
      image_2: null,
      image_3: null,
    },
  ],
  scienceqa: [
    {
      question: 'Which is cold?',
      choices: ['Fire', 'Snow'],
      answer: 1,
      hint: 'It falls in winter.',
      image: picture('snow'),
    },
    { question: 'Which is hot?', choices: ['Fire', 'Snow'], answer: 0, hint: '', image: picture('fire') },
  ],
  mathvista: [
    {
      pid: '1',
      question: 'How long is it?',
      choices: ['1', '2'],
      unit: 'cm',
      precision: 1,
      answer: '2',
      answer_type: 'text',
      decoded_image: picture('ruler'),
    },
    {
      pid: '2',
      question: 'How wide is it?',
      choices: null,
      unit: null,
      precision: 1,
      answer: '2.5',
      answer_type: 'float',
      decoded_image: picture('ruler'),
    },
  ],
  mmbench: [
    {
      index: 241,
      question: 'Which colour is it?',
      hint: 'nan',
      answer: 'B',
      A: 'Red',
      B: 'Blue',
      C: 'nan',
      D: 'nan',
      image: picture('blue'),
    },
  ],
  pope: [{ question: 'Is there a gull in the image?', answer: 'no', category: 'popular', image: picture('sea') }],
  ai2d: [{ question: 'What eats the worm?', options: ['Gull', 'Leaf'], answer: '0', image: picture('web') }],
  chartqa: [{ type: 'human_test', question: 'How many in May?', answer: '14', image: picture('chart') }],
  textvqa: [{ question_id: 34602, question: 'What does it say?', answers: ['stop', 'halt'], image: picture('sign') }],
}
