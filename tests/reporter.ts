import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Reporter, SerializedError, TestModule } from 'vitest/node'

export interface Counts {
  passed: number
  failed: number
  skipped: number
}

/**
 * What a run comes to. A file or suite that fails outside of its tests (it does not load, or a hook throws) and an error
 * that no test caught count as one failure each, so that a run which vitest fails never reads `0 failed`.
 */
export function countTests(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): Counts {
  const counts: Counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 }
  for (const module of modules) {
    if (module.errors().length > 0) counts.failed += 1
    for (const suite of module.children.allSuites()) {
      if (suite.errors().length > 0) counts.failed += 1
    }
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      // A test that never ran to its end, because its process died or the run was stopped, did not pass.
      counts[state === 'pending' ? 'failed' : state] += 1
    }
  }
  return counts
}

/** `N passed, N failed`, and `, N skipped` when some were. */
export function summaryLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

/** What became of one test; the name is `file > suite > test`. */
export interface TestResult {
  readonly name: string
  readonly state: string
}

/** The results of the last run, for the table of what is supported (scripts/capabilities.ts). */
export const resultsFile = fileURLToPath(new URL('../node_modules/.cache/pocket-phi/tests.json', import.meta.url))

function saveResults(modules: readonly TestModule[]): void {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const results = modules.flatMap((module) =>
    [...module.children.allTests()].map((one): TestResult => ({
      name: `${relative(root, module.moduleId)} > ${one.fullName}`,
      state: one.result().state,
    })),
  )
  mkdirSync(dirname(resultsFile), { recursive: true })
  writeFileSync(resultsFile, JSON.stringify(results))
}

/** Ends a run with its counts alone on a line, where people and scripts find them. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const counts = countTests(modules, unhandledErrors)
    if (modules.length === 0) counts.failed += 1
    saveResults(modules)
    process.stdout.write(`\n${summaryLine(counts)}\n`)
  }
}
