/**
 * Speed of a model against the roofs of the machine, and against peers: round after round in turn, each in a process of its own.
 * `npm run bench -- --help` says how it is called.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { PocketPhiError } from '../src/base/errors.ts'
import { reportError, UsageError } from '../src/cli/errors.ts'
import { enableWideVectors } from '../src/cli/wide.ts'
import { findModel } from '../src/engine/find-model.ts'
import { shapeOf } from '../src/cli/memory-check.ts'
import { cacheDTypes } from '../src/program/ops/cache.ts'
import cleanRows from './clean-rows.json' with { type: 'json' }
import { fittingLengths } from './lengths.ts'
import { thisBuild, thisMachine } from './machine.ts'
import { oneOf, parseCount, parseCounts, readCommandLine, usage } from './options.ts'
import { contenders, type Contender } from './peers.ts'
import { printReport } from './report.ts'
import { saveRun } from './results.ts'
import { runChild, type RoundCosts, type Settings } from './rounds.ts'
import { summarise, type Measured, type MeasuredRoofs, type MeasuredRound, type Summary } from './summary.ts'
import { isQuiet, judge, type Verdict } from './verdict.ts'

const { positionals, values } = commandLine()

const build = thisBuild()

function commandLine(): ReturnType<typeof readCommandLine> {
  try {
    return readCommandLine(process.argv.slice(2))
  } catch (error) {
    fail(error)
    process.exit()
  }
}

/** Prints what a person can mend; anything else is a defect, with its stack. */
function fail(error: unknown): void {
  if (!(error instanceof PocketPhiError || error instanceof UsageError)) throw error
  const { text, code } = reportError(error, false)
  process.stderr.write(`${text}\n`)
  process.exitCode = code
}

/**
 * @param model its path
 * @param positions tokens that it takes
 */
function settingsOf(model: string, positions: number): Settings {
  const tokens = parseCount('tokens', values.tokens)
  const asked = {
    prompts: parseCounts('prompts', values.prompts),
    depths: parseCounts('depths', values.depths),
    tokens,
  }
  const { note, ...lengths } = fittingLengths(asked, positions)
  if (note !== undefined) process.stderr.write(`${note}\n`)
  const place = oneOf('in', values.in, ['node', 'chromium'])
  return {
    model,
    threads: parseCount('threads', values.threads),
    ...lengths,
    tokens,
    cacheType: oneOf('cache-type', values['cache-type'], cacheDTypes),
    // A page has no flags of V8.
    wide: place === 'node' && values.wide && enableWideVectors('answers'),
    place,
  }
}

/** Rounds that there are, in the order in which each is run. */
interface Saved {
  readonly build?: string | undefined
  readonly settings: Settings
  readonly measured: Measured
}

/** Of what was saved that which is asked for, without the rounds that others disturbed: those are taken again. */
function load(settings: Settings, { names, count }: Plan): Measured {
  if (values.save === undefined || !existsSync(values.save)) return { roofs: [], rounds: {} }
  const saved = JSON.parse(readFileSync(values.save, 'utf8')) as Saved
  const expected = JSON.stringify({ build, settings })
  const found = JSON.stringify({ build: saved.build, settings: saved.settings })
  if (expected === found) {
    const { roofs, rounds } = saved.measured
    const quiet = names.map((name) => [name, (rounds[name] ?? []).filter(isQuiet).slice(0, count)] as const)
    return { roofs: roofs.filter(isQuiet).slice(0, count), rounds: Object.fromEntries(quiet) }
  }
  throw new PocketPhiError('invalid-argument', `${values.save} has rounds of another build or other settings.`, {
    expected,
    found,
    remedy: 'Name another file, or remove it.',
  })
}

function save(settings: Settings, measured: Measured): void {
  if (values.save === undefined) return
  writeFileSync(`${values.save}.tmp`, JSON.stringify({ build, settings, measured } satisfies Saved, null, 1))
  renameSync(`${values.save}.tmp`, values.save)
}

/** Times that something is measured until nobody else works meanwhile; the quietest counts. */
const mostAttempts = 3

