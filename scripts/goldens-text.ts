/**
 * Compares our tokenizers and chat templates with files of reference results:
 *
 *   npm run goldens:text -- DIR --tokenizers DIR2
 *
 * DIR holds golden.jsonl (a column for each tokenizer) and chat.jsonl (rendered conversations and their ids); DIR2 a
 * folder for each tokenizer, named like its column. Ends with 1 on any difference.
 */
import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { renderChat, templateNames, type ChatMessage, type TemplateName } from '../src/text/templates.ts'
import { textToString, type Text } from '../src/text/text.ts'
import { loadTiktoken, loadTokenizerJson, type Tokenizer } from '../src/text/tokenizer.ts'

type Row = Readonly<Record<string, unknown>>

interface ChatRow {
  readonly id: string
  readonly template: string
  readonly messages: readonly ChatMessage[]
  readonly add_generation_prompt: boolean
  readonly text: string
  readonly tokenizer: string | null
  readonly ids_no_special_added: readonly number[] | null
}

/** Columns that are named after a vocabulary instead of a model. */
const aliases: Readonly<Record<string, string>> = { cl100k: 'phi-3-small' }

const shownDifferences = 5

const counts = new Map<string, { rows: number; equal: number }>()
const unknown = new Map<string, number>()
let differences = 0

function compare(column: string, id: unknown, found: unknown, expected: unknown): void {
  const count = counts.get(column) ?? { rows: 0, equal: 0 }
  counts.set(column, count)
  count.rows++
  if (JSON.stringify(found) === JSON.stringify(expected)) count.equal++
  else if (differences++ < shownDifferences) {
    console.error(`${column}, row ${String(id)}:`)
    console.error(`  expected ${JSON.stringify(expected)}`)
    console.error(`  found    ${JSON.stringify(found)}`)
  }
}

/** What `make` returns, or its error as something that equals no expectation. */
function attempt(make: () => unknown): unknown {
  try {
    return make()
  } catch (error) {
    return `error: ${String(error)}`
  }
}

function readLines(path: string): unknown[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line): unknown => JSON.parse(line))
}

const loaded = new Map<string, Tokenizer | undefined>()

/** The tokenizer of a folder, or undefined when there is none. */
function tokenizerOf(folder: string, name: string): Tokenizer | undefined {
  const key = aliases[name] ?? name
  if (!loaded.has(key)) loaded.set(key, load(join(folder, basename(key))))
  return loaded.get(key)
}

function load(folder: string): Tokenizer | undefined {
  const jsonPath = join(folder, 'tokenizer.json')
  if (existsSync(jsonPath)) return loadTokenizerJson(JSON.parse(readFileSync(jsonPath, 'utf8')))
  const modulePath = join(folder, 'tokenizer_module.json')
  if (!existsSync(modulePath)) return undefined
  const module = JSON.parse(readFileSync(modulePath, 'utf8')) as { tiktoken_file: string; added_tokens: unknown[] }
  const pattern = module.tiktoken_file.startsWith('o200k') ? 'o200k' : 'cl100k'
  const ranks = readFileSync(join(folder, basename(module.tiktoken_file)), 'utf8')
  return loadTiktoken(ranks, { pattern, addedTokens: module.added_tokens })
}

/** What a column holds for a row, made by us; undefined when the column is not known. */
function compute(column: string, row: Row, folder: string): unknown {
  const text = String(row['text'])
  const [, name = column, kind] = /^(.*)\.(tokens|decode|decode_skip_special|ordinary)$/.exec(column) ?? []
  const tokenizer = tokenizerOf(folder, name)
  if (tokenizer === undefined) return undefined
  switch (kind) {
    case undefined:
      return tokenizer.encode(text, { special: 'recognise' })
    case 'tokens':
      return tokenizer.tokenize(text, { special: 'recognise' })
    case 'ordinary':
      return tokenizer.encode(text, { special: 'plain' })
    default: {
      const stream = tokenizer.startDecoding({ skipSpecial: kind === 'decode_skip_special' })
      const ids = row[name] as readonly number[]
      return ids.map((id) => stream.push(id)).join('') + stream.flush()
    }
  }
}

function compareEncodings(rows: readonly Row[], folder: string): void {
  for (const row of rows) {
    for (const [column, expected] of Object.entries(row)) {
      if (column === 'id' || column === 'category' || column === 'text') continue
      const found = attempt(() => compute(column, row, folder))
      if (found === undefined) unknown.set(column, (unknown.get(column) ?? 0) + 1)
      else compare(column, row['id'], found, expected)
    }
  }
}

function spellsToken(row: ChatRow, tokenizer: Tokenizer): boolean {
  return row.messages.some((message) => tokenizer.addedTokens.some((token) => message.content.includes(token.content)))
}

function compareChats(rows: readonly ChatRow[], folder: string): void {
  for (const row of rows) {
    if (!(templateNames as readonly string[]).includes(row.template)) {
      unknown.set(`template ${row.template}`, (unknown.get(`template ${row.template}`) ?? 0) + 1)
      continue
    }
    const options = { addGenerationPrompt: row.add_generation_prompt }
    const typed = (): Text => renderChat(row.template as TemplateName, row.messages, options)
    const text = attempt(() => textToString(typed()))
    compare(`chat ${row.template} text`, row.id, text, row.text)
    if (row.tokenizer === null || row.ids_no_special_added === null) continue
    const tokenizer = tokenizerOf(folder, row.tokenizer)
    if (tokenizer === undefined) {
      unknown.set(`tokenizer ${row.tokenizer}`, (unknown.get(`tokenizer ${row.tokenizer}`) ?? 0) + 1)
      continue
    }
    const recognised = tokenizer.encode(row.text, { special: 'recognise', addBos: false })
    compare(`chat ${row.template} ids of the text`, row.id, recognised, row.ids_no_special_added)
    // The reference makes control tokens of what a user spells; typed text does not, on purpose.
    if (spellsToken(row, tokenizer)) continue
    const ids = attempt(() => tokenizer.encode(typed(), { addBos: false }))
    compare(`chat ${row.template} ids of typed text`, row.id, ids, row.ids_no_special_added)
  }
}

function main(): void {
  const { values, positionals } = parseArgs({ options: { tokenizers: { type: 'string' } }, allowPositionals: true })
  const [directory] = positionals
  if (directory === undefined || values.tokenizers === undefined) {
    console.error('Usage: npm run goldens:text -- DIR --tokenizers DIR2')
    process.exitCode = 2
    return
  }
  const golden = join(directory, 'golden.jsonl')
  const chat = join(directory, 'chat.jsonl')
  if (existsSync(golden)) compareEncodings(readLines(golden) as Row[], values.tokenizers)
  if (existsSync(chat)) compareChats(readLines(chat) as ChatRow[], values.tokenizers)
  for (const [column, { rows, equal }] of counts) console.log(`${column.padEnd(44)} ${equal} of ${rows} equal`)
  for (const [column, rows] of unknown) console.log(`${column.padEnd(44)} not known, ${rows} rows not compared`)
  const compared = [...counts.values()].reduce((sum, { rows }) => sum + rows, 0)
  console.log(`${compared} comparisons, ${differences} differences`)
  if (differences > 0 || compared === 0) process.exitCode = 1
}

main()
