/** What Python may ask of its host once it has started: to read its own library, to print, to know the time. */
import { Ended, type Printed } from './ends.ts'
import type { Rule, Rules } from './gate.ts'

/** Numbers of errors as Emscripten has them (those of WASI). */
const permissionDenied = 63
const badFile = 8

/** Where the library lies in the file system of the interpreter, which is in memory and of which nothing else is seen. */
const library = /^\/lib\/python3/

/** Of `open`: to read, with close-on-exec, large files and folders; all else writes or makes something. */
const readingFlags = 0o2_000_000 | 0o100_000 | 0o200_000

/** Functions that only compute, or only look at what was opened by the rules. */
const harmless = [
  'emscripten_get_heap_max',
  'emscripten_get_now',
  'emscripten_date_now',
  'clock_time_get',
  'clock_res_get',
  'random_get',
  '_tzset_js',
  '_localtime_js',
  '_gmtime_js',
  '_mktime_js',
  '_timegm_js',
  '__syscall_getcwd',
  '__syscall_getuid32_js',
  'environ_sizes_get',
  'environ_get',
]

/** System calls, which say no by an error that a program can handle. */
const denied = [
  'accept4',
  'bind',
  'chdir',
  'chmod',
  'connect',
  'dup',
  'dup3',
  'faccessat',
  'fallocate',
  'fchdir',
  'fchmod',
  'fchmodat2',
  'fchown32',
  'fchownat',
  'fcntl64',
  'fdatasync',
  'ftruncate64',
  'getpeername',
  'getsockname',
  'getsockopt',
  'ioctl',
  'listen',
  'lstat64',
  'mkdirat',
  'mknodat',
  'newfstatat',
  'pipe',
  'poll',
  'readlinkat',
  'recvfrom',
  'recvmsg',
  'renameat',
  'rmdir',
  'sendmsg',
  'sendto',
  'socket',
  'stat64',
  'statfs64',
  'fstatfs64',
  'symlinkat',
  'truncate64',
  'unlinkat',
  'utimensat',
]

/** @param limit bytes that the memory may grow to */
export function pythonRules(memoryOf: () => WebAssembly.Memory, limit: number, printed: Printed): Rules {
  // Another buffer whenever it has grown.
  const memory = (): ArrayBuffer => memoryOf().buffer
  const textAt = (address = 0): string => {
    const bytes = new Uint8Array(memory(), address)
    return Buffer.from(bytes.slice(0, bytes.indexOf(0))).toString('utf8')
  }
  const inLibrary = (address?: number): boolean => {
    const path = textAt(address)
    return library.test(path) && !path.split('/').includes('..')
  }
  const pass: Rule = (_, call) => call()
  const deny: Rule = () => -permissionDenied
  const onOpened: Rule = ([file = 0], call) => (file > 2 ? call() : badFile)
  const writes: Rule = ([file = 0, vectors = 0, count = 0, total = 0]) => {
    if (file !== 1 && file !== 2) return badFile
    const view = new DataView(memory())
    let written = 0
    for (let index = 0; index < count; index++) {
      const start = view.getUint32(vectors + 8 * index, true)
      const length = view.getUint32(vectors + 8 * index + 4, true)
      printed.add(new Uint8Array(memory(), start, length))
      written += length
    }
    view.setUint32(total, written, true)
    return 0
  }
  const reads: Rule = ([file = 0, , , total = 0], call) => {
    if (file > 2) return call()
    // Nothing is typed in.
    new DataView(memory()).setUint32(total, 0, true)
    return 0
  }
  const exits: Rule = ([status = 0]) => {
    throw new Ended({ kind: 'exited', status })
  }
  return new Map<string, Rule>([
    ...denied.map((name): [string, Rule] => [`__syscall_${name}`, deny]),
    ...harmless.map((name): [string, Rule] => [name, pass]),
    [
      '__syscall_openat',
      ([, path, flags = 0], call) => (inLibrary(path) && (flags & ~readingFlags) === 0 ? call() : -permissionDenied),
    ],
    ['__syscall_stat64', ([path], call) => (inLibrary(path) ? call() : -permissionDenied)],
    ['__syscall_fstat64', ([file = 0], call) => (file > 2 ? call() : -permissionDenied)],
    ['__syscall_getdents64', ([file = 0], call) => (file > 2 ? call() : -permissionDenied)],
    // Beyond 2 GiB the number that comes is negative.
    ['emscripten_resize_heap', ([bytes = 0], call) => (bytes >>> 0 <= limit ? call() : 0)],
    ['fd_close', ([file = 0], call) => (file > 2 ? call() : 0)],
    ['fd_seek', onOpened],
    ['fd_pread', onOpened],
    ['fd_fdstat_get', onOpened],
    ['fd_read', reads],
    ['fd_write', writes],
    ['fd_pwrite', () => permissionDenied],
    ['fd_sync', () => permissionDenied],
    // Whether it may wait for what the host promises: it may not, and waits by itself.
    ['can_run_sync_js', () => 0],
    ['proc_exit', exits],
    ['exit', exits],
  ])
}
