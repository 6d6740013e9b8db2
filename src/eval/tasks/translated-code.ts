/** HumanEval and MBPP in other languages (MBXP, arXiv 2210.14868): the head of a function, which the answer goes on with. */
import { PocketPhiError } from '../../base/errors.ts'
import { codeBehindHead } from './code.ts'
import { optionalText, textOf, type Row } from './row.ts'
import type { CodeTask } from './types.ts'

/**
 * Whether two values have the same parts, where `same` compares what has none. The tests of MBXP compare with values that could be JSON
 * or `undefined`; what else there is, as a Set or a Date, is only ever itself.
 */
const sameParts = `const sameParts = (same) => function equal(a, b) {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return same(a, b)
  const plain = (value) => Array.isArray(value) || Object.prototype.toString.call(value) === '[object Object]'
  if (!plain(a) || !plain(b) || Array.isArray(a) !== Array.isArray(b)) return a === b
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]))
}`

/** What the tests of a language import, in place of those modules, which the sandbox does not have. */
interface Imports {
  readonly line: RegExp
  readonly standIn: string
}

/** Of `assert` what tests call: it compares what has no parts by `==`. */
const assertModule: Imports = {
  line: /^import \* as assert from ['"]assert['"];?$/m,
  standIn: `${sameParts}
const assert = {
  deepEqual(actual, expected, message) {
    if (!sameParts((a, b) => a == b || (a !== a && b !== b))(actual, expected)) throw new Error(message)
  },
}`,
}

/** Of `lodash` what tests call. */
const lodashModule: Imports = {
  line: /^const _ = require\(['"]lodash['"]\);?$/m,
  standIn: `${sameParts}
const _ = { isEqual: sameParts((a, b) => a === b || (a !== a && b !== b)) }`,
}

function testsOf(row: Row, { line, standIn }: Imports): string {
  const tests = textOf(row, 'test').replace(line, '')
  if (!/^\s*import\b|\brequire\(/m.test(tests)) return `${standIn}\n${tests.trim()}`
  throw new PocketPhiError('invalid-file', `The field "test" of ${row.place} cannot be used.`, {
    expected: 'tests that import nothing, or what those of MBXP do',
  })
}

/** Whether code has the function of a head itself, the last function that the head begins. */
function declares(code: string, head: string): boolean {
  const [, name] = /.*\b(?:function|const)\s+(\w+)/s.exec(head) ?? []
  return name !== undefined && new RegExp(`\\b(?:function|const|let|var)\\s+${name}\\b`).test(code)
}

/**
 * Fields: `id`, `prompt`, `canonical_solution` where one is known, `test`. Stop texts are those of MultiPL-E (arXiv 2208.08227) for the
 * two languages.
 */
function translated(name: string, title: string, language: 'javascript' | 'typescript', imports: Imports): CodeTask {
  return {
    kind: 'code',
    name,
    title,
    folder: name,
    language,
    shots: 0,
    maxTokens: 1024,
    stop: ['\nfunction ', '\n/*', '\n//', '\nconsole.log'],
    read: (row) => {
      const question = textOf(row, 'prompt')
      const solution = optionalText(row, 'canonical_solution')
      const tests = testsOf(row, imports)
      return { id: textOf(row, 'id'), group: '', question, solution, tests, solved: question + (solution ?? '') }
    },
    program: ({ question, tests }, answer) => {
      const code = codeBehindHead(answer)
      return { language, source: `${declares(code, question) ? code : question + code}\n${tests}` }
    },
  }
}

export const humanevalTypeScript = translated(
  'humaneval-typescript',
  'HumanEval (TypeScript)',
  'typescript',
  assertModule,
)
export const humanevalJavaScript = translated(
  'humaneval-javascript',
  'HumanEval (JavaScript)',
  'javascript',
  lodashModule,
)
export const mbppTypeScript = translated('mbpp-typescript', 'MBPP (TypeScript)', 'typescript', assertModule)
