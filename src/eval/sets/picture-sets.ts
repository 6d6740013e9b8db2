/** Public sets of questions about pictures. */
import { numberOf, optionalText, optionalTexts, textOf, textsOf, type Row } from '../tasks/row.ts'
import { lettersOf, listedTexts } from './columns.ts'
import type { Fields, PublicSet } from './public-sets.ts'

const subjectsOfMmmu = [
  'Accounting',
  'Agriculture',
  'Architecture_and_Engineering',
  'Art',
  'Art_Theory',
  'Basic_Medical_Science',
  'Biology',
  'Chemistry',
  'Clinical_Medicine',
  'Computer_Science',
  'Design',
  'Diagnostics_and_Laboratory_Medicine',
  'Economics',
  'Electronics',
  'Energy_and_Power',
  'Finance',
  'Geography',
  'History',
  'Literature',
  'Manage',
  'Marketing',
  'Materials',
  'Math',
  'Mechanical_Engineering',
  'Music',
  'Pharmacy',
  'Physics',
  'Psychology',
  'Public_Health',
  'Sociology',
]

const picturesOfMmmu = [1, 2, 3, 4, 5, 6, 7].map((number) => `image_${number}`)

/** Of several pictures those that the question speaks of: "<image 2>". */
function examFields(row: Row, config: string | undefined): Fields {
  const question = textOf(row, 'question')
  const options = listedTexts(row, 'options')
  const spoken = picturesOfMmmu.filter((_, place) =>
    `${question} ${options.join(' ')}`.includes(`<image ${place + 1}>`),
  )
  const images = spoken.length > 0 ? spoken : picturesOfMmmu.slice(0, 1)
  const answer = textOf(row, 'answer')
  const common = { id: textOf(row, 'id'), question, images, subject: config ?? optionalText(row, 'subject') }
  if (options.length > 0) return { ...common, choices: options, answer: answer.charCodeAt(0) - 'A'.charCodeAt(0) }
  return { ...common, answers: answer.startsWith('[') ? listedTexts(row, 'answer') : [answer] }
}

function mathFields(row: Row): Fields {
  const choices = optionalTexts(row, 'choices')
  const answer = textOf(row, 'answer')
  return {
    id: textOf(row, 'pid'),
    image: 'decoded_image',
    question: textOf(row, 'question'),
    unit: row.fields['unit'],
    choices,
    answer: choices.length > 0 ? choices.indexOf(answer) : answer,
    answer_type: textOf(row, 'answer_type'),
    precision: row.fields['precision'],
  }
}

/** What the set has where there is nothing. */
const nothing = 'nan'

function benchFields(row: Row): Fields {
  const there = Object.fromEntries(Object.entries(row.fields).filter(([, value]) => value !== nothing))
  return {
    id: String(numberOf(row, 'index')),
    image: 'image',
    question: textOf(row, 'question'),
    hint: there['hint'],
    ...lettersOf({ ...row, fields: there }, textOf(row, 'answer')),
  }
}

/** A set with one picture a row, in the column `image`. */
const shown = (
  repository: string,
  config: string,
  test: string,
  columns: readonly string[],
  fields: PublicSet['fields'],
): PublicSet => ({ repository, configs: [config], test: [test], columns, pictures: ['image'], fields })

/** By the folder of the rows. */
export const pictureSets: readonly (readonly [folder: string, set: PublicSet])[] = [
  [
    'mmmu',
    {
      repository: 'MMMU/MMMU',
      configs: subjectsOfMmmu,
      test: ['validation'],
      columns: ['id', 'question', 'options', 'answer', 'subject'],
      pictures: picturesOfMmmu,
      fields: examFields,
    },
  ],
  [
    'scienceqa',
    shown('lmms-lab/ScienceQA', 'ScienceQA-IMG', 'test', ['question', 'choices', 'answer', 'hint'], ({ fields }) => ({
      ...fields,
      image: 'image',
    })),
  ],
  [
    'mathvista',
    {
      repository: 'AI4Math/MathVista',
      configs: ['default'],
      test: ['testmini'],
      columns: ['pid', 'question', 'choices', 'unit', 'precision', 'answer', 'answer_type'],
      pictures: ['decoded_image'],
      fields: mathFields,
    },
  ],
  [
    'mmbench',
    shown('lmms-lab/MMBench', 'en', 'dev', ['index', 'question', 'hint', 'answer', 'A', 'B', 'C', 'D'], benchFields),
  ],
  [
    'pope',
    shown('lmms-lab/POPE', 'default', 'test', ['question', 'answer', 'category'], (row) => ({
      image: 'image',
      question: textOf(row, 'question'),
      answer: textOf(row, 'answer'),
      subset: textOf(row, 'category'),
    })),
  ],
  [
    'ai2d',
    shown('lmms-lab/ai2d', 'default', 'test', ['question', 'options', 'answer'], (row) => ({
      image: 'image',
      question: textOf(row, 'question'),
      choices: textsOf(row, 'options'),
      answer: Number(textOf(row, 'answer')),
    })),
  ],
  [
    'chartqa',
    shown('lmms-lab/ChartQA', 'default', 'test', ['type', 'question', 'answer'], (row) => ({
      image: 'image',
      type: textOf(row, 'type').replace(/_test$/, ''),
      question: textOf(row, 'question'),
      answer: textOf(row, 'answer'),
    })),
  ],
  [
    'textvqa',
    shown('lmms-lab/textvqa', 'default', 'validation', ['question_id', 'question', 'answers'], (row) => ({
      id: String(numberOf(row, 'question_id')),
      image: 'image',
      question: textOf(row, 'question'),
      answers: textsOf(row, 'answers'),
    })),
  ],
]
