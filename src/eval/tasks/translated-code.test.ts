/** What is run of answers in TypeScript and JavaScript, and what comes of it. */
import { describe, expect, test } from 'vitest'
import { runProgram } from '../../sandbox/run.ts'
import { taskCases } from './task-cases.ts'
import { humanevalJavaScript, humanevalTypeScript, mbppTypeScript } from './translated-code.ts'
import type { CodeTask } from './types.ts'

function itemOf(task: CodeTask, fields: Readonly<Record<string, unknown>> = {}) {
  return task.read({ fields: { ...taskCases[task.name]?.test, ...fields }, place: 'line 7 of x' })
}

test.each([
  [humanevalTypeScript, '  return 2 * count;\n}', 'finished'],
  [humanevalTypeScript, '  const twice: number = count + count\n  return twice\n}\n```\nIt doubles.', 'finished'],
  [humanevalTypeScript, '```typescript\nconst ships = (count: number): number => 2 * count\n```', 'finished'],
  [humanevalTypeScript, '```\nlet boats = count * 2\nreturn boats }', 'finished'],
  [humanevalTypeScript, '  return count;\n}', 'raised'],
  [humanevalTypeScript, '  return 2 * count;', 'raised'],
  [mbppTypeScript, itemOf(mbppTypeScript).solution ?? '', 'finished'],
  [humanevalJavaScript, '  return 2 * count;\n}', 'finished'],
  [humanevalJavaScript, '```js\nfunction ships(n) { return n * 2 }\n```', 'finished'],
  [humanevalJavaScript, '  return String(2 * count);\n}', 'raised'],
  [humanevalJavaScript, '', 'raised'],
])('%o: %j', async (task, answer, kind) => {
  expect((await runProgram(task.program(itemOf(task), answer))).kind).toBe(kind)
})

/** Whether a function that returns `value` passes a test that expects `expected`. */
async function passes(task: CodeTask, value: string, expected: string): Promise<boolean> {
  const tests =
    task === humanevalJavaScript
      ? `const _ = require("lodash")\nif (!_.isEqual(ships(1), ${expected})) throw "no"`
      : `import * as assert from 'assert'\nassert.deepEqual(ships(1), ${expected}, "no")`
  const item = itemOf(task, { test: tests })
  return (await runProgram(task.program(item, `  return ${value};\n}`))).kind === 'finished'
}

describe('values', () => {
  test.each([
    ['[1, [2, {"a": 3}]]', '[1, [2, {"a": 3}]]', true, true],
    ['[1, 2]', '[1, 3]', false, false],
    ['[1, 2]', '[1, 2, 3]', false, false],
    ['{"a": 1, "b": 2}', '{"b": 2, "a": 1}', true, true],
    ['{"a": undefined}', '{"b": undefined}', false, false],
    ['[0]', '{"0": 0}', false, false],
    ['"1"', '1', true, false],
    ['null', 'undefined', true, false],
    ['NaN', 'NaN', true, true],
    ['new Set([1])', '{}', false, false],
    ['null', '[]', false, false],
  ])('%s for %s', async (value, expected, loosely, strictly) => {
    expect(await passes(humanevalTypeScript, value, expected)).toBe(loosely)
    expect(await passes(humanevalJavaScript, value, expected)).toBe(strictly)
  })
})

test('rows need no solution', () => {
  expect(itemOf(humanevalTypeScript, { canonical_solution: null }).solution).toBeUndefined()
})

test.each([
  [humanevalTypeScript, "import { readFileSync } from 'fs'"],
  [humanevalJavaScript, 'const fs = require("fs")'],
])('tests that import something else are refused: %o', (task, line) => {
  expect(() => itemOf(task, { test: line })).toThrow('The field "test" of line 7 of x')
})
