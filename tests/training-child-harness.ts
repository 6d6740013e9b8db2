/**
 * A training in a process of its own that says what it is about to do, so that a test can kill it there.
 *
 *     node tests/training-child-harness.ts FOLDER HOLD
 *
 * Prints a line before every file operation, and waits to be killed before operation HOLD (a number, or Infinity).
 */
import { wasmBackend } from '../src/backends/wasm/index.ts'
import { trainTiny } from './training-harness.ts'

const [folder = '', hold] = process.argv.slice(2)
let operations = 0

await trainTiny(folder, {
  backend: wasmBackend({ threads: 2 }),
  resume: true,
  faults: {
    async before(operation, path) {
      operations += 1
      const line = `${operations} ${operation} ${path}\n`
      await new Promise((resolve) => process.stdout.write(line, resolve))
      if (operations === Number(hold)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    },
  },
})
