/** Answers from sources: where commands search, and what they say of it. */
import type { Command } from 'commander'
import type { PhiModel } from '../engine/phi-model.ts'
import { citationsOf } from '../search/citations.ts'
import { groundForModel, nothingFoundIn, usualSources } from '../search/ground-for-model.ts'
import type { Grounded } from '../search/ground.ts'
import type { Passage, SearchProvider } from '../search/passage.ts'
import type { Said } from '../search/question.ts'
import { searxng } from '../search/searxng.ts'
import { IndexFile } from '../search/store/index-file.ts'
import { VectorSearch } from '../search/store/vectors.ts'
import { reportError, UsageError } from './errors.ts'
import { integer, repeated } from './options.ts'
import { packageVersion } from './version.ts'

export interface SearchOptions {
  readonly search?: string[]
  readonly sources: number
  readonly embed?: string
}

/** What `--embed` does where something is searched. */
export const embedHelp = 'search indexes by vectors as well: the model that theirs were made with (phi index --embed)'

export function addSearchOptions(command: Command): Command {
  return command
    .option(
      '--search <place>',
      'answer from what is found in an index of phi, by the SearXNG server at a URL, or by a tool of an MCP server (mcp:SERVER); repeatable',
      repeated,
    )
    .option('--sources <n>', 'sources that go with a question, at most', integer(1, 20), usualSources)
    .option('--embed <model>', embedHelp)
}

/**
 * An index, the server of a search engine, or a tool of an MCP server: `mcp:SERVER`, or `mcp:SERVER#TOOL`, where SERVER is an address or a program with
 * its arguments.
 *
 * @throws PocketPhiError `not-found`, `invalid-file`; as `openMcp`
 */
async function openProvider(place: string, signal?: AbortSignal): Promise<SearchProvider> {
  if (/^https?:/.test(place)) return searxng(place)
  const [, server, tool] = /^mcp:(.+?)(?:#([\w./-]+))?$/.exec(place) ?? []
  if (server === undefined) return IndexFile.open(place)
  const { openMcp } = await import('../search/mcp/index.ts')
  return await openMcp({ server, tool }, { version: packageVersion(), environment: process.env, signal })
}

interface OpenProviders {
  readonly providers: readonly SearchProvider[]
  readonly close: () => Promise<void>
}

/**
 * The same places, of which indexes are searched by vectors as well where there is a model for them.
 *
 * @returns all of them, and what closes them; or none
 * @throws PocketPhiError as `openProvider`, `openEmbedder` and `VectorSearch.open`
 */
export async function openProviders(
  places: readonly string[],
  embed: string | undefined,
  signal?: AbortSignal,
): Promise<OpenProviders> {
  const opened: { close(): Promise<void> }[] = []
  const providers: SearchProvider[] = []
  try {
    // Few want vectors, and those who do not are to be answered as soon as ever.
    const embedder = embed === undefined ? undefined : await (await import('./embedder.ts')).openEmbedder(embed, signal)
    if (embedder !== undefined) opened.push(embedder)
    for (const place of places) {
      const provider = await openProvider(place, signal)
      opened.push(provider)
      const isIndex = provider instanceof IndexFile && embedder !== undefined
      providers.push(isIndex ? await VectorSearch.open(provider, embedder, signal) : provider)
    }
    return { providers, close: async () => void (await Promise.all(opened.map((one) => one.close()))) }
  } catch (error) {
    await Promise.all(opened.map((one) => one.close()))
    throw error
  }
}

/** Turns questions into questions with sources. */
export interface Searcher extends AsyncDisposable {
  readonly names: string
  /** @returns undefined where nothing was found */
  ground(question: string, said: readonly Said[], signal?: AbortSignal): Promise<Grounded | undefined>
}

/**
 * Undefined where no place is named.
 *
 * @throws PocketPhiError as `openProviders`
 * @throws UsageError for a model of vectors without a place
 */
export async function openSearcher(
  model: PhiModel,
  { search = [], sources, embed }: SearchOptions,
  opening?: AbortSignal,
): Promise<Searcher | undefined> {
  if (search.length === 0) {
    if (embed !== undefined) throw new UsageError('--embed is for the indexes of --search; name one, or leave it out.')
    return undefined
  }
  const { providers, close } = await openProviders(search, embed, opening)
  const tokensOf = (text: string): number => model.tokenizer.encode(text).length
  return {
    names: providers.map(({ name }) => name).join(', '),
    ground: (question, said, signal) =>
      groundForModel(model, question, { providers, said, tokensOf, count: sources, signal }),
    async [Symbol.asyncDispose]() {
      await close()
    },
  }
}

export function nothingFound({ names }: Searcher): string {
  return nothingFoundIn(names)
}

/** What is told where nothing was found, as JSON: the fields of an answer from sources. */
export function describeNothing(searcher: Searcher): object {
  return { text: nothingFound(searcher), queries: [], sources: [], ...citationsOf('', 0) }
}

/** What went wrong with some of the places. */
export function failureLines({ failures }: Grounded): string[] {
  return failures.flatMap((failure) => reportError(failure, false).text ?? [])
}

/** Sources and what an answer makes of them, as JSON. */
export function describeSources(answer: string, { sources, queries }: Grounded): object {
  return { queries, sources, ...citationsOf(answer, sources.length) }
}

/** The sources that an answer names, a line each, and what is wrong with what it names. */
export function sourceLines(answer: string, sources: readonly Passage[]): string[] {
  const { cited, unknown, isUnanswered } = citationsOf(answer, sources.length)
  const lines = sources.flatMap(({ title, address }, index) =>
    cited.includes(index + 1) ? [`[${index + 1}] ${title} (${address})`] : [],
  )
  if (unknown.length > 0) lines.push(`(there is no source ${unknown.join(', ')})`)
  if (lines.length > 0 || isUnanswered) return lines
  return [
    '(the answer names no source; it was given these)',
    ...sources.map(({ title, address }) => `- ${title} (${address})`),
  ]
}
