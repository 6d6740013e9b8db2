/** Runs that were kept: a small file each in results/, from which the table in README.md is made. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Machine } from './machine.ts'
import type { Settings } from './rounds.ts'
import type { Summary } from './summary.ts'
import type { Verdict } from './verdict.ts'

export interface SavedRun extends Summary {
  /** YYYY-MM-DD */
  readonly date: string
  /** The model, as it is called in tables. */
  readonly title: string
  readonly command: string
  /** The tree of src in git that ran. */
  readonly build?: string | undefined
  readonly machine: Machine
  readonly settings: Omit<Settings, 'model'>
  readonly rounds: number
  readonly verdict: Verdict
}

const resultsFolder = fileURLToPath(new URL('results/', import.meta.url))

/** Three digits are more than a shared machine can tell. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value
}

/** `2026-11-29-phi-3-mini-q4_0-node-f16-2-threads-wide.json` */
export function fileNameOf({ date, title, settings: { place, cacheType, threads, wide } }: SavedRun): string {
  const slug = title.toLowerCase().replaceAll(/[^a-z0-9_.-]+/g, '-')
  return `${date}-${slug}-${place}-${cacheType}-${threads}-threads${wide ? '-wide' : ''}.json`
}

/** @returns the file */
export function saveRun(run: SavedRun): string {
  mkdirSync(resultsFolder, { recursive: true })
  const file = resultsFolder + fileNameOf(run)
  writeFileSync(file, `${JSON.stringify(run, rounded, 2)}\n`)
  return file
}

/** All runs that were kept, in the order of their files' names. */
export function readSavedRuns(): SavedRun[] {
  const names = readdirSync(resultsFolder).filter((name) => name.endsWith('.json'))
  return names.sort().map((name) => JSON.parse(readFileSync(resultsFolder + name, 'utf8')) as SavedRun)
}
