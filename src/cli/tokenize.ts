/** `phi tokenize`: text to ids and back. */
import type { Command } from 'commander'
import { PocketPhiError } from '../base/errors.ts'
import { renderChat } from '../text/templates.ts'
import { textToString } from '../text/text.ts'
import { parseConversation } from './conversation-file.ts'
import { UsageError } from './errors.ts'
import { readStandardInput, readTextFile } from './files.ts'
import { modelArgument, modelPlace } from './model-folder.ts'
import { print, printJson } from './terminal.ts'
import { readTextFiles, type TextFiles } from './text-files.ts'

interface TokenizeOptions {
  readonly file?: string
  readonly decode?: true | string[]
  readonly chat?: string
  readonly special?: boolean
  readonly json?: boolean
}

export function registerTokenize(program: Command): void {
  program
    .command('tokenize')
    .description('Show the tokens of a text, the text of token ids, or the prompt of a conversation.')
    .argument('<model>', `${modelArgument}; only the tokenizer is read, so that its files are enough`)
    .argument('[text]', 'the text; standard input when left out')
    .option('--file <path>', 'read the text from a file')
    .option('--decode [ids...]', 'turn ids into text; from standard input when none are given')
    .option(
      '--chat <path>',
      'render a conversation with the chat template: JSON as /save of phi chat writes it ("-" for standard input)',
    )
    .option('--special', 'let control tokens that the text spells become control tokens')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ phi tokenize phi-nano "A fox is an animal."
  $ phi tokenize phi-nano --json < story.txt
  $ phi tokenize phi-nano --decode 395 1470 337 495 723 270
  $ echo '[{"role": "user", "content": "Hello"}]' | phi tokenize phi-nano --chat -`,
    )
    .action(tokenize)
}

async function tokenize(model: string, text: string | undefined, options: TokenizeOptions): Promise<void> {
  const sources = [text, options.file, options.decode, options.chat].filter((source) => source !== undefined)
  if (sources.length > 1) throw new UsageError('Give one of: a text, --file, --decode, --chat.')
  const { folder, weightsFile } = await modelPlace(model, 'tokenizer')
  const files = await readTextFiles(folder, weightsFile)
  if (options.decode !== undefined) return await decode(files, options)
  if (options.chat !== undefined) return await renderMessages(files, options.chat, options)
  const source = text ?? (await (options.file === undefined ? readStandardInput() : readTextFile(options.file, 'file')))
  const ids = files.tokenizer.encode(source, { special: options.special === true ? 'recognise' : 'plain' })
  show(files, ids, {}, options)
}

function show({ tokenizer }: TextFiles, ids: readonly number[], more: object, options: TokenizeOptions): void {
  const pieces = ids.map((id) => tokenizer.pieceOf(id) ?? '')
  if (options.json === true) return printJson({ ...more, count: ids.length, ids, pieces })
  ids.forEach((id, index) => print(`${String(id).padStart(7)}  ${visible(pieces[index] ?? '')}`))
  print(`${ids.length} tokens`)
}

/** A piece on one line, with what cannot be seen escaped. */
function visible(piece: string): string {
  return JSON.stringify(piece).slice(1, -1).replaceAll('\\"', '"')
}

async function decode({ tokenizer }: TextFiles, { decode: given, json }: TokenizeOptions): Promise<void> {
  const typed = given === true || given === undefined ? await readStandardInput() : given.join(' ')
  const words = typed.split(/[\s,[\]]+/).filter((word) => word !== '')
  const ids = words.map((word) => {
    const id = /^\d{1,9}$/.test(word) ? Number(word) : Number.NaN
    if (tokenizer.pieceOf(id) !== undefined) return id
    throw new PocketPhiError('invalid-argument', 'There is no such token.', {
      expected: `ids below ${tokenizer.vocabularySize}, separated by spaces or commas`,
      found: JSON.stringify(word),
    })
  })
  const text = tokenizer.decode(ids)
  if (json === true) printJson({ text, ids })
  else print(text)
}

async function renderMessages(files: TextFiles, path: string, options: TokenizeOptions): Promise<void> {
  const { template, tokenizer } = files
  if (template === undefined) throw new PocketPhiError('not-found', 'The model has no chat template.')
  const messages = parseConversation(await readTextFile(path, 'conversation'), path)
  // After an answer it is not the model's turn.
  const text = renderChat(template, messages, { addGenerationPrompt: messages.at(-1)?.role !== 'assistant' })
  const rendered = textToString(text)
  if (options.json !== true) print(`${rendered}\n`)
  show(files, tokenizer.encode(text), { template: template.name, text: rendered }, options)
}
