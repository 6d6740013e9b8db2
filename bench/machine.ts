/** The machine of a run. */
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryBytes: number
  readonly node: string
}

/** Virtual machines hide the model of a processor behind a general name, seldom its family. */
function processor(): string {
  const name = cpus()[0]?.model.trim() ?? 'unknown'
  try {
    const family = /^cpu family\s*:\s*(\d+)/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]
    return family === undefined ? name : `${name}, family ${family}`
  } catch {
    return name
  }
}

export function thisMachine(): Machine {
  return { processor: processor(), cores: availableParallelism(), memoryBytes: totalmem(), node: process.version }
}
