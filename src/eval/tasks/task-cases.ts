/** Rows of our own invention with the fields of each benchmark: one to be asked, and one or two to be shown as examples. */
export interface TaskCase {
  readonly test: Readonly<Record<string, unknown>>
  readonly dev: readonly Readonly<Record<string, unknown>>[]
}

const listed: TaskCase = {
  test: { id: 't', question: 'What does a kettle boil?', choices: ['Stones', 'Water', 'Letters'], answer: 1 },
  dev: [
    { id: 'd1', question: 'What has four legs?', choices: ['A snake', 'A table', 'A wheel'], answer: 1 },
    { id: 'd2', question: 'What is cold?', choices: ['Snow', 'Fire', 'Steam'], answer: 0 },
  ],
}

const withSubject = ({ test, dev }: TaskCase): TaskCase => ({
  test: { ...test, subject: 'kitchens' },
  dev: [{ ...dev[0], subject: 'gardens' }, ...dev.slice(1).map((row) => ({ ...row, subject: 'kitchens' }))],
})

const open: TaskCase = {
  test: { id: 't', question: 'Which bird of the tale could not fly?', answers: ['The Penguin', 'a penguin'] },
  dev: [{ id: 'd1', question: 'who keeps the lighthouse', answers: ['Old Tom', 'Tom'] }],
}

const truthful: TaskCase = {
  test: {
    id: 't',
    question: 'What happens if you whistle at the moon?',
    best_answer: 'Nothing happens',
    correct_answers: ['Nothing happens', 'You hear a whistle'],
    incorrect_answers: ['It whistles back', 'It rains'],
  },
  dev: [],
}

const shown: TaskCase = {
  test: { id: 't', image: 'red.png', question: 'Which colour is it?', choices: ['Red', 'Blue', 'Green'], answer: 0 },
  dev: [],
}

const translatedShips = {
  id: 'Harbour/1',
  prompt:
    '/**\n * Ships at two piers.\n * >>> ships(2)\n * 4\n */\nconst ships = function (count: number) : number  {\n',
  entry_point: 'ships',
  canonical_solution: '  return 2 * count;\n}',
  test: '\nimport * as assert from \'assert\'\n\nlet actual_1 = ships(2);\nlet expected_1 = 4;\nassert.deepEqual(actual_1, expected_1, "Exception --- test case 0 failed to pass");\n',
}

