import { expect, test } from 'vitest'
import { ThreadChooser } from './threads.ts'

interface Machine {
  /** Milliseconds of a run, and the barriers at which a thread sleeps, by the number of threads. */
  (threads: number): { readonly milliseconds: number; readonly sleeps: number }
}

const free: Machine = (threads) => ({ milliseconds: 16 / threads, sleeps: 0 })
const busy: Machine = (threads) => (threads > 1 ? { milliseconds: 40, sleeps: 500 } : { milliseconds: 16, sleeps: 0 })
/** Few, long steps of uneven shares: every barrier sleeps, and threads help all the same. */
const uneven: Machine = (threads) => ({ milliseconds: 1000 / threads, sleeps: 50 })

/** Runs so short that waking a second thread takes longer than it helps. */
const short: Machine = (threads) => ({ milliseconds: 0.02 * threads, sleeps: 0 })

function play(chooser: ThreadChooser, machine: Machine, runs: number): number[] {
  return Array.from({ length: runs }, () => {
    const { threads } = chooser
    const { milliseconds, sleeps } = machine(threads)
    chooser.report(milliseconds, sleeps)
    return threads
  })
}

test('keeps all threads where they help, whether they sleep or not', () => {
  for (const machine of [free, uneven]) {
    expect(new Set(play(new ThreadChooser(8), machine, 200))).toEqual(new Set([8]))
  }
})

/** How many of the runs used this number of threads. */
function count(runs: readonly number[], threads: number): number {
  return runs.filter((used) => used === threads).length
}

test('drops to one thread on a busy machine, tries again ever less often, and comes back when it is free', () => {
  const chooser = new ThreadChooser(4)
  expect(count(play(chooser, busy, 2000), 1)).toBeGreaterThan(1900)
  expect(count(play(chooser, busy, 2000), 1)).toBeGreaterThan(1980)
  play(chooser, free, 1200)
  expect(count(play(chooser, free, 100), 4)).toBe(100)
})

test('uses one thread for very short runs', () => {
  expect(count(play(new ThreadChooser(2), short, 2000), 1)).toBeGreaterThan(1900)
})

test('with one thread there is nothing to choose', () => {
  expect(new Set(play(new ThreadChooser(1), busy, 50))).toEqual(new Set([1]))
})
