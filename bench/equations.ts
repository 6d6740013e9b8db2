/**
 * How many equations of worked solutions are recognised, and which are said to be wrong: solutions that people wrote are right, nearly all of them. Then every
 * result that is a whole number is made greater by one, and how many of those are noticed.
 *
 *     node bench/equations.ts gsm8k.jsonl.gz
 */
import { fileURLToPath } from 'node:url'
import { equationsIn } from '../src/data/pipeline/synthesis/arithmetic/equations.ts'
import { readJsonLines } from '../src/data/conversations/json-lines.ts'

/** Notes for a calculator, which GSM8K has beside each computation. */
const note = /<<[^>]*>>/g

/** The result behind a note. */
const result = /(<<[^>]*>>)(\d[\d,]*)(?![\d.,/%])/g

const spoilt = (solution: string): string =>
  solution.replaceAll(
    result,
    (_, before: string, number: string) => `${before}${Number(number.replaceAll(',', '')) + 1}`,
  )

const wrongIn = (solution: string) => equationsIn(solution.replaceAll(note, '')).filter(({ holds }) => !holds)

async function main(files: readonly string[]): Promise<void> {
  const counts = { solutions: 0, computations: 0, recognised: 0, wrong: 0, spoilt: 0, noticed: 0 }
  for (const file of files) {
    for (const { fields } of await readJsonLines(file)) {
      const solution = String(fields['solution'] ?? fields['answer'])
      const wrong = wrongIn(solution)
      counts.solutions++
      counts.computations += solution.match(note)?.length ?? 0
      counts.recognised += equationsIn(solution.replaceAll(note, '')).length
      counts.wrong += wrong.length
      counts.spoilt += solution.match(result)?.length ?? 0
      counts.noticed += wrongIn(spoilt(solution)).length
      for (const { text, left, right } of wrong) console.log(`${text}  (${left}, ${right})`)
    }
  }
  console.log(JSON.stringify(counts))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2))