async function quietly<T extends { readonly cpuSeconds: number }>(
  name: string,
  script: string,
  argument: string,
  signal: AbortSignal,
): Promise<T & { readonly others?: number }> {
  const attempts: (T & { readonly others?: number })[] = []
  do {
    process.stderr.write(`${name}${attempts.length === 0 ? '' : ', again since others worked too'} …\n`)
    const { result, others } = await runChild<T>(script, argument, signal)
    attempts.push({ ...result, ...(others === undefined ? {} : { others }) })
  } while (attempts.length < mostAttempts && !attempts.some(isQuiet))
  return attempts.reduce((best, next) => ((next.others ?? 0) < (best.others ?? 0) ? next : best))
}

/** Who takes turns, and how often. */
interface Plan {
  readonly names: readonly string[]
  readonly count: number
}

/** Runs the rounds that are missing, in turn. @returns false when it was interrupted */
async function runAll(settings: Settings, turns: readonly Contender[], count: number, measured: Measured) {
  const controller = new AbortController()
  process.once('SIGINT', () => controller.abort())
  const { signal } = controller
  try {
    for (let index = 0; index < count; index++) {
      if (measured.roofs.length <= index) {
        const threads = String(settings.threads)
        measured.roofs.push(await quietly<MeasuredRoofs & RoundCosts>('roofs', 'roofs.ts', threads, signal))
        save(settings, measured)
      }
      for (const { name, script, settings: own } of turns) {
        if ((measured.rounds[name]?.length ?? 0) > index) continue
        const round = await quietly<MeasuredRound>(name, script, JSON.stringify(own), signal)
        ;(measured.rounds[name] ??= []).push(round)
        save(settings, measured)
      }
    }
    return true
  } catch (error) {
    if (!signal.aborted) throw error
    process.stderr.write(
      values.save === undefined ? 'interrupted\n' : `interrupted; go on with --save ${values.save}\n`,
    )
    process.exitCode = 130
    return false
  }
}

/** Options with a value that say nothing of what is measured. */
const asides: readonly (string | undefined)[] = ['--save', '--record']

/** What was typed, without the folders of this machine. */
function command(): string {
  const typed = process.argv.slice(2)
  const kept = typed.filter((text, index) => !asides.includes(text) && !asides.includes(typed[index - 1]))
  return ['npm run bench --', ...kept.map((text) => (/[\\/]/.test(text) ? shortened(text) : text))].join(' ')
}

function shortened(text: string): string {
  const [name, ...path] = text.split('=')
  return path.length === 0 ? basename(text) : `${name}=${basename(path.join('='))}`
}

function record(title: string, settings: Settings, summary: Summary, verdict: Verdict, rounds: number): void {
  if (!verdict.valid) {
    process.stderr.write('A run that is void is not recorded.\n')
    return
  }
  const { model: _, ...kept } = settings
  const date = new Date().toISOString().slice(0, 10)
  const machine = thisMachine()
  const file = saveRun({ date, title, command: command(), build, machine, settings: kept, rounds, verdict, ...summary })
  process.stderr.write(`recorded in ${file}; npm run bench:table writes it into README.md and docs/speed.md\n`)
}

async function main(): Promise<void> {
  if (values.help) {
    console.log(usage)
    return
  }
  const [name] = positionals
  if (name === undefined) throw new UsageError('The model is missing. Try: npm run bench -- models/phi-nano')
  const place = await findModel(name)
  const model = join(resolve(place.folder), place.weightsFile ?? '')
  const settings = settingsOf(model, (await shapeOf(place.tree, place.weightsFile)).maxPositions)
  const onnx = values.onnx ?? model.replace(/\.gguf$/i, '.onnx')
  const turns = contenders(settings, values.peer, onnx)
  const plan: Plan = { names: turns.map((turn) => turn.name), count: parseCount('rounds', values.rounds) }
  const measured = load(settings, plan)
  if (!(await runAll(settings, turns, plan.count, measured))) return
  const summary = summarise(settings, measured)
  const verdict = judge(measured, settings, thisMachine(), cleanRows, plan)
  if (values.json) console.log(JSON.stringify({ settings, ...measured, summary, verdict }))
  else printReport(settings, measured, summary, verdict)
  if (values.record !== undefined) record(values.record, settings, summary, verdict, plan.count)
}

try {
  await main()
} catch (error) {
  fail(error)
}
