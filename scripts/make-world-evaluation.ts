/**
 * Writes models/phi-nano/evaluation/<kind>.jsonl from the fixed seed. With --check it writes nothing and fails where a
 * committed file differs, so that a change of the tables cannot move the evaluation unseen.
 * independent.jsonl is written by hand and not touched.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildEvaluation, formatRows, type EvaluationRow } from '../src/eval/world/index.ts'

const folder = join(import.meta.dirname, '..', 'models', 'phi-nano', 'evaluation')
const check = process.argv.includes('--check')

const byKind = new Map<string, EvaluationRow[]>()
for (const row of buildEvaluation()) {
  const list = byKind.get(row.kind)
  if (list === undefined) byKind.set(row.kind, [row])
  else list.push(row)
}

mkdirSync(folder, { recursive: true })
let different = 0
for (const [kind, rows] of byKind) {
  const path = join(folder, `${kind.replaceAll(' ', '-')}.jsonl`)
  const text = formatRows(rows)
  if (check) {
    if (existsSync(path) && readFileSync(path, 'utf8') === text) continue
    different++
    console.error(`${kind}: the committed file differs from what the tables give now`)
  } else {
    writeFileSync(path, text)
    console.log(`${kind}: ${rows.length} rows`)
  }
}
if (different > 0) process.exitCode = 1
