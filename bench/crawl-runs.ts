/** Runs of `phi data` in processes of their own: what each stage takes, and runs that are killed again and again. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { parse, stringify } from 'yaml'
import { present } from '../src/base/errors.ts'
import type { Random } from '../src/base/random.ts'
import type { DataProgress } from '../src/data/pipeline/run.ts'
import { cpuSecondsOf, MemoryWatch } from './processes.ts'

const root = join(import.meta.dirname, '..')
const main = join(root, 'src', 'cli', 'main.ts')

/** Writes the recipe for web pages, with questions that are to be kept out. */
export async function writeRecipe(file: string, questionFiles: readonly string[]): Promise<void> {
  const recipe = parse(await readFile(join(root, 'recipes/data/web.yaml'), 'utf8')) as {
    stages: object
    pack: { tokenizer: string }
  }
  recipe.stages = { ...recipe.stages, benchmarks: { files: questionFiles } }
  recipe.pack.tokenizer = join(root, recipe.pack.tokenizer)
  await writeFile(file, stringify(recipe))
}

/** What is run. */
export interface DataJob {
  readonly recipe: string
  readonly input: string
  readonly threads: number
}

/** What a part of a run took: a stage, or of one with several phases each of them. */
export interface PartCosts {
  readonly name: string
  /** That went in. */
  readonly characters: number
  readonly wallSeconds: number
  /** Of all threads of the process. */
  readonly cpuSeconds: number
  readonly peakBytes: number
}

/** What a whole run took. */
export interface RunCosts {
  readonly parts: readonly PartCosts[]
  readonly seconds: number
  /** How many tasks it did. */
  readonly tasks: number
}

/** In a process group of its own, so that a kill reaches whatever it started. */
function start({ recipe, input, threads }: DataJob, folder: string): ChildProcess {
  const words = [
    main,
    'data',
    'run',
    recipe,
    '--input',
    input,
    '--folder',
    folder,
    '--threads',
    String(threads),
    '--json',
  ]
  return spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'], detached: true })
}

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => child.once('exit', (code) => resolve(code)))

/** Of which of its phases a task of the stage was, by how many were done. */
function phaseOf({ stage, done, total }: DataProgress): string {
  if (stage !== 'duplicates') return stage
  const shards = (total - 1) / 2
  if (done <= shards) return 'duplicates: signatures'
  return done === shards + 1 ? 'duplicates: cluster' : 'duplicates: drop'
}

/**
 * Runs a job from its beginning to its end.
 * @throws Error where it fails
 */
export async function measuredRun(job: DataJob, folder: string): Promise<RunCosts> {
  const child = start(job, folder)
  const output = present(child.stdout ?? undefined, 'output')
  const id = present(child.pid, 'process')
  const over = ended(child)
  const parts: PartCosts[] = []
  let watch = new MemoryWatch(id)
  let [wall, cpu, charactersBefore, tasks] = [performance.now(), 0, 0, 0]
  let last: DataProgress | undefined
  const close = (progress: DataProgress): void => {
    const [now, used] = [performance.now(), cpuSecondsOf(id)]
    const name = phaseOf(progress)
    parts.push({
      name,
      characters: progress.characters - charactersBefore,
      wallSeconds: (now - wall) / 1000,
      cpuSeconds: used - cpu,
      peakBytes: watch.end(),
    })
    charactersBefore = progress.done === progress.total ? 0 : progress.characters
    ;[wall, cpu, watch] = [now, used, new MemoryWatch(id)]
  }
  for await (const line of createInterface({ input: output })) {
    const progress = JSON.parse(line) as DataProgress | { readonly done: true }
    if (progress.done === true) break
    tasks++
    last = progress
    const shards = (progress.total - 1) / 2
    const endsPhase = progress.stage === 'duplicates' && (progress.done === shards || progress.done === shards + 1)
    if (endsPhase || progress.done === progress.total) close(progress)
  }
  watch.end()
  const code = await over
  if (code !== 0) throw new Error(`phi data run ended with ${code} in the stage ${last?.stage ?? 'read'}`)
  const seconds = parts.reduce((sum, { wallSeconds }) => sum + wallSeconds, 0)
  return { parts: withCharacters(parts), seconds, tasks }
}

/** Of parts that work on what another one made of documents, the characters of these. */
function withCharacters(parts: readonly PartCosts[]): PartCosts[] {
  const same: Readonly<Record<string, string>> = {
    'duplicates: signatures': 'duplicates: drop',
    'duplicates: cluster': 'duplicates: drop',
    pack: 'tokens',
  }
  return parts.map((part) => ({
    ...part,
    characters: parts.find(({ name }) => name === (same[part.name] ?? part.name))?.characters ?? 0,
  }))
}

/** Resolves when a process has done so many tasks; never where it ends before. */
async function tasksDone(child: ChildProcess, tasks: number): Promise<void> {
  let done = 0
  for await (const line of createInterface({ input: present(child.stdout ?? undefined, 'output') })) {
    const { seconds = 0 } = JSON.parse(line) as Partial<DataProgress>
    // Stages that were done before took none.
    if (seconds > 0) done++
    if (done === tasks) return
  }
  await new Promise(() => {})
}

/** How a run is killed. */
export interface Kills {
  readonly count: number
  /** Of the undisturbed run. */
  readonly tasks: number
  /** After how many tasks. */
  readonly random: Random
  /** What is awaited after the last of them, so that the kill comes some way into the next; nothing when left out. */
  readonly delay?: () => Promise<unknown>
}

/**
 * Runs a job to its end, killed with all its threads after a number of tasks of chance, and begun again each time.
 *
 * @returns how long each process lived that was killed, in seconds
 */
export async function killedRun(job: DataJob, folder: string, kills: Kills): Promise<number[]> {
  const { count, tasks, random, delay } = kills
  const lives: number[] = []
  for (;;) {
    const began = performance.now()
    const child = start(job, folder)
    const over = ended(child)
    if (lives.length < count) {
      const doneFirst = random.integer(1, Math.max(2, Math.floor(tasks / count)))
      const moment = tasksDone(child, doneFirst).then(() => delay?.())
      const killed = await Promise.race([over.then(() => false), moment.then(() => true)])
      if (killed) {
        process.kill(-present(child.pid, 'process'), 'SIGKILL')
        await over
        lives.push((performance.now() - began) / 1000)
        continue
      }
    } else child.stdout?.resume()
    const code = await over
    if (code !== 0) throw new Error(`phi data run ended with ${code} after ${lives.length} kills`)
    return lives
  }
}

/** SHA-256 of every file of a run's stages, by its path. */
async function hashesOf(run: string): Promise<Map<string, string>> {
  const entries = await readdir(join(run, 'stages'), { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  const hashes = new Map<string, string>()
  for (const path of paths.sort()) {
    hashes.set(
      relative(run, path),
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    )
  }
  return hashes
}

/** One hash over the names and bytes of all files of a run's stages. */
export async function hashOfRun(run: string): Promise<string> {
  const hash = createHash('sha256')
  for (const [path, own] of await hashesOf(run)) hash.update(`${path} ${own}\n`)
  return hash.digest('hex').slice(0, 16)
}

/** Files of two runs that are not the same in both. */
export async function differentFiles(one: string, other: string): Promise<string[]> {
  const [left, right] = [await hashesOf(one), await hashesOf(other)]
  const names = new Set([...left.keys(), ...right.keys()])
  return [...names].filter((name) => left.get(name) !== right.get(name))
}
