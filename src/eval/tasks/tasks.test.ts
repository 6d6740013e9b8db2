import { describe, expect, test } from 'vitest'
import { readTask, type RowSource, type TaskRows } from '../benchmarks/rows.ts'
import { leadOf } from '../benchmarks/subject.ts'
import { tasks } from './index.ts'
import { taskCases } from './task-cases.ts'
import { mtBench } from './mt-bench.ts'
import type { ChoiceItem, ChoiceTask, GenerationItem, GenerationTask, JudgedItem, JudgedTask, Task } from './types.ts'

/** The rows of the case of a task. */
function sourceOf(name: string): RowSource {
  const { test: row, dev = [] } = taskCases[name] ?? {}
  const rows = { test: row === undefined ? [] : [row], dev }
  return {
    rows: (folder, split) =>
      Promise.resolve(
        rows[split].map((fields, index) => ({
          fields,
          place: `line ${index + 1} of ${folder}/${split}`,
          open: () => Promise.resolve(new Uint8Array()),
        })),
      ),
  }
}

async function rowsOf(task: Task): Promise<TaskRows> {
  const rows = await readTask(task, sourceOf(task.name))
  if (rows === undefined) throw new Error('no rows')
  return rows
}

function taskOf(name: string): Task {
  const task = tasks.find((other) => other.name === name)
  if (task === undefined) throw new Error(`no task ${name}`)
  return task
}

/** The whole prompts of the question of a case with what may follow each of them. */
async function promptOf(name: string): Promise<string> {
  const task = taskOf(name)
  const { items, fewShots } = await rowsOf(task)
  const [item] = items
  if (item === undefined) throw new Error('no question')
  const lead = leadOf(fewShots.get(item.group) ?? { preamble: '', shots: [] }, task.shots)
  const pictures = 'pictures' in item ? item.pictures.map(({ name: picture }) => `[${picture}]\n`).join('') : ''
  if ('question' in item) return `${lead}${pictures}${item.question}│`
  if ('turns' in item) return conversationOf(task, item)
  const contexts = [...new Set(item.options.map(({ context }) => context))]
  return contexts
    .map((context) => {
      const texts = item.options.filter((option) => option.context === context).map(({ text }) => `│ ${text}`)
      return `${lead}${context}${texts.join('')}`
    })
    .join('\n═\n')
}

/** What is said, and what a judge is told of each answer. */
function conversationOf(task: Task, item: JudgedItem): string {
  const { grading } = task as JudgedTask
  const answers = item.turns.map((_, turn) => `answer ${turn + 1}`)
  const gradings = item.turns.flatMap((_, turn) => grading(item, answers, turn).map(({ content }) => content))
  return [...item.turns.map((turn) => `${turn}│`), ...gradings].join('\n═\n')
}

describe('prompts', () => {
  test.each(tasks.map(({ name }) => name))('%s', async (name) => {
    expect(await promptOf(name)).toMatchSnapshot()
  })

  test('mt-bench without reference answers', () => {
    const item = mtBench.read({ fields: { ...taskCases['mt-bench']?.test, reference: null }, place: '' })
    expect(conversationOf(mtBench, item)).toMatchSnapshot()
  })
})

test('tasks have names of their own', () => {
  expect(new Set(tasks.map(({ name }) => name)).size).toBe(tasks.length)
})

