/** `phi make`: a run from data to a model that ships. */
import type { Command } from 'commander'
import { makeRun, planRun } from '../make/make.ts'
import type { PlannedMake } from '../make/plan.ts'
import { parseRunFile, type RunFile } from '../make/run-file.ts'
import { readTextFile } from './files.ts'
import { interruptible } from './interrupt.ts'
import { makeWorkers } from './make-workers.ts'
import { addBackendOptions, type BackendOptions } from './options.ts'
import { formatSeconds, formatTable, note, print, printJson, StatusLine } from './terminal.ts'
import { addWideOptions, enableWideVectors, type WideOptions } from './wide.ts'

interface MakeCommandOptions extends BackendOptions, WideOptions {
  readonly plan?: boolean
  readonly again?: boolean
  readonly json?: boolean
}

export function registerMake(program: Command): void {
  const command = program
    .command('make')
    .description(
      'Make all that a run file describes, from data to a model that ships; what is there is not made again.',
    )
    .argument('<run>', 'YAML file; paths in it, and in its recipes, are taken from the working folder')
    .option('--plan', 'say what is done and what there is to do, and do nothing')
    .option(
      '--again',
      'begin stages anew whose recipes, files or input stages have changed; what they made is kept beside their folders',
    )
    .option('--json', 'print one JSON object for each step, and one for each stage')
  addWideOptions(addBackendOptions(command), 'where there are trainings')
    .addHelpText(
      'after',
      `
Ctrl-C, a kill or a crash loses nothing but the step in work: the same command goes on.

Examples:
  $ phi make recipes/tiny/tiny.run.yaml
  $ phi make recipes/tiny/tiny.run.yaml --plan`,
    )
    .action(runMake)
}

async function runMake(path: string, options: MakeCommandOptions): Promise<void> {
  const run = parseRunFile(await readTextFile(path, 'run file'), path)
  if (options.plan === true) return printPlan(await planRun(run), options.json === true)
  const json = options.json === true
  const status = new StatusLine(!json)
  let widened: boolean | undefined
  const widen = (): boolean => (widened ??= widenVectors(options))
  const workers = makeWorkers({ ...options, widen, json }, status)
  await interruptible(
    (signal) =>
      makeRun(run, {
        workers,
        signal,
        again: options.again === true,
        onStage: (planned) => (json ? printJson(summaryOf(planned)) : note(stageLine(planned))),
        onKept: (stage, folder) => note(`What "${stage}" made before is kept in ${folder}.`),
      }),
    () => {
      status.clear()
      note('Stopping …')
    },
  )
  if (json) printJson({ done: true, folder: run.folder })
  else printEnd(run)
}

/** Evaluations that follow in this process are computed with what trainings switched on. */
function widenVectors({ wide, backend, threads }: MakeCommandOptions): boolean {
  if (wide === false || (backend !== 'auto' && backend !== 'wasm')) return false
  return enableWideVectors(['training', 'answers'], threads)
}

const says: Readonly<Record<PlannedMake['status'], string>> = {
  new: 'to be made',
  begun: 'goes on',
  done: 'done',
  changed: 'changed: needs --again',
}

function stageLine({ stage: { definition }, status }: PlannedMake): string {
  const { name, kind, folder } = definition
  return `── ${name} (${kind}, ${folder})${status === 'new' || status === 'changed' ? '' : `: ${says[status]}`}`
}

function summaryOf({ stage: { definition, inputs }, status, reasons }: PlannedMake): object {
  const { name, kind, folder } = definition
  return { stage: name, kind, folder, inputs, status, reasons }
}

function printPlan(planned: readonly PlannedMake[], json: boolean): void {
  if (json) return planned.forEach((one) => printJson(summaryOf(one)))
  const rows = planned.map(({ stage: { definition, inputs }, status, record }) => [
    definition.name,
    definition.kind,
    definition.folder,
    inputs.join(', '),
    says[status],
    record?.seconds === undefined ? '' : formatSeconds(record.seconds),
  ])
  print(formatTable([['stage', 'kind', 'folder', 'reads what is made by', 'state', 'took'], ...rows]))
  for (const { stage, reasons } of planned) {
    for (const reason of reasons) print(`${stage.definition.name}: ${reason}`)
  }
}

function printEnd({ folder, stages }: RunFile): void {
  const packed = stages.findLast(({ kind }) => kind === 'quantize')
  print(`All is made in ${folder}. See how it went: phi report ${folder}`)
  if (packed !== undefined) print(`Try the model: phi run ${packed.folder} "Hello!"`)
}
