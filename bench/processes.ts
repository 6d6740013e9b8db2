/** What processes have taken, their children included; for rounds whose work is done by programs that they start. */
import { readdirSync, readFileSync } from 'node:fs'
import type { RoundCosts } from './rounds.ts'

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // The process has ended meanwhile, or the system has no such folder.
    return ''
  }
}

interface Process {
  readonly id: number
  readonly parent: number
  /** Of itself and of the children that it has waited for. */
  readonly cpuSeconds: number
}

/** @param stat the content of /proc/ID/stat, whose second field is a name in parentheses that may hold anything */
export function parseStat(stat: string): Process | undefined {
  const end = stat.lastIndexOf(')')
  if (end < 0) return undefined
  const fields = stat
    .slice(end + 2)
    .split(' ')
    .map(Number)
  const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + (fields[index] ?? 0), 0)
  return { id: Number.parseInt(stat, 10), parent: fields[1] ?? 0, cpuSeconds: ticks / 100 }
}

/** What a living process has taken of processors, all its threads together; 0 where that cannot be seen. */
export function cpuSecondsOf(id: number): number {
  return parseStat(read(`/proc/${id}/stat`))?.cpuSeconds ?? 0
}

/** This process and its living descendants; empty where that cannot be seen. */
function ownProcesses(): Process[] {
  let names: string[]
  try {
    names = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  } catch {
    return []
  }
  const all = names.flatMap((name) => parseStat(read(`/proc/${name}/stat`)) ?? [])
  const own = all.filter(({ id }) => id === process.pid)
  // Children are appended while the list is walked.
  for (const { id } of own) own.push(...all.filter(({ parent }) => parent === id))
  return own
}

/** The sum of what lines such as "Pss_Anon:  12 kB" say, in bytes. */
export function sumOfLines(text: string, names: readonly string[]): number {
  return names.reduce(
    (sum, name) => sum + 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0),
    0,
  )
}

/**
 * Memory of its own that a process holds now, in bytes: neither pages of files that it has mapped nor what the system keeps of files that
 * it has read, so that both ways of reading weights are counted alike.
 */
function heldBy(id: number): number {
  return sumOfLines(read(`/proc/${id}/status`), ['RssAnon', 'RssShmem'])
}

/**
 * The same of the descendants of this process together, pages that several share counted once.
 * @param lines what is added up; `Pss` counts the pages of mapped files, programs among them, as well
 */
export function heldByDescendants(lines: readonly string[] = ['Pss_Anon', 'Pss_Shmem']): number {
  return ownProcesses()
    .filter(({ id }) => id !== process.pid)
    .reduce((sum, { id }) => sum + sumOfLines(read(`/proc/${id}/smaps_rollup`), lines), 0)
}

/** Looks ten times a second at what a process holds. */
export class MemoryWatch {
  readonly #id: number
  readonly #timer: NodeJS.Timeout
  #peak = 0

  constructor(id = process.pid) {
    this.#id = id
    this.#timer = setInterval(() => this.#look(), 100).unref()
  }

  /** Ends it. @returns the most bytes that were seen */
  end(): number {
    this.#look()
    clearInterval(this.#timer)
    return this.#peak
  }

  #look(): void {
    this.#peak = Math.max(this.#peak, heldBy(this.#id))
  }
}

/** What this process has taken, with the processor time of its children. */
export function costs(peakBytes: number): RoundCosts {
  const own = ownProcesses()
  const { user, system } = process.cpuUsage()
  const cpuSeconds = own.length === 0 ? (user + system) / 1e6 : own.reduce((sum, one) => sum + one.cpuSeconds, 0)
  return { cpuSeconds, peakBytes }
}
