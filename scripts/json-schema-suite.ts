/**
 * Holds texts to the schemas of the public JSON-Schema-Test-Suite: every schema is made a grammar or refused by name, texts are drawn
 * from each grammar, and an independent validator judges them.
 *
 *     node scripts/json-schema-suite.ts FOLDER [--texts 50] [--seed 1]
 *
 * FOLDER holds files of the suite, such as tests/draft2020-12. Exit status: 1 when a text is not valid.
 */
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { fullFormats } from 'ajv-formats/dist/formats.js'
import { PocketPhiError } from '../src/base/errors.ts'
import { Random } from '../src/base/random.ts'
import { Automaton } from '../src/grammar/automaton.ts'
import { jsonSchemaGrammar } from '../src/grammar/json-schema.ts'
import { randomText } from '../src/grammar/random-text-harness.ts'

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { texts: { type: 'string', default: '50' }, seed: { type: 'string', default: '1' } },
})
const [folder] = positionals
if (folder === undefined) throw new Error('node scripts/json-schema-suite.ts FOLDER [--texts N] [--seed N]')

interface Group {
  readonly description: string
  readonly schema: unknown
}

const counts = { held: 0, texts: 0, empty: 0, invalid: 0 }
const refused = new Map<string, number>()
const random = new Random(Number(flags.seed))

function check(file: string, { description, schema }: Group): void {
  let automaton: Automaton
  try {
    automaton = new Automaton(jsonSchemaGrammar(schema))
  } catch (error) {
    if (!(error instanceof PocketPhiError)) throw error
    const reason = error.found ?? error.message
    refused.set(reason, (refused.get(reason) ?? 0) + 1)
    return
  }
  if (automaton.start.waiting.length === 0) {
    counts.empty++
    return
  }
  counts.held++
  const validate = new Ajv2020({
    strict: false,
    validateSchema: false,
    ownProperties: true,
    formats: fullFormats,
  }).compile(schema as object)
  for (let count = 0; count < Number(flags.texts); count++) {
    const text = randomText(automaton, random, 80)
    counts.texts++
    if (validate(JSON.parse(text))) continue
    counts.invalid++
    console.log(`${file}: ${description}: ${text}`)
  }
}

for (const file of (await readdir(folder)).filter((name) => name.endsWith('.json'))) {
  const groups = JSON.parse(await readFile(path.join(folder, file), 'utf8')) as readonly Group[]
  for (const group of groups) check(file, group)
}
for (const [reason, count] of [...refused].sort(([, left], [, right]) => right - left)) {
  console.log(`refused ${count} times: ${reason}`)
}
console.log(
  `${counts.held} schemas, ${counts.texts} texts, ${counts.invalid} of them not valid; no value at all fits ${counts.empty} schemas`,
)
process.exitCode = counts.invalid === 0 ? 0 : 1
