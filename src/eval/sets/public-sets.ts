/**
 * The public data sets of benchmarks on the Hugging Face hub: where their rows are, and how their columns become the fields that the tasks
 * read. Of some benchmarks none is known that has all that is needed: those are read from JSON Lines alone.
 */
import { Random } from '../../base/random.ts'
import { arrangedHellaswag, listedTexts, lettersOf } from './columns.ts'
import { pictureSets } from './picture-sets.ts'
import { numberOf, partOf, textOf, textsOf, type Row } from '../tasks/row.ts'

export type Fields = Readonly<Record<string, unknown>>

export interface PublicSet {
  /** ORG/NAME */
  readonly repository: string
  /** Parts of the set, whose rows follow one another. */
  readonly configs: readonly string[]
  readonly test: readonly string[]
  /** Where rows for examples are; missing where the set has none. */
  readonly dev?: string
  readonly columns: readonly string[]
  /** Columns with pictures, which are read when one is shown; `image` and `images` name them. */
  readonly pictures?: readonly string[]
  /** The fields of a row beside `id`, which is the number of the row unless it is here. */
  readonly fields: (row: Row, config: string | undefined) => Fields
}

const whole = ['default']

/** A set whose columns are the fields. */
const asIs = (
  repository: string,
  configs: readonly string[],
  test: string,
  dev: string,
  ...columns: string[]
): PublicSet => ({
  repository,
  configs,
  test: [test],
  dev,
  columns,
  fields: ({ fields }) => fields,
})

/** Options with letters, `choices` with `text` and `label`, and the letter of the right one in `answerKey`. */
const lettered = (repository: string, config: string, test: string, question = 'question'): PublicSet => ({
  repository,
  configs: [config],
  test: [test],
  dev: 'train',
  columns: ['id', question, 'choices', 'answerKey'],
  fields: (row) => {
    const choices = partOf(row, 'choices')
    const answer = textsOf(choices, 'label').indexOf(textOf(row, 'answerKey'))
    return { id: textOf(row, 'id'), question: textOf(row, question), choices: textsOf(choices, 'text'), answer }
  },
})

const subjectsOfMath = [
  'algebra',
  'counting_and_probability',
  'geometry',
  'intermediate_algebra',
  'number_theory',
  'prealgebra',
  'precalculus',
]

const languagesOfMgsm = ['bn', 'de', 'en', 'es', 'fr', 'ja', 'ru', 'sw', 'te', 'th', 'zh']

const tasksOfBbh = [
  'boolean_expressions',
  'causal_judgement',
  'date_understanding',
  'disambiguation_qa',
  'dyck_languages',
  'formal_fallacies',
  'geometric_shapes',
  'hyperbaton',
  'logical_deduction_five_objects',
  'logical_deduction_seven_objects',
  'logical_deduction_three_objects',
  'movie_recommendation',
  'multistep_arithmetic_two',
  'navigate',
  'object_counting',
  'penguins_in_a_table',
  'reasoning_about_colored_objects',
  'ruin_names',
  'salient_translation_error_detection',
  'snarks',
  'sports_understanding',
  'temporal_sequences',
  'tracking_shuffled_objects_five_objects',
  'tracking_shuffled_objects_seven_objects',
  'tracking_shuffled_objects_three_objects',
  'web_of_lies',
  'word_sorting',
]

/** What tells the parts of a set apart: the part itself, or a column of a file of one's own. */
function partName(row: Row, config: string | undefined, column: string): string {
  return config ?? textOf(row, column)
}

