/** The stage that measures models: what was measured is kept, so that an interrupted one goes on with the next measure. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { throwIfAborted } from '../base/errors.ts'
import { readJsonIfThere, writeJson } from '../data/pipeline/files.ts'
import type { TaskSummary } from '../eval/benchmarks/summary.ts'
import type { Summary } from '../eval/world/index.ts'
import { resultsFile } from './plan.ts'
import type { DefinitionOf } from './run-file.ts'

/** What was measured of a model. */
export interface ModelResults {
  /** Its folder. */
  readonly model: string
  /** In nats per predicted token of held-out text. */
  readonly loss?: { readonly loss: number; readonly tokens: number }
  readonly world?: Summary
  readonly benchmarks?: readonly TaskSummary[]
}

type Measure = 'loss' | 'world' | 'benchmarks'

/** How each measure is taken of the model in a folder; `settings` are those of the run file. */
export type Measures = {
  readonly [Name in Measure]: (
    model: string,
    settings: NonNullable<DefinitionOf<'evaluate'>[Name]>,
  ) => Promise<NonNullable<ModelResults[Name]>>
}

const measureNames: readonly Measure[] = ['loss', 'world', 'benchmarks']

/**
 * Takes all measures of a stage that are not in its folder yet.
 *
 * @throws PocketPhiError `aborted`, and what the measures throw; what was measured until then is kept
 */
export async function evaluateModels(
  definition: DefinitionOf<'evaluate'>,
  measures: Measures,
  signal: AbortSignal,
): Promise<void> {
  const { folder, models } = definition
  await mkdir(folder, { recursive: true })
  const known = await readResults(folder)
  const results = models.map((model) => known.find((one) => one.model === model) ?? { model })
  for (const [index, model] of models.entries()) {
    for (const name of measureNames) {
      if (definition[name] === undefined || results[index]?.[name] !== undefined) continue
      throwIfAborted(signal)
      results[index] = { ...results[index], model, [name]: await measured(name, model, definition, measures) }
      await writeJson(join(folder, resultsFile), results)
    }
  }
}

async function measured<Name extends Measure>(
  name: Name,
  model: string,
  definition: DefinitionOf<'evaluate'>,
  measures: Measures,
): Promise<NonNullable<ModelResults[Name]> | undefined> {
  const settings = definition[name]
  return settings == null ? undefined : await measures[name](model, settings)
}

/** What a stage has measured so far. @throws PocketPhiError `invalid-file` for a damaged file */
export async function readResults(folder: string): Promise<readonly ModelResults[]> {
  return (await readJsonIfThere<readonly ModelResults[]>(join(folder, resultsFile))) ?? []
}