/** By the name of the task. */
export const taskCases: Readonly<Record<string, TaskCase>> = {
  mmlu: withSubject(listed),
  medqa: listed,
  'arc-challenge': listed,
  'arc-easy': listed,
  socialiqa: listed,
  openbookqa: listed,
  commonsenseqa: listed,
  gpqa: listed,
  agieval: {
    test: {
      id: 't',
      task: 'harbour',
      passage: 'Two boats left the harbour. One came back.',
      question: 'How many are at sea?',
      options: ['(A)None', '(B)One', '(C)Two'],
      label: 'B',
    },
    dev: [],
  },
  hellaswag: {
    test: {
      id: 't',
      activity_label: 'Baking bread',
      ctx: 'A baker kneads the dough. She',
      endings: ['puts it into the oven.', 'sails away.'],
      label: 0,
    },
    dev: [
      { id: 'd1', activity_label: 'Rowing', ctx: 'A man sits in a boat. He', endings: ['flies.', 'rows.'], label: 1 },
    ],
  },
  piqa: {
    test: { id: 't', question: 'To dry a plate', choices: ['wipe it with a towel', 'wipe it with a stone'], answer: 0 },
    dev: [{ id: 'd1', question: 'To open a jar', choices: ['sing to it', 'turn its lid'], answer: 1 }],
  },
  winogrande: {
    test: {
      id: 't',
      question: 'The cup fell off the shelf because the _ was slippery.',
      choices: ['cup', 'shelf'],
      answer: 1,
    },
    dev: [{ id: 'd1', question: 'Ada thanked Bo since _ had helped.', choices: ['Ada', 'Bo'], answer: 1 }],
  },
  boolq: {
    test: { id: 't', question: 'is a tomato blue', passage: 'Tomatoes are red.', answer: false },
    dev: [{ id: 'd1', question: 'do cats sleep?', answer: true }],
  },
  anli: {
    test: { id: 't', premise: 'The shop opens at nine.', hypothesis: 'The shop is open at noon.', label: 1 },
    dev: [{ id: 'd1', premise: 'It rains.', hypothesis: 'It is dry.', label: 2 }],
  },
  'truthfulqa-mc1': truthful,
  'truthfulqa-mc2': truthful,
  gsm8k: {
    test: {
      id: 't',
      question: 'Mia has 3 jars of 8 plums. How many plums?',
      answer: '3*8 = <<3*8=24>>24 plums.\n#### 24',
    },
    dev: [
      { id: 'd1', question: 'Leo has 2 pens and gets 3. How many?', answer: 'He has 2+3 = <<2+3=5>>5 pens.\n#### 5' },
    ],
  },
  math: {
    test: { id: 't', problem: 'What is half of $7$?', solution: 'It is $7/2 = \\boxed{\\frac{7}{2}}$.' },
    dev: [{ id: 'd1', problem: 'What is $1+1$?', solution: 'It is $\\boxed{2}$.' }],
  },
  'mt-bench': {
    test: {
      id: 't',
      category: 'math',
      turns: ['What is twice seven?', 'And half of that?'],
      reference: ['Fourteen.', 'Seven.'],
    },
    dev: [],
  },
  mgsm: { test: { id: 't', lang: 'de', question: 'Eva hat 2 Hüte und kauft 3. Wie viele?', answer: '5' }, dev: [] },
  triviaqa: open,
  nq: open,
  popqa: open,
  bamboogle: open,
  bbh: {
    test: { id: 't', task: 'counting', input: 'I have a pear and a plum. How many fruits?', target: '2' },
    dev: [
      {
        task: 'counting',
        cot_prompt:
          'keep out of corpora\n-----\nCount things.\n\nQ: I have a hat. How many hats?\nA: Let us see.\n\nOne. So the answer is 1.\n\nQ: None?\nA: So the answer is 0.',
      },
    ],
  },
  humaneval: {
    test: {
      id: 'Harbour/1',
      prompt: 'def ships(count: int) -> int:\n    """ Ships at two piers.\n    >>> ships(2)\n    4\n    """\n',
      entry_point: 'ships',
      canonical_solution: '    return 2 * count\n',
      test: '\n\nMETADATA = {}\n\n\ndef check(candidate):\n    assert candidate(2) == 4\n    assert candidate(0) == 0\n',
    },
    dev: [],
  },
  mbpp: {
    test: {
      id: 'MBPP/11',
      text: 'Write a function to count gulls.',
      code: 'def gulls(birds):\r\n  return birds.count("gull")',
      test_list: ['assert gulls(["gull"]) == 1', 'assert gulls([]) == 0'],
    },
    dev: [
      ...['MBPP/1', 'MBPP/2', 'MBPP/3', 'MBPP/4'].map((id) => ({
        id,
        description: `Write a function for ${id}.`,
        prompt: '\n\ndef same(x):\n\t"""\n\tWrite a function.\n\t>>> same(1)\n\t1\n\t"""\n',
        canonical_solution: '\treturn x ',
        entry_point: 'same',
        test: '\n\nMETADATA = {}\n\n\ndef check(candidate):\n    assert candidate(1) == 1\n    assert candidate("candidate") == "candidate"\n\n',
      })),
    ],
  },
  'humaneval-typescript': { test: translatedShips, dev: [] },
  'humaneval-javascript': {
    test: {
      ...translatedShips,
      prompt: '/**\n * Ships at two piers.\n * >>> ships(2)\n * 4\n */\nfunction ships(count) {\n',
      test: '\nconst _ = require("lodash")\n\nvar x0 = ships(2);\nif(!_.isEqual(x0, 4)){\n    throw \'Error at 1th assert statement.\'\n}\n',
    },
    dev: [],
  },
  'mbpp-typescript': { test: translatedShips, dev: [] },
  mmmu: { test: { ...shown.test, subject: 'Art' }, dev: [] },
  scienceqa: { test: { ...shown.test, hint: 'A painter had one tube left.' }, dev: [] },
  mathvista: {
    test: {
      id: 't',
      image: 'red.png',
      question: 'How long is it?',
      unit: 'cm',
      answer_type: 'float',
      precision: 1,
      answer: '2.5',
    },
    dev: [],
  },
  intergps: shown,
  mmbench: shown,
  pope: {
    test: { id: 't', image: 'red.png', subset: 'random', question: 'Is there a gull in the image?', answer: 'no' },
    dev: [],
  },
  ai2d: shown,
  chartqa: {
    test: { id: 't', image: 'red.png', type: 'human', question: 'How many gulls were there in May?', answer: '14' },
    dev: [],
  },
  textvqa: {
    test: {
      id: 't',
      image: 'red.png',
      question: 'What does the sign say?',
      answers: ['stop', 'stop', 'Stop!', 'the stop', 'halt', 'stop', 'stop', 'stop', 'stop', 'stop'],
    },
    dev: [],
  },
}
