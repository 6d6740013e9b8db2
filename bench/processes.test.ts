import { describe, expect, it } from 'vitest'
import { parseStat, sumOfLines } from './processes.ts'

describe('parseStat', () => {
  it('counts a process and the children that it waited for, whatever its name', () => {
    const numbers = [4321, 1, 1, 0, -1, 4194304, 10, 20, 0, 0, 150, 50, 30, 20, 20, 0, 1]
    expect(parseStat(`1234 (a (b) c 9) S ${numbers.join(' ')}`)).toEqual({ id: 1234, parent: 4321, cpuSeconds: 2.5 })
  })

  it('knows nothing of a process that has gone', () => {
    expect(parseStat('')).toBeUndefined()
  })
})

describe('sumOfLines', () => {
  it('adds up the lines that are asked for, in bytes', () => {
    const text = 'Pss:  10 kB\nPss_Anon:  3 kB\nPss_File:  5 kB\nPss_Shmem:  2 kB\n'
    expect(sumOfLines(text, ['Pss_Anon', 'Pss_Shmem'])).toBe(5 * 1024)
    expect(sumOfLines('', ['Pss_Anon'])).toBe(0)
  })
})
