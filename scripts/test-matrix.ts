/**
 * Runs the suites that rest on the kernels with every combination of build (baseline, relaxed SIMD with products of bytes in
 * fours or in pairs), kernels (plain, for wide vectors) and threads (1, 2, 4), and prints a table and what all came to. A
 * suite that goes through builds or threads itself is run once for what it does not.
 *
 *     npm run test:matrix -- [--goldens FOLDER] [--only WORDS] [--suites WORD,…]
 *
 * With --goldens the golden numbers of that folder (see scripts/goldens.ts) are compared with every combination, too, but for
 * pairs, since their weights are floats and no bytes are multiplied. --only takes the combinations with all of these words in their names,
 * such as "relaxed wide", --suites the suites that have one of these words in their paths. Exit status: 1 when something fails.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { formatTable } from '../src/cli/terminal.ts'
import { wideFlag } from '../src/cli/wide.ts'
import { environmentOf, formatCombination, type Combination } from '../tests/matrix/combination.ts'
import { suites } from '../tests/matrix/suites.ts'

const { values: flags } = parseArgs({
  options: {
    goldens: { type: 'string' },
    only: { type: 'string', default: '' },
    suites: { type: 'string', default: '' },
  },
})
const wanted = flags.only.split(' ').filter((word) => word !== '')

const builds = [
  { simd: 'baseline' },
  { simd: 'relaxed', products: 'fours' },
  { simd: 'relaxed', products: 'pairs' },
] as const

interface Run {
  readonly combination: Omit<Combination, 'folder'>
  readonly files: readonly string[]
}

/** What one process of the tests, or of the goldens, came to. */
interface Outcome {
  readonly passed: number
  /** What failed, and why. */
  readonly failures: readonly string[]
}

interface VitestReport {
  readonly numPassedTests: number
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: string
      readonly failureMessages?: readonly string[]
    }[]
  }[]
}

const folder = mkdtempSync(path.join(tmpdir(), 'phi-matrix-'))
process.once('exit', () => rmSync(folder, { recursive: true }))

function firstLine(text: string | undefined): string {
  return (text ?? '').split('\n')[0] ?? ''
}

function runTests(combination: Run['combination'], files: readonly string[]): Outcome {
  const report = path.join(folder, 'report.json')
  rmSync(report, { force: true })
  const { status, stderr } = spawnSync(
    process.execPath,
    [
      ...['node_modules/vitest/vitest.mjs', 'run', '--config', 'tests/matrix/vitest.config.ts'],
      ...['--reporter', 'json', '--outputFile', report, ...files],
    ],
    { env: environmentOf({ ...combination, folder }), encoding: 'utf8', maxBuffer: 2 ** 28 },
  )
  let found: VitestReport
  try {
    found = JSON.parse(readFileSync(report, 'utf8')) as VitestReport
  } catch {
    return { passed: 0, failures: [`vitest ended with ${status}: ${stderr.trim()}`] }
  }
  const failures = found.testResults.flatMap(({ name, status: state, message, assertionResults }) => {
    const file = path.relative(process.cwd(), name)
    const failed = assertionResults.filter((one) => one.status === 'failed')
    // A file that does not load, or whose hooks fail.
    if (state === 'failed' && failed.length === 0) return [`${file}: ${firstLine(message)}`]
    return failed.map((one) => `${file} > ${one.fullName}: ${firstLine(one.failureMessages?.[0])}`)
  })
  const unseen = files.filter((file) => !found.testResults.some(({ name }) => name.endsWith(file)))
  failures.push(...unseen.map((file) => `${file}: was not run`))
  if (status !== 0 && failures.length === 0) failures.push(`vitest ended with ${status}: ${stderr.trim()}`)
  return { passed: found.numPassedTests, failures }
}

function runGoldens({ simd, wide, threads }: Run['combination'], goldens: string): Outcome {
  const options = ['--backend', 'wasm', '--simd', String(simd), '--threads', String(threads)]
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [...(wide ? ['--no-liftoff'] : []), 'scripts/goldens.ts', goldens, ...options, ...(wide ? ['--wide'] : [])],
    { encoding: 'utf8', maxBuffer: 2 ** 28 },
  )
  const failures = stdout.split('\n').filter((line) => / FAIL /.test(line))
  const [, ok] = /^goldens on wasm: (\d+) ok/m.exec(stdout) ?? []
  if (ok === undefined || (status !== 0 && failures.length === 0)) {
    failures.push(`goldens ended with ${status}: ${stderr.trim()}`)
  }
  return { passed: Number(ok ?? 0), failures }
}

/** Whether this Node knows the widening at all. */
function hasWidening(): boolean {
  return spawnSync(process.execPath, [wideFlag, '--eval', '']).status === 0
}

function allRuns(): Run[] {
  const runs: Run[] = []
  for (const wide of hasWidening() ? [false, true] : [false]) {
    runs.push({ combination: { wide }, files: suites.kernels })
    for (const build of builds) {
      runs.push({ combination: { ...build, wide }, files: suites.threads })
      for (const threads of [1, 2, 4]) runs.push({ combination: { ...build, wide, threads }, files: suites.all })
    }
  }
  return runs
}

const rows: string[][] = []
const total = { passed: 0, failed: 0 }
for (const { combination, files: all } of allRuns()) {
  const files = all.filter((file) => flags.suites.split(',').some((word) => file.includes(word)))
  if (files.length === 0) continue
  const name = formatCombination(combination)
  if (!wanted.every((word) => name.split(' ').includes(word))) continue
  const start = performance.now()
  const tests = runTests(combination, files)
  const goldens =
    flags.goldens === undefined || combination.threads === undefined || combination.products === 'pairs'
      ? undefined
      : runGoldens(combination, flags.goldens)
  const failures = [...tests.failures, ...(goldens?.failures ?? [])]
  for (const failure of failures) console.log(`FAIL ${name}: ${failure}`)
  const seconds = (performance.now() - start) / 1000
  const cells = [`${tests.passed}`, `${goldens?.passed ?? '-'}`, `${failures.length}`, seconds.toFixed(0)]
  process.stderr.write(`${name}: ${failures.length === 0 ? 'passed' : `${failures.length} failed`}\n`)
  rows.push([name, ...cells])
  total.passed += tests.passed + (goldens?.passed ?? 0)
  total.failed += failures.length
}
if (rows.length === 0) throw new Error(`no combination is called "${flags.only}", or no suite "${flags.suites}"`)
console.log(`\n${formatTable([['combination', 'tests', 'goldens', 'failed', 'seconds'], ...rows])}`)
if (!hasWidening()) console.log('This Node knows no wide vectors; combinations with them were left out.')
console.log(`\n${total.passed} passed, ${total.failed} failed`)
if (total.failed > 0) process.exitCode = 1
