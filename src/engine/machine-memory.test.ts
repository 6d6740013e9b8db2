import { totalmem } from 'node:os'
import { expect, test } from 'vitest'
import { machineMemory, type MemoryHost } from './machine-memory.ts'

const giga = 1e9

function machine(files: Readonly<Record<string, string>>, more: Partial<MemoryHost> = {}) {
  return machineMemory({ platform: 'linux', total: 16 * giga, free: 2 * giga, read: (path) => files[path], ...more })
}

const meminfo = {
  '/proc/meminfo': 'MemTotal:       15625000 kB\nMemFree: 100 kB\nMemAvailable:   7812500 kB\nBuffers: 0 kB\n',
}

test('on Linux MemAvailable is available, and without it what is free', () => {
  expect(machine(meminfo)).toEqual({ total: 16 * giga, available: 8 * giga })
  expect(machine({})).toEqual({ total: 16 * giga, available: 2 * giga })
})

test('a control group has its limit, and files in its cache do not count as used', () => {
  const files = {
    ...meminfo,
    '/proc/self/cgroup': '0::/\n',
    '/sys/fs/cgroup/memory.max': '4000000000\n',
    '/sys/fs/cgroup/memory.current': '3500000000\n',
    '/sys/fs/cgroup/memory.stat': 'anon 500000000\ninactive_file 3000000000\nactive_file 0\n',
  }
  expect(machine(files)).toEqual({ total: 4 * giga, available: 3.5 * giga })
  expect(machine({ ...files, '/sys/fs/cgroup/memory.max': 'max\n' })).toEqual({ total: 16 * giga, available: 8 * giga })
  expect(machine({ ...files, '/sys/fs/cgroup/memory.current': '9000000000' })?.available).toBe(0)
})

test('the narrowest group above counts', () => {
  const files = {
    ...meminfo,
    '/proc/self/cgroup': '0::/user.slice/job.service\n',
    '/sys/fs/cgroup/user.slice/job.service/memory.max': 'max\n',
    '/sys/fs/cgroup/user.slice/memory.max': '6000000000\n',
    '/sys/fs/cgroup/user.slice/memory.current': '1000000000\n',
  }
  expect(machine(files)).toEqual({ total: 6 * giga, available: 5 * giga })
})

test('groups of the first version have other names, and a limit that is none', () => {
  const files = {
    ...meminfo,
    '/proc/self/cgroup': '12:pids:/a\n5:memory:/docker/1234\n1:name=systemd:/b\n',
    '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
    '/sys/fs/cgroup/memory/docker/1234/memory.limit_in_bytes': '2000000000\n',
    '/sys/fs/cgroup/memory/docker/1234/memory.usage_in_bytes': '1500000000\n',
    '/sys/fs/cgroup/memory/docker/1234/memory.stat': 'inactive_file 1\ntotal_inactive_file 1000000000\n',
  }
  expect(machine(files)).toEqual({ total: 2 * giga, available: 1.5 * giga })
})

test('where the system does not tell its cache from what is used, all memory is available', () => {
  expect(machine(meminfo, { platform: 'darwin' })).toEqual({ total: 16 * giga, available: 16 * giga })
  expect(machine(meminfo, { platform: 'win32' })).toEqual({ total: 16 * giga, available: 2 * giga })
})

test('this machine has some', () => {
  const { total = 0, available = 0 } = machineMemory() ?? {}
  expect(total).toBeLessThanOrEqual(totalmem())
  expect(available).toBeGreaterThan(0)
  expect(available).toBeLessThanOrEqual(total)
})
