/**
 * Asks phi-nano word problems as a newcomer would: through `npm start`, fed by a pipe, one line a question. Names, nouns and
 * numbers are drawn now from what training never saw. Exit code 1 unless the program ends with 0, answers every line, and
 * is right often enough.
 *
 *     node scripts/ask-sums.ts [--seed N] [--count 50] [--least 45]
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { drawArithmeticQuestions } from '../src/data/world/index.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1e9) },
    count: { type: 'string', default: '50' },
    least: { type: 'string', default: '45' },
  },
})
const [seed, count, least] = [Number(values.seed), Number(values.count), Number(values.least)]
const questions = drawArithmeticQuestions(seed, count)
const { status, stdout } = spawnSync('npm', ['start', '--silent'], {
  cwd: fileURLToPath(new URL('..', import.meta.url)),
  input: `${questions.map(({ question }) => question).join('\n')}\n`,
  stdio: ['pipe', 'pipe', 'inherit'],
  encoding: 'utf8',
})
const answers = stdout.trimEnd().split('\n')
let right = 0
for (const [index, { question, answer }] of questions.entries()) {
  const found = answers[index] ?? ''
  if (Number(/(\d+)\D*$/.exec(found)?.[1]) === answer) right++
  else console.log(`wrong, it is ${answer}: ${question}\n    ${found}`)
}
console.log(
  `seed ${seed}: exit code ${status}, ${answers.length} answers to ${count} lines, ${right} right (at least ${least})`,
)
if (status !== 0 || answers.length !== count || right < least) process.exitCode = 1
