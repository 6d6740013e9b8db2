/** What is run of fixed answers, and what comes of it, by the rules of the harness stated by hand. */
import { describe, expect, test } from 'vitest'
import { runProgram } from '../../sandbox/run.ts'
import { humaneval, mbpp } from './code.ts'
import { taskCases } from './task-cases.ts'
import type { CodeTask } from './types.ts'

function itemOf(task: CodeTask) {
  return task.read({ fields: taskCases[task.name]?.test ?? {}, place: 'line 1 of x' })
}

const head = 'def ships(count: int) -> int:\n    """ Ships at two piers.\n    >>> ships(2)\n    4\n    """\n'
const check = 'def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(0) == 0\n\ncheck(ships)'

describe('of an answer to HumanEval', () => {
  test.each([
    ['all behind the prompt', '    return 2 * count', '    return 2 * count'],
    ['what stands before a fence', '    return 2\n```\nIt doubles.', '    return 2\n'],
    ['a block at its beginning', '```python\n    return 2\n```\nIt doubles.', '    return 2'],
    ['a block that is not closed', ' ```\ndef ships(count):\n    return 2', 'def ships(count):\n    return 2'],
    ['nothing', '', ''],
  ])('%s is run', (_, answer, code) => {
    const { language, source } = humaneval.program(itemOf(humaneval), answer)
    expect(language).toBe('python')
    expect(source.startsWith(`${head}${code}\n`)).toBe(true)
    expect(source.endsWith(check)).toBe(true)
    expect(source.length).toBe(`${head}${code}\n\n\nMETADATA = {}\n\n\n${check}`.length)
  })
})

describe('of an answer to MBPP', () => {
  const tests = 'assert gulls(["gull"]) == 1\nassert gulls([]) == 0'
  test.each([
    ['all', 'def gulls(b):\n  return 1\n', 'def gulls(b):\n  return 1\n'],
    ['the first block', 'So:\n```python\nx = 1\n```\nand\n```\nx = 2\n```', 'x = 1'],
    ['a block that is not closed', '```\nx = 1', 'x = 1'],
  ])('%s is run', (_, answer, code) => {
    expect(mbpp.program(itemOf(mbpp), answer)).toEqual({ language: 'python', source: `${code}\n${tests}` })
  })
})

test.each([
  [humaneval, '    return count + count\n', 'finished'],
  [humaneval, '    return 4\n', 'raised'],
  [humaneval, '    return 2 * count\nimport os\nos._exit(0)', 'exited'],
  [humaneval, '```python\nfrom math import prod\n\ndef ships(n):\n    return prod([2, n])\n```', 'finished'],
  [mbpp, itemOf(mbpp).solution ?? '', 'finished'],
  [mbpp, 'def gulls(birds): return 1', 'raised'],
  [mbpp, 'def gulls(', 'raised'],
])('%o: %j', async (task, answer, kind) => {
  expect((await runProgram(task.program(itemOf(task), answer))).kind).toBe(kind)
})

describe('rows of MBPP', () => {
  test('have the same parts in either form', () => {
    const { dev } = taskCases['mbpp'] ?? { dev: [] }
    const { question, solution, tests } = mbpp.read({ fields: dev[0] ?? {}, place: '' })
    const ours = {
      text: 'Write a function for MBPP/1.',
      code: 'def same(x):\n\treturn x',
      test_list: tests.split('\n'),
    }
    expect(mbpp.read({ fields: { id: 'x', ...ours }, place: '' })).toMatchObject({ question, solution, tests })
    expect(tests).toBe('assert same(1) == 1\nassert same("candidate") == "candidate"')
  })

  test('may have a space before the parenthesis of a test', () => {
    const fields = { ...taskCases['mbpp']?.dev[0], test: '    assert candidate ("candidate") == 1' }
    expect(mbpp.read({ fields, place: '' }).tests).toBe('assert same ("candidate") == 1')
  })

  test('without tests are refused', () => {
    const fields = { ...taskCases['mbpp']?.dev[0], test: 'def check(candidate): pass' }
    expect(() => mbpp.read({ fields, place: 'line 7 of x' })).toThrow('The field "test" of line 7 of x')
  })

  test('are shown as in the paper, and from the first where its problems are missing', () => {
    const place = (fields: Readonly<Record<string, unknown>>) => ({ fields, place: '' })
    const rows = (taskCases['mbpp']?.dev ?? []).map(place)
    const numbers = (shots: readonly string[] = []) => shots.map((shot) => /MBPP\/(\d+)/.exec(shot)?.[1])
    expect(numbers(mbpp.examples?.(rows).get('')?.shots)).toEqual(['2', '3', '4'])
    expect(numbers(mbpp.examples?.(rows.slice(0, 3)).get('')?.shots)).toEqual(['1', '2', '3'])
  })
})