describe('rows', () => {
  const read = (name: string, fields: Record<string, unknown>) => taskOf(name).read({ fields, place: 'line 7 of x' })
  const exam = taskCases['agieval']?.test ?? {}

  test('of an exam without options are left out', async () => {
    expect(read('agieval', { ...exam, options: [] })).toBeUndefined()
    const source: RowSource = {
      rows: (_, split) =>
        Promise.resolve(
          split === 'dev' ? [] : [exam, { ...exam, id: 'u', options: null }].map((fields) => ({ fields, place: '' })),
        ),
    }
    const rows = await readTask(taskOf('agieval'), source)
    expect([rows?.items.length, rows?.leftOut]).toEqual([1, 1])
  })

  test.each([
    ['B', [1]],
    [
      ['A', 'C'],
      [0, 2],
    ],
    ['A B C', [0, 1, 2]],
  ])('an exam may have several right options: %j', (label, truths) => {
    expect((read('agieval', { ...exam, label }) as ChoiceItem).truths).toEqual(truths)
  })

  test('right answers of TruthfulQA come first, the best of them once', () => {
    const { options, truths } = read('truthfulqa-mc2', { ...taskCases['truthfulqa-mc2']?.test }) as ChoiceItem
    expect(truths).toEqual([0, 1])
    expect(options.map(({ text }) => text)).toEqual([
      'Nothing happens',
      'You hear a whistle',
      'It whistles back',
      'It rains',
    ])
  })

  test.each([
    ['mmlu', { subject: 7 }, 'The field "subject" of line 7 of x cannot be used. Expected a text. Found 7.'],
    ['mmlu', { answer: 3 }, 'Expected an integer from 0 to 2. Found 3.'],
    ['mmlu', { choices: ['one'] }, 'Expected a list of at least 2 texts. Found ["one"].'],
    ['boolq', { answer: 'yes' }, 'Expected true or false. Found "yes".'],
    ['agieval', { label: 'E' }, 'Expected a letter from A to C, or a list of them. Found "E".'],
    ['mgsm', { lang: 'xx' }, 'Expected one of bn, de, en'],
    ['triviaqa', { answers: undefined }, 'Found no such field.'],
    ['mt-bench', { category: 'chess' }, 'Expected one of writing, roleplay'],
    ['mt-bench', { reference: 'Seven.' }, 'Expected a list of at least 0 texts.'],
    ['math', { solution: 'It is 3.' }, 'Expected a result in \\boxed{}. Found It is 3.'],
  ])('of %s with %j are refused', (name, fields, message) => {
    expect(() => read(name, { ...taskCases[name]?.test, ...fields })).toThrow(message)
  })
})

/**
 * The rules of lm-evaluation-harness for what is written, restated by hand on fixed answers: each line says what the rule takes out
 * of the answer and whether that is right.
 */
describe('what is written', () => {
  const score = (name: string, answers: readonly string[], answer: string) => {
    const item: GenerationItem = { id: 'x', group: '', solved: '', question: '', answers }
    return (taskOf(name) as GenerationTask).score(item, answer)
  }

  test.each([
    // The announced number, and the last one.
    ['So 20+4. The answer is 24.', '24', 1, 1],
    // Only the first announcement counts; the last number is another.
    ['The answer is 24. The answer is 25.', '24', 1, 0],
    // Commas and dollars are ignored on both sides; the dollar hides the number from the announcement.
    ['The answer is 1,200.', '1200', 1, 1],
    ['The answer is $1,200.', '1200', 0, 1],
    ['It costs $1,200.', '1,200', 0, 1],
    // The character behind the number belongs to the pattern, so that of a number at the end the last digit is lost.
    ['The answer is 24', '24', 0, 1],
    ['The answer is 24', '2', 1, 0],
    ['the answer is 24.', '24', 0, 1],
    // A dot at the end goes, one in the middle stays.
    ['The answer is 2.50.', '2.50', 1, 1],
    ['The answer is -3 .', '-3', 1, 1],
    ['no number', '24', 0, 0],
    ['', '24', 0, 0],
  ])('gsm8k: %j against %s', (answer, final, strict, flexible) => {
    expect(score('gsm8k', [final], answer)).toEqual({ strict, flexible })
  })

  test.each([
    ['2 + 3 = 5.', '5', 1],
    ['Die Antwort ist 1.000.', '1000', 1],
    ['5 und 6', '5', 0],
    ['keine Zahl', '5', 0],
  ])('mgsm: %j against %s', (answer, final, flexible) => {
    expect(score('mgsm', [final], answer)).toEqual({ flexible })
  })

  test.each([
    [' The Penguin', 1],
    [' the penguin!', 1],
    ['A-penguin', 0],
    [' a penguin', 1],
    ['penguin', 0],
    ['', 0],
  ])('triviaqa: %j', (answer, right) => {
    expect(score('triviaqa', ['The Penguin', 'a penguin'], answer)).toEqual({ exact_match: right })
  })

  test.each([
    ['It is \\boxed{\\frac72}.', 1],
    ['\\boxed{1}, no, \\boxed{7/2}', 1],
    ['\\boxed{7/2}, no, \\boxed{1}', 0],
    // Without a box what stands in display, between dollars, or all.
    ['So \\[ \\frac{7}{2} \\] for $7$', 1],
    ['so $x = 7/2$', 1],
    ['$7$ halves, $7/2$', 0],
    ['7/2', 1],
    ['', 0],
  ])('math: %j', (answer, right) => {
    expect(score('math', ['\\frac{7}{2}'], answer)).toEqual({ exact_match: right })
  })

  test.each([
    ['Two. So the answer is 2.', '2', 1],
    // What follows on the line belongs to the answer, but for its last character.
    ['the answer is (A).', '(A)', 1],
    ['the answer is (A)', '(A)', 0],
    ['the answer is 2. Or 3.', '2', 0],
    ['So the answer is Yes.\nmore', 'Yes', 1],
    ['the answer is yes.', 'Yes', 0],
    ['2.', '2', 0],
  ])('bbh: %j against %s', (answer, target, right) => {
    expect(score('bbh', [target], answer)).toEqual({ exact_match: right })
  })
})

