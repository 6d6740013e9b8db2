/**
 * Writes models/phi-nano/evaluation/<kind>.jsonl from the fixed seed for every kind that is not in manifest.json yet, and its hash
 * into that. The files that are there are the evaluation, frozen before training, and are never written again. With --check it writes
 * nothing and names the files that the tables would give differently now. independent.jsonl is written by hand and not touched.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildEvaluation, evaluationSeed, formatRows, type EvaluationRow } from '../src/eval/world/index.ts'

const folder = join(import.meta.dirname, '..', 'models', 'phi-nano', 'evaluation')
const check = process.argv.includes('--check')

const byKind = new Map<string, EvaluationRow[]>()
for (const row of buildEvaluation()) {
  const list = byKind.get(row.kind)
  if (list === undefined) byKind.set(row.kind, [row])
  else list.push(row)
}

const manifestPath = join(folder, 'manifest.json')
const { files } = JSON.parse(readFileSync(manifestPath, 'utf8')) as {
  files: Record<string, { rows: number; sha256: string }>
}
let different = 0
for (const [kind, rows] of byKind) {
  const name = `${kind.replaceAll(' ', '-')}.jsonl`
  const path = join(folder, name)
  const text = formatRows(rows)
  if (check) {
    if (existsSync(path) && readFileSync(path, 'utf8') === text) continue
    different++
    console.error(`${kind}: the committed file differs from what the tables give now`)
  } else if (files[name] === undefined) {
    files[name] = { rows: rows.length, sha256: createHash('sha256').update(text).digest('hex') }
    writeFileSync(path, text)
    console.log(`${kind}: ${rows.length} rows`)
  }
}
if (!check) {
  const manifest = { seed: evaluationSeed, files }
  writeFileSync(manifestPath, `${JSON.stringify(manifest, undefined, 2)}\n`)
}
if (different > 0) process.exitCode = 1
