/** The machine of a run, and what ran on it. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
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

/** The tree of our sources in git, with a hash of what differs from it; undefined outside a repository. */
export function thisBuild(): string | undefined {
  const git = (...args: string[]): string => {
    const cwd = `${import.meta.dirname}/..`
    const output = execFileSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return output.trim()
  }
  try {
    const tree = git('rev-parse', '--short', 'HEAD:src')
    const changes = git('diff', 'HEAD', '--', 'src') + git('ls-files', '--others', '--exclude-standard', 'src')
    if (changes === '') return tree
    return `${tree} with ${createHash('sha256').update(changes).digest('hex').slice(0, 7)}`
  } catch {
    return undefined
  }
}
