/** Processes that may do nothing but read some folders. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Of Node and the interpreter around a program, in MiB: what V8 makes, without the memory of WebAssembly. */
const heapMegabytes = 256

/** The same ending as this file: sources run as they are, and built ones as built. */
const workerFile = (name: string): string =>
  fileURLToPath(import.meta.url.replace(/processes(\.[jt]s)$/, `child/${name}-worker$1`))

/** Flags of Node for a process that may read these files, folders (`…/*`) and its own modules. */
export function permissions(readable: readonly string[]): readonly string[] {
  const read = [`${dirname(workerFile('guest'))}/*`, ...readable].map((path) => `--allow-fs-read=${path}`)
  return ['--permission', ...read, '--disallow-code-generation-from-strings', `--max-old-space-size=${heapMegabytes}`]
}

/** Starts one of the modules of `child/`, with so many seconds of the processor. */
export function startWorker(
  name: 'guest' | 'snapshot',
  { readable, seconds }: { readonly readable: readonly string[]; readonly seconds: number },
  ...argv: readonly string[]
): ChildProcessWithoutNullStreams {
  // No variables, but one without which Windows starts no process.
  const { SystemRoot: root } = process.env
  const env = root === undefined ? {} : { SystemRoot: root }
  const command = limited(seconds, [process.execPath, ...permissions(readable), workerFile(name), ...argv])
  return spawn(command[0], command.slice(1), { env, windowsHide: true })
}

/** With limits of the kernel: on the processor, on what is written to files (nothing), and no picture of its memory when it dies. */
function limited(seconds: number, command: readonly [string, ...string[]]): readonly [string, ...string[]] {
  if (process.platform === 'win32') return command
  // At the first limit there is a signal that says so, at the second the end.
  const limits = `ulimit -c 0; ulimit -f 0; ulimit -H -t ${Math.ceil(seconds) + 1}; ulimit -S -t ${Math.ceil(seconds)}`
  return ['/bin/sh', '-c', `${limits}; exec "$@"`, 'sh', ...command]
}
