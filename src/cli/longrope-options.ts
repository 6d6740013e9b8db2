/** What the searches of `phi longrope` have in common: options, documents, progress, what is printed. */
import { InvalidArgumentError, Option, type Command } from 'commander'
import {
  generatedDocuments,
  generatedSources,
  textDocuments,
  type DocumentSplit,
  type GeneratedSource,
} from '../longrope/documents.ts'
import { publishedSettings, type EvolutionSettings } from '../longrope/evolution.ts'
import {
  heldOutGain,
  type Finding,
  type HeldOutGain,
  type SearchProgress,
  type SearchResult,
} from '../longrope/search.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { readTextFile } from './files.ts'
import { addBackendOptions, integer, type BackendOptions } from './options.ts'
import { bar, formatSeconds, formatTable, note, print, printJson, StatusLine } from './terminal.ts'
import { addWideOptions, type WideOptions } from './wide.ts'
import { heldOutSeed } from './world-text.ts'

export interface RunOptions extends BackendOptions, WideOptions {
  readonly folder?: string
  readonly resume?: boolean
  readonly json?: boolean
}

export interface SearchCommandOptions extends RunOptions, Omit<EvolutionSettings, 'mutationProbability'> {
  readonly text?: readonly string[]
  readonly generated: GeneratedSource
  readonly documents: number
  readonly exact?: boolean
}

/** Documents that the paper measures a candidate on. */
const usualDocuments = 5

/** Adds what every command has that may take long. */
export function addRunOptions(command: Command, folder: string): Command {
  command
    .option('--folder <path>', `folder of the run (default: ${folder})`)
    .option('--resume', 'go on where the run was broken off; the result is that of an undisturbed one')
    .option('--json', 'print JSON objects: of the progress, and one at the end')
  return addWideOptions(addBackendOptions(command), 'yes')
}

/** Adds what decides a search. */
export function addSearchOptions(command: Command): Command {
  const { population, parents, mutations, crossovers, generations, seed } = publishedSettings
  return command
    .option('--text <files...>', 'documents to search on; as many are held out from their end')
    .addOption(
      new Option('--generated <source>', 'what is written where no text is given')
        .choices(generatedSources)
        .default('world-documents'),
    )
    .option('--documents <n>', 'how many to search on, and how many to hold out', integer(1), usualDocuments)
    .option('--population <n>', 'candidates of the first generation', integer(1), population)
    .option('--parents <n>', 'the best, from which the next generation is made', integer(1), parents)
    .option('--mutations <n>', 'children of one parent in a generation', integer(0), mutations)
    .option('--crossovers <n>', 'children of two parents in a generation', integer(0), crossovers)
    .option('--generations <n>', 'generations after the first', integer(0), generations)
    .option('--seed <n>', 'the same seed gives the same search', integer(0, 2 ** 31), seed)
    .option('--exact', 'do not round activations to int8 where weights are packed, nor keys and values to f16')
}

/** Reads a list of integers with commas between them, 0 among them. */
export function startTokenList(text: string): number[] {
  const values = text.split(',').map((part) => (/^\d+$/.test(part.trim()) ? Number(part) : Number.NaN))
  if (values.every(Number.isSafeInteger) && values.includes(0)) return values
  throw new InvalidArgumentError('Expected integers with commas between them, 0 among them.')
}

export function evolutionOf(options: SearchCommandOptions): EvolutionSettings {
  const { population, parents, mutations, crossovers, generations, seed } = options
  const { mutationProbability } = publishedSettings
  return { population, parents, mutations, crossovers, generations, seed, mutationProbability }
}

/** The documents that the options ask for. */
export async function documentsOf(
  tokenizer: Tokenizer,
  { text, generated: source, documents: count }: SearchCommandOptions,
  length: number,
): Promise<DocumentSplit> {
  if (text === undefined) return generatedDocuments(tokenizer, { source, count, seed: heldOutSeed }, length)
  const texts = await Promise.all(text.map(async (file) => await readTextFile(file, 'text')))
  return textDocuments(tokenizer, texts, count, length)
}

/** Without a terminal a line is printed this often, in seconds. */
const lineSeconds = 10

/** Shows how searches go: a line written over in place, plain lines, or JSON. */
export class SearchReporter {
  readonly #json: boolean
  readonly status: StatusLine
  #lastLine = -Infinity

  constructor(json: boolean) {
    this.#json = json
    this.status = new StatusLine(!json)
  }

  report(progress: SearchProgress, part?: string): void {
    if (this.#json) return printJson(part === undefined ? progress : { part, ...progress })
    const { generation, generations, measured, total, best, bestSeed, secondsLeft } = progress
    const line =
      `${part === undefined ? '' : `${part}  `}generation ${generation} of ${generations}  ${measured} of ${total}  ` +
      `perplexity ${Math.exp(best).toFixed(3)}, of the best seed ${Math.exp(bestSeed).toFixed(3)}  ${formatSeconds(secondsLeft)} left`
    const now = performance.now() / 1000
    if (!this.status.enabled && (now - this.#lastLine >= lineSeconds || measured === total)) {
      this.#lastLine = now
      note(line)
    }
    this.status.show(`${bar(measured / total)} ${line}`)
  }

  end(): void {
    this.status.clear()
  }
}

/** What a search has brought, and whether that is more than chance. */
function gainLine({ seed, mean, error }: HeldOutGain): string {
  const percent = (nats: number): string => `${(100 * nats).toFixed(2)} %`
  const spread = Number.isFinite(error) ? ` (standard error ${percent(error)})` : ''
  const direction = mean < 0 ? 'higher' : 'lower'
  const told = `The held-out perplexity is ${direction} than with ${seed}, the best seed, by ${percent(Math.abs(mean))}${spread}`
  return mean > 2 * error ? `${told}.` : `${told}, which may be chance: search on more documents (--documents).`
}

/** What a search found, as a table. */
export function printFindings({ best, seeds, withStartTokens }: SearchResult): void {
  const rows: Finding[] = [...seeds, best, ...(withStartTokens === undefined ? [] : [withStartTokens])]
  print(
    formatTable([
      ['factors', 'start tokens', 'perplexity', 'held out', 'from', 'to'],
      ...rows.map(({ name, startTokens, loss, heldOutLoss, factors }) => [
        name,
        String(startTokens),
        Math.exp(loss).toFixed(4),
        Math.exp(heldOutLoss).toFixed(4),
        (factors[0] ?? 1).toFixed(2),
        (factors.at(-1) ?? 1).toFixed(2),
      ]),
    ]),
  )
  print(`\n${gainLine(heldOutGain({ best, seeds }))}`)
  if (withStartTokens === undefined) return
  print('\nThe published form has no place for start tokens: the factors above them are written, not the last ones.')
}
