/**
 * Runs the solutions that rows of programs bring, as answers of a model that is always right, and prints which do not pass.
 * With --wrong each question gets the solution of the next one instead, and those that pass are printed.
 *
 *     node scripts/run-solutions.ts FOLDER [--tasks humaneval,mbpp,mbpp-typescript] [--split test|dev] [--parallel 2] [--wrong] [--programs FILE]
 *
 * FOLDER is that of `phi eval --data`. `--programs` writes each program with its outcome to a file of JSON Lines, for another judge.
 */
import { appendFile, rm } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { present } from '../src/base/errors.ts'
import { folderOfRows } from '../src/eval/benchmarks/rows.ts'
import { tasks } from '../src/eval/tasks/index.ts'
import type { CodeTask } from '../src/eval/tasks/types.ts'
import { runProgram } from '../src/sandbox/run.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tasks: { type: 'string', default: 'humaneval,mbpp' },
    split: { type: 'string', default: 'test' },
    parallel: { type: 'string', default: '2' },
    wrong: { type: 'boolean', default: false },
    programs: { type: 'string' },
  },
})
const [data] = positionals
if (data === undefined) throw new Error('Name the folder of the rows.')
const { wrong, programs } = values
const split = values.split === 'dev' ? 'dev' : 'test'

async function check(task: CodeTask, source: ReturnType<typeof folderOfRows>): Promise<void> {
  const rows = (await source.rows(task.folder, split)) ?? []
  // Not every row brings a solution.
  const items = rows
    .map((row) => task.read(row))
    .flatMap((item) => (item.solution === undefined ? [] : [{ ...item, solution: item.solution }]))
  const queue = items.entries()
  let passed = 0
  const work = async (): Promise<void> => {
    for (const [index, item] of queue) {
      const { solution } = wrong ? present(items[(index + 1) % items.length], 'item') : item
      const program = task.program(item, solution)
      const outcome = await runProgram(program)
      const pass = outcome.kind === 'finished'
      if (pass) passed++
      if (pass === wrong) console.log(item.id, JSON.stringify({ ...outcome, output: outcome.output.slice(-200) }))
      if (programs !== undefined) {
        await appendFile(programs, `${JSON.stringify({ id: item.id, source: program.source, ...outcome })}\n`)
      }
    }
  }
  await Promise.all(Array.from({ length: Number(values.parallel) }, work))
  console.log(`${task.name} ${split}: ${passed} of ${items.length} pass${wrong ? ' with the solution of another' : ''}`)
}

if (programs !== undefined) await rm(programs, { force: true })
const chosen = values.tasks.split(',')
for (const task of tasks) {
  if (task.kind === 'code' && chosen.includes(task.name)) await check(task, folderOfRows(data))
}