/** By the folder of the rows. */
export const publicSets: ReadonlyMap<string, PublicSet> = new Map<string, PublicSet>([
  ...pictureSets,
  ['mmlu', asIs('cais/mmlu', ['all'], 'test', 'dev', 'subject', 'question', 'choices', 'answer')],
  [
    'hellaswag',
    {
      repository: 'Rowan/hellaswag',
      configs: whole,
      test: ['validation'],
      dev: 'train',
      columns: ['activity_label', 'ctx_a', 'ctx_b', 'endings', 'label'],
      fields: arrangedHellaswag,
    },
  ],
  [
    'anli',
    {
      repository: 'facebook/anli',
      configs: ['plain_text'],
      test: ['test_r1', 'test_r2', 'test_r3'],
      dev: 'dev_r1',
      columns: ['uid', 'premise', 'hypothesis', 'label'],
      fields: (row) => ({ ...row.fields, id: textOf(row, 'uid') }),
    },
  ],
  ['gsm8k', asIs('openai/gsm8k', ['main'], 'test', 'train', 'question', 'answer')],
  ['math', asIs('EleutherAI/hendrycks_math', subjectsOfMath, 'test', 'train', 'problem', 'solution')],
  [
    'medqa',
    {
      repository: 'GBaker/MedQA-USMLE-4-options',
      configs: whole,
      test: ['test'],
      dev: 'train',
      columns: ['question', 'options', 'answer_idx'],
      fields: (row) => ({
        question: textOf(row, 'question'),
        ...lettersOf(partOf(row, 'options'), textOf(row, 'answer_idx')),
      }),
    },
  ],
  [
    'triviaqa',
    {
      repository: 'mandarjoshi/trivia_qa',
      configs: ['rc.nocontext'],
      test: ['validation'],
      dev: 'train',
      columns: ['question_id', 'question', 'answer'],
      fields: (row) => {
        const answer = partOf(row, 'answer')
        const answers = [...new Set([textOf(answer, 'value'), ...textsOf(answer, 'aliases', 0)])]
        return { id: textOf(row, 'question_id'), question: textOf(row, 'question'), answers }
      },
    },
  ],
  ['arc-challenge', lettered('allenai/ai2_arc', 'ARC-Challenge', 'test')],
  ['arc-easy', lettered('allenai/ai2_arc', 'ARC-Easy', 'test')],
  [
    'piqa',
    {
      repository: 'ybisk/piqa',
      configs: ['plain_text'],
      test: ['validation'],
      dev: 'train',
      columns: ['goal', 'sol1', 'sol2', 'label'],
      fields: (row) => ({
        question: textOf(row, 'goal'),
        choices: [textOf(row, 'sol1'), textOf(row, 'sol2')],
        answer: numberOf(row, 'label'),
      }),
    },
  ],
  [
    'socialiqa',
    {
      repository: 'allenai/social_i_qa',
      configs: whole,
      test: ['validation'],
      dev: 'train',
      columns: ['context', 'question', 'answerA', 'answerB', 'answerC', 'label'],
      fields: (row) => ({
        question: `${textOf(row, 'context')} ${textOf(row, 'question')}`,
        choices: ['answerA', 'answerB', 'answerC'].map((name) => textOf(row, name)),
        answer: Number(textOf(row, 'label')) - 1,
      }),
    },
  ],
  [
    'bbh',
    {
      // Its prompts with a chain of thought are not there.
      repository: 'lukaemon/bbh',
      configs: tasksOfBbh,
      test: ['test'],
      columns: ['input', 'target', 'task'],
      fields: (row, config) => ({ ...row.fields, task: partName(row, config, 'task') }),
    },
  ],
  [
    'winogrande',
    {
      repository: 'allenai/winogrande',
      configs: ['winogrande_xl'],
      test: ['validation'],
      dev: 'train',
      columns: ['sentence', 'option1', 'option2', 'answer'],
      fields: (row) => ({
        question: textOf(row, 'sentence'),
        choices: [textOf(row, 'option1'), textOf(row, 'option2')],
        answer: Number(textOf(row, 'answer')) - 1,
      }),
    },
  ],
  ['openbookqa', lettered('allenai/openbookqa', 'main', 'test', 'question_stem')],
  ['boolq', asIs('google/boolq', whole, 'validation', 'train', 'question', 'answer', 'passage')],
  ['commonsenseqa', lettered('tau/commonsense_qa', 'default', 'validation')],
  [
    'truthfulqa',
    {
      repository: 'truthfulqa/truthful_qa',
      configs: ['generation'],
      test: ['validation'],
      columns: ['question', 'best_answer', 'correct_answers', 'incorrect_answers'],
      fields: ({ fields }) => fields,
    },
  ],
  [
    'humaneval',
    {
      repository: 'openai/openai_humaneval',
      configs: ['openai_humaneval'],
      test: ['test'],
      columns: ['task_id', 'prompt', 'canonical_solution', 'test', 'entry_point'],
      fields: (row) => ({ ...row.fields, id: textOf(row, 'task_id') }),
    },
  ],
  [
    'mbpp',
    {
      repository: 'google-research-datasets/mbpp',
      configs: ['full'],
      test: ['test'],
      dev: 'prompt',
      columns: ['task_id', 'text', 'code', 'test_list', 'test_setup_code'],
      fields: (row) => ({ ...row.fields, id: String(numberOf(row, 'task_id')) }),
    },
  ],
  [
    'gpqa',
    {
      // Who may read it has to be asked for on the hub.
      repository: 'Idavidrein/gpqa',
      configs: ['gpqa_main'],
      test: ['train'],
      columns: ['Question', 'Correct Answer', 'Incorrect Answer 1', 'Incorrect Answer 2', 'Incorrect Answer 3'],
      fields: (row) => {
        const right = textOf(row, 'Correct Answer').trim()
        const wrong = [1, 2, 3].map((number) => textOf(row, `Incorrect Answer ${number}`).trim())
        const question = textOf(row, 'Question').trim()
        const choices = new Random(0).fork(question).shuffle([right, ...wrong])
        return { question, choices, answer: choices.indexOf(right) }
      },
    },
  ],
  [
    'mt-bench',
    {
      repository: 'HuggingFaceH4/mt_bench_prompts',
      configs: whole,
      test: ['train'],
      columns: ['prompt_id', 'category', 'prompt', 'reference'],
      fields: (row) => ({
        id: String(numberOf(row, 'prompt_id')),
        category: textOf(row, 'category'),
        turns: textsOf(row, 'prompt'),
        reference: row.fields['reference'],
      }),
    },
  ],
  [
    'mgsm',
    {
      repository: 'juletxara/mgsm',
      configs: languagesOfMgsm,
      test: ['test'],
      columns: ['question', 'answer_number', 'lang'],
      fields: (row, config) => ({
        lang: partName(row, config, 'lang'),
        question: textOf(row, 'question'),
        answer: String(numberOf(row, 'answer_number')),
      }),
    },
  ],
  [
    'nq',
    {
      repository: 'google-research-datasets/nq_open',
      configs: ['nq_open'],
      test: ['validation'],
      dev: 'train',
      columns: ['question', 'answer'],
      fields: (row) => ({ question: textOf(row, 'question'), answers: textsOf(row, 'answer') }),
    },
  ],
  [
    'popqa',
    {
      repository: 'akariasai/PopQA',
      configs: whole,
      test: ['test'],
      columns: ['question', 'possible_answers'],
      fields: (row) => ({ question: textOf(row, 'question'), answers: listedTexts(row, 'possible_answers') }),
    },
  ],
  [
    'ruler-squad',
    {
      repository: 'rajpurkar/squad',
      configs: ['plain_text'],
      test: ['validation'],
      columns: ['id', 'context', 'question', 'answers'],
      fields: (row) => ({
        id: textOf(row, 'id'),
        question: textOf(row, 'question'),
        answers: textsOf(partOf(row, 'answers'), 'text'),
        passages: [textOf(row, 'context')],
      }),
    },
  ],
  [
    'ruler-hotpotqa',
    {
      repository: 'hotpotqa/hotpot_qa',
      configs: ['distractor'],
      test: ['validation'],
      columns: ['id', 'question', 'answer', 'context'],
      fields: (row) => {
        const context = partOf(row, 'context')
        const sentences = context.fields['sentences']
        const passages = textsOf(context, 'title').map((title, place) => {
          const own: unknown = Array.isArray(sentences) ? sentences[place] : undefined
          return `${title}\n${Array.isArray(own) ? own.join('') : ''}`
        })
        return { id: textOf(row, 'id'), question: textOf(row, 'question'), answers: [textOf(row, 'answer')], passages }
      },
    },
  ],
])
