import { describe, expect, it } from 'vitest'
import { parseStat } from './processes.ts'

describe('parseStat', () => {
  it('counts a process and the children that it waited for, whatever its name', () => {
    const numbers = [4321, 1, 1, 0, -1, 4194304, 10, 20, 0, 0, 150, 50, 30, 20, 20, 0, 1]
    expect(parseStat(`1234 (a (b) c 9) S ${numbers.join(' ')}`)).toEqual({ id: 1234, parent: 4321, cpuSeconds: 2.5 })
  })

  it('knows nothing of a process that has gone', () => {
    expect(parseStat('')).toBeUndefined()
  })
})
