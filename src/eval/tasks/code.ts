/** Programs to be written in Python, which are run against tests. */
import type { Program } from '../../sandbox/types.ts'
import { PocketPhiError } from '../../base/errors.ts'
import { optionalText, textOf, textsOf, type Row } from './row.ts'
import type { CodeTask, FewShot } from './types.ts'

const fence = '```'

/** What stands in the first block between fences, to the end of the answer where it is not closed; undefined where there is none. */
function codeBlock(answer: string): string | undefined {
  return /```(?:\w+)?\n?([^]*?)(?:\n?```|$)/.exec(answer)?.[1]
}

/**
 * The code of an answer to the head of a function: up to the first fence, or, without anything before a block, what stands in it, which is the
 * function again or goes on with its head.
 */
export function codeBehindHead(answer: string): string {
  const [body = ''] = answer.split(fence)
  return body.trim() === '' ? (codeBlock(answer) ?? body) : body
}

function python(...parts: readonly string[]): Program {
  return { language: 'python', source: parts.join('\n') }
}

/**
 * HumanEval (arXiv 2107.03374), whose prompt is the head of a function that the answer goes on with. Fields: `task_id` or `id`,
 * `prompt`, `entry_point`, `canonical_solution`, `test`.
 */
export const humaneval: CodeTask = {
  kind: 'code',
  name: 'humaneval',
  title: 'HumanEval',
  folder: 'humaneval',
  language: 'python',
  shots: 0,
  maxTokens: 1024,
  stop: ['\nclass', '\ndef', '\n#', '\nif', '\nprint'],
  read: (row) => {
    const question = textOf(row, 'prompt')
    const solution = textOf(row, 'canonical_solution')
    const tests = `${textOf(row, 'test')}\ncheck(${textOf(row, 'entry_point')})`
    return { id: textOf(row, 'id'), group: '', question, solution, tests, solved: question + solution }
  },
  program: ({ question, tests }, answer) => python(question + codeBehindHead(answer), tests),
}

/** What a row of MBPP is about, in the form of its authors or in that of MBXP. */
interface BasicProblem {
  readonly text: string
  readonly code: string
  /** An assertion each. */
  readonly tests: readonly string[]
}

/** The assertions of the function `check`, about the function itself. @throws PocketPhiError `invalid-file` */
function assertionsOf(row: Row): readonly string[] {
  const name = textOf(row, 'entry_point')
  const lines = textOf(row, 'test').split('\n')
  const assertions = lines.map((line) => line.trim()).filter((line) => line.startsWith('assert '))
  if (assertions.length > 0) return assertions.map((line) => line.replaceAll(/\bcandidate(?=\s*\()/g, name))
  throw new PocketPhiError('invalid-file', `The field "test" of ${row.place} cannot be used.`, {
    expected: 'lines with assertions',
  })
}

function basicProblem(row: Row): BasicProblem {
  if (row.fields['test_list'] !== undefined) {
    const setup = optionalText(row, 'test_setup_code')
    const tests = textsOf(row, 'test_list')
    return {
      text: textOf(row, 'text'),
      code: textOf(row, 'code').replaceAll('\r\n', '\n'),
      tests: setup === undefined ? tests : [setup, ...tests],
    }
  }
  // The description stands in the function, with the tests as examples.
  const [head = ''] = textOf(row, 'prompt').split('"""')
  return {
    text: textOf(row, 'description'),
    code: `${head.trim()}\n${textOf(row, 'canonical_solution').trimEnd()}`,
    tests: assertionsOf(row),
  }
}

/** The examples of the paper, by the numbers of their problems; where they are not there, the first ones. */
const examplesOfPaper = ['2', '3', '4']

function paperExamples(rows: readonly Row[]): ReadonlyMap<string, FewShot> {
  const chosen = rows.filter((row) => examplesOfPaper.includes(/\d+$/.exec(textOf(row, 'id'))?.[0] ?? ''))
  const shown = chosen.length === examplesOfPaper.length ? chosen : rows.slice(0, examplesOfPaper.length)
  const shots = shown.map((row) => mbpp.read(row).solved)
  return new Map([['', { preamble: '', shots }]])
}

/**
 * MBPP (arXiv 2108.07732): a description and three tests. Fields: `text`, `code`, `test_list`, `test_setup_code`; or, as in
 * MBXP, `description`, `prompt`, `canonical_solution`, `entry_point`, `test`.
 */
export const mbpp: CodeTask = {
  kind: 'code',
  name: 'mbpp',
  title: 'MBPP',
  folder: 'mbpp',
  language: 'python',
  shots: 3,
  maxTokens: 256,
  stop: ['[DONE]'],
  examples: paperExamples,
  read: (row) => {
    const { text, code, tests } = basicProblem(row)
    const question =
      `You are an expert Python programmer, and here is your task: ${text.trim()} ` +
      `Your code should pass these tests:\n\n${tests.join('\n')}\n[BEGIN]\n`
    return {
      id: textOf(row, 'id'),
      group: '',
      question,
      solution: code,
      tests: tests.join('\n'),
      solved: `${question}${code}\n[DONE]`,
    }
  },
  program: ({ tests }, answer) => python(codeBlock(answer) ?? answer, tests),
}
