/** `phi list` and `phi rm`: models of the hub on this machine. */
import { homedir } from 'node:os'
import type { Command } from 'commander'
import { hubEnvironment } from '../hub/cache/environment.ts'
import { keptRepositories, removeRepositories } from '../hub/cache/keep.ts'
import { publishedRepositories } from '../models/published-repositories.ts'
import { hubName } from './pull.ts'
import { UsageError } from './errors.ts'
import { dim, formatBytes, formatTable, note, print, printJson } from './terminal.ts'

export function registerList(program: Command): void {
  program
    .command('list')
    .description('List the models of the hub on this machine.')
    .option('--json', 'print them as JSON')
    .addHelpText(
      'after',
      '\nThey are in the cache that the tools of the hub share; HF_HUB_CACHE or HF_HOME says where.',
    )
    .action(list)
}

async function list({ json = false }: { readonly json?: boolean }): Promise<void> {
  const environment = await hubEnvironment(process.env, homedir())
  const kept = await keptRepositories(environment)
  if (json) {
    printJson(kept.map((one) => ({ ...one, revisions: Object.fromEntries(one.revisions) })))
    return
  }
  if (kept.length === 0) {
    print(
      `There are no models in ${environment.cache}. phi pull phi-3-mini fetches one; phi-nano comes with the package.`,
    )
    return
  }
  const short = new Map([...publishedRepositories].map(([name, repository]) => [repository, name]))
  const rows = kept.map(({ repository, bytes, unfinishedBytes, weights, changed }) => [
    repository,
    short.get(repository) ?? '',
    formatBytes(bytes),
    unfinishedBytes === 0 ? (weights ?? 'no weights') : `${formatBytes(unfinishedBytes)} unfinished`,
    changed?.toISOString().slice(0, 10) ?? '',
  ])
  print(formatTable([['model', 'short name', 'size', 'weights', 'since'], ...rows]))
  note(dim(environment.cache))
}

export function registerRemove(program: Command): void {
  program
    .command('rm')
    .description('Remove models of the hub from this machine, with all of their revisions.')
    .argument('<models...>', 'as phi list names them, or short names such as phi-3-mini')
    .addHelpText('after', '\nThe cache is shared: other tools that use the model have to download it again.')
    .action(remove)
}

async function remove(names: string[]): Promise<void> {
  const environment = await hubEnvironment(process.env, homedir())
  const repositories = names.map((name) => {
    const { repository, revision, file } = hubName(name, {})
    if (revision === undefined && file === undefined) return repository
    throw new UsageError(`${name} names a part of a model; phi rm removes whole ones: phi rm ${repository}`)
  })
  const freed = await removeRepositories(environment, repositories)
  for (const [index, bytes] of freed.entries()) {
    print(`${repositories[index] ?? ''}: ${formatBytes(bytes)} are free again.`)
  }
}