describe('what a judge says', () => {
  // The rules of FastChat, restated by hand: the first number in double brackets, else the first in single ones.
  test.each([
    ['It is fine.\n\nRating: [[7]]', 0.7],
    ['[[10]]', 1],
    ['Not bad. [[6.5]]', 0.65],
    ['First [3], then [[8]] and [[2]]', 0.8],
    ['Rating: [4]', 0.4],
    // Not of the scale, or no number.
    ['[[0]]', undefined],
    ['[[11]]', undefined],
    ['[[seven]]', undefined],
    ['Rating: 7', undefined],
    ['', undefined],
  ])('%j', (said, rating) => {
    expect(mtBench.rating(said)).toBe(rating)
  })

  test.each([
    ['writing', 0.7],
    ['roleplay', 0.7],
    ['stem', 0.1],
    ['humanities', 0.1],
    ['coding', 0],
    ['math', 0],
    ['reasoning', 0],
    ['extraction', 0],
  ])('%s is answered at a temperature of %d', (category, temperature) => {
    expect(
      mtBench.temperature({ ...mtBench.read({ fields: { ...taskCases['mt-bench']?.test, category }, place: '' }) }),
    ).toBe(temperature)
  })
})

describe('options', () => {
  const item: ChoiceItem = {
    id: 'x',
    group: '',
    solved: '',
    truths: [1],
    options: ['short', 'a much longer option'].map((text) => ({ context: '', text })),
  }

  test.each([
    ['mmlu', { acc: 0 }],
    ['winogrande', { acc: 0 }],
    ['boolq', { acc: 0 }],
    ['truthfulqa-mc1', { acc: 0 }],
    ['hellaswag', { acc_norm: 1, acc: 0 }],
    ['piqa', { acc_norm: 1, acc: 0 }],
    ['truthfulqa-mc2', { mc2: Math.exp(-12) / (Math.exp(-6) + Math.exp(-12)) }],
  ])('%s is measured by', (name, scores) => {
    const found = (taskOf(name) as ChoiceTask).score(item, [-6, -12])
    expect(Object.keys(found)).toEqual(Object.keys(scores))
    for (const [measure, value] of Object.entries(scores)) expect(found[measure]).toBeCloseTo(value, 12)
  })
})
