/** How much memory this machine has, and how much of it is free. */
import { nodeModule } from '../base/platform.ts'

export interface MachineMemory {
  /** Bytes that a program may ever have: of the machine, or of the group that it is in. */
  readonly total: number
  /** Bytes that are free now, or that the system would free. */
  readonly available: number
}

/** What the measurement asks; tests have their own. */
export interface MemoryHost {
  readonly platform: string
  readonly total: number
  /** As the system calls it. */
  readonly free: number
  /** A small file of the system; undefined where there is none. */
  readonly read: (path: string) => string | undefined
}

function nodeHost(): MemoryHost | undefined {
  const files = nodeModule('node:fs')
  const system = nodeModule('node:os')
  if (files === undefined || system === undefined) return undefined
  const read = (path: string): string | undefined => {
    try {
      return files.readFileSync(path, 'utf8')
    } catch {
      return undefined
    }
  }
  return { platform: system.platform(), total: system.totalmem(), free: system.freemem(), read }
}

/**
 * The memory of this machine, or less where a control group (a container, a service) is allowed less. On Linux what is
 * available is MemAvailable of /proc/meminfo, and of a group what its limit leaves, the page cache not counted; on
 * Windows what is free. Elsewhere (macOS) the system counts what it keeps as a cache as used, so that all memory is taken for
 * available. Undefined outside Node.
 *
 * @param host what is asked; this machine when left out
 */
export function machineMemory(host: MemoryHost | undefined = nodeHost()): MachineMemory | undefined {
  if (host === undefined) return undefined
  const { platform, total, free, read } = host
  if (platform === 'win32') return { total, available: free }
  if (platform !== 'linux') return { total, available: total }
  const kilobytes = /^MemAvailable:\s+(\d+) kB$/m.exec(read('/proc/meminfo') ?? '')?.[1]
  const available = kilobytes === undefined ? free : Number(kilobytes) * 1024
  const groups = groupsOf(read)
  return {
    total: Math.min(total, ...groups.map(({ limit }) => limit)),
    available: Math.max(0, Math.min(available, ...groups.map(({ limit, used }) => limit - used))),
  }
}

interface Group {
  readonly limit: number
  /** Without files that the system would drop for it. */
  readonly used: number
}

/** Where the two versions of control groups have their figures (https://docs.kernel.org/admin-guide/cgroup-v2.html). */
const versions = [
  { line: /^0::(\/.*)$/m, root: '/sys/fs/cgroup', limit: 'max', used: 'current', cache: /^inactive_file (\d+)$/m },
  {
    line: /^\d+:(?:[^:\n]*,)?memory(?:,[^:\n]*)?:(\/.*)$/m,
    root: '/sys/fs/cgroup/memory',
    limit: 'limit_in_bytes',
    used: 'usage_in_bytes',
    cache: /^total_inactive_file (\d+)$/m,
  },
] as const

/** The groups of this process that have a limit: its own and all above it. */
function groupsOf(read: MemoryHost['read']): Group[] {
  const membership = read('/proc/self/cgroup') ?? ''
  return versions.flatMap(({ line, root, limit, used, cache }) => {
    const path = line.exec(membership)?.[1]
    return ancestorsOf(path).flatMap((folder) => {
      const figure = (name: string): string | undefined => read(`${root}${folder}/memory.${name}`)
      const most = bytesIn(figure(limit))
      if (most === undefined) return []
      const files = Number(cache.exec(figure('stat') ?? '')?.[1] ?? 0)
      return [{ limit: most, used: Math.max(0, (bytesIn(figure(used)) ?? 0) - files) }]
    })
  })
}

/** `/a/b`, `/a` and the root as an empty text, which inside a container is the container's own group. */
function ancestorsOf(path: string | undefined): string[] {
  if (path === undefined) return []
  const parts = path.split('/').filter((part) => part !== '')
  return Array.from({ length: parts.length + 1 }, (_, count) =>
    parts
      .slice(0, count)
      .map((part) => `/${part}`)
      .join(''),
  )
}

/** "max" and other words are no limit. */
function bytesIn(text: string | undefined): number | undefined {
  const bytes = /^\d+$/.test(text?.trim() ?? '') ? Number(text) : Number.NaN
  return Number.isNaN(bytes) ? undefined : bytes
}
