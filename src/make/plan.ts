/** Which stages of a run are done, and which have to be done or done again. */
import { createHash } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join, matchesGlob, relative, resolve } from 'node:path'
import { PocketPhiError, present } from '../base/errors.ts'
import { filesOf, identityOf, inputFiles, isUrl, locate } from '../data/pipeline/inputs.ts'
import { checkedDataRecipe, type DataRecipe } from '../data/pipeline/recipe.ts'
import { runFile } from '../data/pipeline/run.ts'
import { currentFolder } from '../formats/atomic.ts'
import { differences } from '../train/checkpoint.ts'
import type { MadeStage, MakeRecord, StageBasis } from './record.ts'
import { isWithin, type StageDefinition, type StageKind } from './run-file.ts'
import { inStage, type Reading, type Stage } from './stages.ts'

/** The file with the results of an evaluation. */
export const resultsFile = 'results.json'

/** What is in the folder of a stage when it is done. */
export function productOf({ kind, folder }: Pick<StageDefinition, 'kind' | 'folder'>): string {
  switch (kind) {
    case 'data':
      return runFile(folder)
    case 'train':
      return join(folder, 'final')
    case 'merge':
    case 'quantize':
      return folder
    case 'evaluate':
      return join(folder, resultsFile)
  }
}

/** Kinds whose own resumption tells whether a folder is theirs to go on with. */
const checkedByThemselves: readonly StageKind[] = ['data', 'train']

export interface PlannedMake {
  readonly stage: Stage
  readonly basis: StageBasis
  /** Its record until now. */
  readonly record: MadeStage | undefined
  /**
   * `new` begins, `begun` goes on where it was stopped, `done` has nothing to do. What `changed` was made of something else than it would be now: it
   * begins anew.
   */
  readonly status: 'new' | 'begun' | 'done' | 'changed'
  /** What has changed. */
  readonly reasons: readonly string[]
}

/**
 * Compares a run with what is there of it.
 *
 * @throws PocketPhiError `not-found`, with the stage, for a file that is not there and that no stage makes
 */
export async function planMake(stages: readonly Stage[], record: MakeRecord | undefined): Promise<PlannedMake[]> {
  const fingerprints = new Map<string, string>()
  const planned: PlannedMake[] = []
  for (const stage of stages) {
    const { name } = stage.definition
    const basis = await inStage(name, () => basisOf(stage, fingerprints))
    fingerprints.set(name, fingerprintOf(basis))
    const before = record?.stages.find((other) => other.name === name)
    planned.push({ stage, basis, record: before, ...(await statusOf(stage, basis, before)) })
  }
  return planned
}

function fingerprintOf(basis: StageBasis): string {
  return createHash('sha256').update(JSON.stringify(basis)).digest('hex').slice(0, 16)
}

async function basisOf(stage: Stage, fingerprints: ReadonlyMap<string, string>): Promise<StageBasis> {
  const inputs = stage.inputs.map((name) => [name, present(fingerprints.get(name), name)])
  const files = await Promise.all(
    stage.outside.map(async (reading) => [reading.name ?? reading.path, await digestOf(stage, reading)]),
  )
  return {
    settings: JSON.parse(JSON.stringify(stage.settings)) as StageBasis['settings'],
    inputs: Object.fromEntries(inputs) as StageBasis['inputs'],
    files: Object.fromEntries(files) as StageBasis['files'],
  }
}

/** Names what is at a path that no stage makes. */
async function digestOf({ definition, recipe, made }: Stage, { path, files, optional }: Reading): Promise<string> {
  if (definition.kind === 'data' && path === definition.input) return await digestOfSources(recipe, path, made)
  const found = await stat(path).catch(() => undefined)
  if (found === undefined && optional === true) return 'none'
  if (found?.isDirectory() !== true) return await identityOf(path)
  return await joinedDigest(path, await filesThere(path, files))
}

/** Those of the files that are there, or all directly in the folder. */
async function filesThere(folder: string, files: readonly string[] | undefined): Promise<string[]> {
  if (files === undefined) {
    const entries = await readdir(folder, { withFileTypes: true })
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
  }
  const found = await Promise.all(files.map(async (name) => await stat(join(folder, name)).catch(() => undefined)))
  return files.filter((_, index) => found[index]?.isFile() === true)
}

/** The files that a recipe of data reads, of the folder of its input those of its sources alone. */
async function digestOfSources(fields: unknown, input: string, made: readonly string[]): Promise<string> {
  const recipe = checkedDataRecipe(fields)
  refuseMade(recipe, input, made)
  const sources = await inputFiles(recipe, input)
  const own = sources.find(({ path }) => !isUrl(path) && made.some((folder) => isWithin(path, folder)))
  if (own !== undefined) throw readsMade(own.source.name, own.name)
  const benchmarks = await filesOf(recipe.stages.benchmarks?.files ?? [], '.')
  const identities = sources.map(({ name, identity }) => `${name} ${identity}`)
  return digest([...identities, await joinedDigest('.', benchmarks)])
}

/** Before hours of work rather than after them: patterns that would find a file of any kind in what the run has yet to make. */
function refuseMade({ sources }: DataRecipe, input: string, made: readonly string[]): void {
  for (const { name, files } of sources) {
    for (const folder of made) {
      const inside = relative(resolve(input), resolve(folder, 'stage', 'page'))
      const found = ['.md', '.txt', '.html', '.jsonl'].map((end) => `${inside}${end}`)
      const own = found.find((path) => files.some((pattern) => !isUrl(pattern) && matchesGlob(path, pattern)))
      if (own !== undefined) throw readsMade(name, own)
    }
  }
}

function readsMade(source: string, file: string): PocketPhiError {
  return new PocketPhiError('invalid-config', `The source "${source}" reads what the run itself makes.`, {
    expected: 'files outside of the folders of the run and its stages',
    found: file,
    remedy: 'Name a narrower folder with "input", or narrower patterns in "files".',
  })
}

async function joinedDigest(folder: string, names: readonly string[]): Promise<string> {
  const identities: string[] = []
  for (const name of names.toSorted()) identities.push(`${name} ${await identityOf(locate(name, folder))}`)
  return digest(identities)
}

function digest(lines: readonly string[]): string {
  return createHash('sha256').update(lines.join('\n')).digest('hex')
}

async function statusOf(
  { definition }: Stage,
  basis: StageBasis,
  record: MadeStage | undefined,
): Promise<Pick<PlannedMake, 'status' | 'reasons'>> {
  const { kind, folder } = definition
  if ((await currentFolder(folder)) === undefined) return { status: 'new', reasons: [] }
  if (record === undefined || record.state === 'waiting') {
    if (checkedByThemselves.includes(kind)) return { status: 'begun', reasons: [] }
    return { status: 'changed', reasons: [`"${folder}" is there, and it is not known what it was made of`] }
  }
  const reasons = differences(record.basis, basis)
  // A run of data knows each of its own stages by what went in: it does again what has changed, and removes nothing.
  if (reasons.length > 0) return { status: kind === 'data' ? 'begun' : 'changed', reasons }
  const isDone = record.state === 'done' && (await currentFolder(productOf(definition))) !== undefined
  return { status: isDone ? 'done' : 'begun', reasons }
}
