/**
 * What a run consists of: stages in their order, each in a folder whose name says what went in and how it was made, so that a stage with
 * the same name need not be made again.
 */
import { createHash } from 'node:crypto'
import { join, resolve } from 'node:path'
import { identityOf, inputFiles, filesOf, locate, type InputFile } from './inputs.ts'
import type { ShardName } from './files.ts'
import type { DataRecipe, StageSettings } from './recipe.ts'
import { documentStages, type PipelineTask } from './tasks.ts'
import { tokenizerFile } from './tokenize.ts'

/** Where a stage stands: its folder, and that of the stage before with its shards. */
export interface StagePlace {
  readonly to: string
  readonly from: string
  readonly shards: readonly ShardName[]
}

export interface PlannedStage {
  readonly name: string
  /** The name of its folder. */
  readonly folder: string
  /** Tasks that can be done in any order, one phase after the other. */
  readonly phases: readonly ((place: StagePlace) => PipelineTask[])[]
  /** Of which phase the reports say what the stage did. */
  readonly reported: number
}

/** Of stages that are not documents': counted up as `DocumentStage.version` is. */
const versions = { read: 2, duplicates: 2, best: 1, tokens: 1, pack: 1 }

/** The order of the stages: what is cheap and drops much comes first. */
const order = ['text', 'language', 'quality', 'benchmarks', 'duplicates', 'personal', 'education'] as const

type Phase = PlannedStage['phases'][number]

/** A short name for everything that decides what a stage makes. */
function addressOf(name: string, version: number, settings: unknown, before: string): string {
  const hash = createHash('sha256').update(JSON.stringify([name, version, settings, before]))
  return `${name}-${hash.digest('hex').slice(0, 12)}`
}

/** One task for each shard of the stage before. */
const eachShard =
  (task: (place: StagePlace, shard: ShardName) => PipelineTask): Phase =>
  (place) =>
    place.shards.map((shard) => task(place, shard))

/**
 * The stages of a recipe.
 *
 * @param input the folder that the paths of sources are taken from
 * @throws PocketPhiError `not-found` where files are not there
 */
export async function planStages(recipe: DataRecipe, input: string): Promise<PlannedStage[]> {
  const planned: PlannedStage[] = []
  const add = (
    name: string,
    version: number,
    settings: unknown,
    phases: readonly Phase[],
    reported = phases.length - 1,
  ): void => {
    const before = planned.at(-1)?.folder ?? ''
    planned.push({ name, folder: addressOf(name, version, settings, before), phases, reported })
  }
  const files = await inputFiles(recipe, input)
  add(
    'read',
    versions.read,
    files.map(({ source, name, identity }) => [source, name, identity]),
    [readPhase(files)],
  )
  for (const stage of order) {
    const settings = recipe.stages[stage]
    if (settings === undefined) continue
    if (stage === 'duplicates') add(stage, versions.duplicates, settings, duplicatePhases(recipe))
    else {
      const { version } = await documentStages[stage]()
      const { identity, own } = await settingsOf(recipe, stage)
      add(stage, version, identity, [
        eachShard(({ from, to }, shard) => ({ kind: 'documents', stage, settings: own, from, to, shard })),
      ])
    }
  }
  if (recipe.pack !== undefined) {
    const { seed, stages } = recipe
    const { best } = stages
    const settings = { ...recipe.pack, tokenizer: resolve(recipe.pack.tokenizer) }
    const { tokenizer, mixture, heldOut } = settings
    const checksum = await identityOf(tokenizerFile(tokenizer))
    if (best !== undefined) add('best', versions.best, { ...best, checksum }, bestPhases(best, tokenizer))
    const tokens = { tokenizer, mixture, heldOut }
    add('tokens', versions.tokens, { mixture, heldOut, checksum }, [
      eachShard(({ from, to }, shard) => ({ kind: 'tokenize', settings: tokens, from, to, shard })),
    ])
    add('pack', versions.pack, { ...settings, tokenizer: checksum, seed }, [
      ({ from, to, shards }) => [{ kind: 'pack', settings, seed, from, to, shards }],
    ])
  }
  return planned
}

function readPhase(files: readonly InputFile[]): Phase {
  return ({ to }) =>
    files.map(({ source, path, name }, index) => {
      return { kind: 'read', source, path, name, to, shard: String(index).padStart(5, '0') }
    })
}

function duplicatePhases({ stages }: DataRecipe): readonly Phase[] {
  const settings = stages.duplicates
  if (settings === undefined) return []
  return [
    eachShard(({ from, to }, shard) => ({ kind: 'signatures', settings, from, to, shard })),
    ({ to, shards }) => [{ kind: 'cluster', settings, to, shards }],
    eachShard(({ from, to }, shard) => ({ kind: 'drop', from, to, shard })),
  ]
}

function bestPhases(settings: StageSettings['best'], tokenizer: string): readonly Phase[] {
  return [
    eachShard(({ from, to }, shard) => ({ kind: 'measure', settings, tokenizer, from, to, shard })),
    ({ to, shards }) => [{ kind: 'threshold', settings, to, shards }],
    eachShard(({ from, to }, shard) => ({ kind: 'select', settings, from, to, shard })),
  ]
}

/** The settings of a stage as its tasks get them, wherever they are done, and as its name knows them: files by what is in them, not by where they are. */
async function settingsOf(
  { stages }: DataRecipe,
  stage: keyof typeof documentStages,
): Promise<{ identity: unknown; own: unknown }> {
  const settings = stages[stage]
  if (stage === 'education' && stages.education?.classifier !== undefined) {
    const classifier = locate(stages.education.classifier, '.')
    const identity = await identityOf(classifier)
    return { identity: { ...stages.education, classifier: identity }, own: { ...stages.education, classifier } }
  }
  if (stage !== 'benchmarks' || stages.benchmarks === undefined) return { identity: settings, own: settings }
  const files = await filesOf(stages.benchmarks.files, '.')
  const identities = await Promise.all(files.map(identityOf))
  return {
    identity: { ...stages.benchmarks, files: identities },
    own: { ...stages.benchmarks, files: files.map((name) => locate(name, '.')) },
  }
}

export const stagesFolder = (run: string): string => join(run, 'stages')
