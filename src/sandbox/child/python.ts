/** Python: CPython as WebAssembly (Pyodide), of which only its own library and what it prints is left when a program runs. */
import { readFileSync } from 'node:fs'
import { Ended, endingOf, type Printed } from './ends.ts'
import { Gate, installGate } from './gate.ts'
import { loadPython } from './pyodide.ts'
import { pythonRules } from './python-rules.ts'
import type { Ending, Limits } from '../types.ts'

/** The part of what CPython exports that is used. */
interface Interpreter {
  readonly memory: WebAssembly.Memory
  malloc(bytes: number): number
  /** Runs a text in `__main__`; not 0 where it raised something, which is printed then. */
  PyRun_SimpleString(address: number): number
}

/** What runs behind every program: what it printed is still in Python's buffers. */
const flush = 'import sys; sys.stdout.flush(); sys.stderr.flush()'

/**
 * Starts Python, and returns how programs are run by it.
 *
 * @param pyodide address of the module of the package
 * @param snapshot a file with the memory of Python when it has started
 */
export async function startPython(
  { pyodide, snapshot }: { readonly pyodide: string; readonly snapshot: string },
  { memory }: Limits,
  printed: Printed,
): Promise<(source: string) => Ending> {
  let interpreter: Interpreter | undefined
  const running = (): Interpreter => {
    if (interpreter === undefined) throw new Error('Pyodide made no instance of Python.')
    return interpreter
  }
  const gate = new Gate(pythonRules(() => running().memory, memory * 2 ** 20, printed))
  installGate(gate, (exports) => {
    if ('PyRun_SimpleString' in exports) interpreter = exports as unknown as Interpreter
  })
  await loadPython(pyodide, { _loadSnapshot: readFileSync(snapshot) })
  const python = running()
  const run = (text: string): number => {
    const encoded = new TextEncoder().encode(`${text}\0`)
    const address = python.malloc(encoded.length)
    if (address === 0) throw new Ended({ kind: 'exceeded', limit: 'memory' })
    new Uint8Array(python.memory.buffer).set(encoded, address)
    return python.PyRun_SimpleString(address)
  }
  return (source) => {
    // A text ends at the first of these.
    if (source.includes('\0')) return { kind: 'raised', error: 'SyntaxError: source code cannot contain null bytes' }
    gate.lock()
    try {
      const raised = run(source) !== 0
      // What is printed last is what was raised.
      const error = raised ? lastLine(String(printed)) : ''
      run(flush)
      return gate.ended?.ending ?? (raised ? { kind: 'raised', error } : { kind: 'finished' })
    } catch (error) {
      return gate.ended?.ending ?? endingOf(error)
    }
  }
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1)?.slice(0, 1000) ?? ''
}
