/** `phi pull`: downloads a model from the Hugging Face hub into the cache that its tools share. */
import { homedir } from 'node:os'
import type { Command } from 'commander'
import { PocketPhiError } from '../base/errors.ts'
import { nearestNames } from '../base/nearest.ts'
import { hubEnvironment } from '../hub/cache/environment.ts'
import { parseHubName, type HubName } from '../hub/names.ts'
import type { Pulled } from '../hub/cache/pull.ts'
import { publishedRepositories } from '../models/published-repositories.ts'
import { download } from './download.ts'
import { UsageError } from './errors.ts'
import { given, repeated } from './options.ts'
import { formatBytes, note, print, printJson } from './terminal.ts'

interface PullCommandOptions {
  readonly revision?: string
  readonly include?: string[]
  readonly file?: string
  readonly json?: boolean
}

export function registerPull(program: Command): void {
  program
    .command('pull')
    .description('Download a model from the Hugging Face hub, or go on with a download that was interrupted.')
    .argument(
      '<model>',
      'its name on the hub (ORG/NAME, with @REVISION or :FILE behind it), or a short name such as phi-3-mini',
    )
    .option('--revision <name>', 'a branch, a tag or a commit (default: main)')
    .option(
      '--file <name>',
      'this file alone, such as one GGUF of several (with all parts if it is split); the end of its name will do',
    )
    .option(
      '--include <pattern>',
      'what matches instead of what a model needs ("*" stands for anything); may be given several times',
      repeated,
    )
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Environment: HF_TOKEN, HF_HUB_CACHE, HF_HOME, HF_ENDPOINT (a mirror), HF_HUB_OFFLINE, HF_HUB_DOWNLOAD_TIMEOUT (seconds without a byte).

Examples:
  $ phi pull phi-3-mini
  $ phi pull microsoft/Phi-3-mini-4k-instruct
  $ phi pull microsoft/Phi-3-mini-4k-instruct-gguf:q4
  $ phi pull microsoft/Phi-3-mini-4k-instruct-gguf --file Phi-3-mini-4k-instruct-q4.gguf
  $ phi pull microsoft/Phi-3-mini-4k-instruct --include "*.json" --include "*.md"`,
    )
    .action(runPull)
}

async function runPull(name: string, options: PullCommandOptions): Promise<void> {
  const { repository, ...chosen } = hubName(name, options)
  const environment = await hubEnvironment(process.env, homedir())
  const isQuiet = options.json === true
  const pulled = await download(repository, environment, { ...chosen, ...given({ include: options.include }) }, isQuiet)
  if (isQuiet) printJson({ model: name, ...pulled })
  else report(pulled)
}

/**
 * What was typed, with the options.
 * @throws PocketPhiError `invalid-argument` for a text that is no name of the hub
 */
export function hubName(name: string, { revision, file, include }: PullCommandOptions): HubName {
  const named = parseHubName(name, publishedRepositories)
  if (named === undefined) throw noName(name)
  if (revision !== undefined && named.revision !== undefined) {
    throw new UsageError('Give the revision either in the name or by --revision.')
  }
  if (file !== undefined && named.file !== undefined)
    throw new UsageError('Give the file either in the name or by --file.')
  const hub = { ...named, ...given({ revision, file }) }
  if (hub.file !== undefined && include !== undefined) throw new UsageError('Give either --file or --include.')
  return hub
}

function noName(name: string): PocketPhiError {
  const shortNames = [...publishedRepositories.keys()]
  const near = nearestNames(name, shortNames)
  return new PocketPhiError('invalid-argument', `${JSON.stringify(name)} is no name of a model on the hub.`, {
    expected: `ORG/NAME, such as microsoft/Phi-3-mini-4k-instruct, or a short name:\n${shortNames.join(', ')}`,
    remedy: near.length === 0 ? 'Check the name.' : `Did you mean ${near.slice(0, 3).join(' or ')}?`,
  })
}

function report({ folder, files }: Pulled): void {
  const received = files.reduce((sum, file) => sum + file.received, 0)
  const size = files.reduce((sum, file) => sum + file.size, 0)
  note(`${files.length} files, ${formatBytes(size)}; ${formatBytes(received)} came over the network`)
  print(folder)
}
