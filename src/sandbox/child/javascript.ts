/** JavaScript: QuickJS as WebAssembly, which has no functions of its host but `console.log`. */
import type { QuickJSContext, QuickJSHandle, QuickJSSyncVariant } from 'quickjs-emscripten-core'
import { Ended, endingOf, type Printed } from './ends.ts'
import type { Ending, Limits } from '../types.ts'

type Core = typeof import('quickjs-emscripten-core')

/** Of the calls of the interpreter's own functions; its stack in WebAssembly has 1 MiB. */
const stackBytes = 256 * 1024

const pagesOfMebibyte = 16

/** What the build asks for. */
const pagesToStart = 16 * pagesOfMebibyte

/**
 * Starts QuickJS, and returns how programs are run by it.
 *
 * @param core, variant addresses of the modules of the packages `quickjs-emscripten-core` and of a build of QuickJS
 */
export async function startJavaScript(
  { core, variant }: { readonly core: string; readonly variant: string },
  { memory }: Limits,
  printed: Printed,
): Promise<(source: string) => Ending> {
  const { newQuickJSWASMModuleFromVariant, newVariant } = (await import(core)) as Core
  const build = (await import(variant)) as { readonly default: QuickJSSyncVariant }
  // QuickJS's own limit does not count the bytes of buffers.
  const wasmMemory = new WebAssembly.Memory({ initial: pagesToStart, maximum: memory * pagesOfMebibyte })
  const quickjs = await newQuickJSWASMModuleFromVariant(newVariant(build.default, { wasmMemory }))
  const runtime = quickjs.newRuntime()
  runtime.setMaxStackSize(stackBytes)
  const context = runtime.newContext()
  let ended: Ended | undefined
  // What is thrown out of a host function is an exception of the program, which may catch it; the interpreter is stopped by this.
  runtime.setInterruptHandler(() => ended !== undefined)
  print(context, (line) => {
    try {
      printed.add(new TextEncoder().encode(line))
    } catch (error) {
      if (error instanceof Ended) ended = error
      throw error
    }
  })
  return (source) => {
    try {
      const ending = evaluate(context, source)
      return ended?.ending ?? ending
    } catch (error) {
      return ended?.ending ?? endingOf(error)
    }
  }
}

/** Gives programs `console.log`, with the texts of what it is called with. */
function print(context: QuickJSContext, add: (line: string) => void): void {
  const log = context.newFunction('log', (...values) => {
    add(`${values.map((value) => context.getString(value)).join(' ')}\n`)
  })
  const console = context.newObject()
  context.setProp(console, 'log', log)
  context.setProp(context.global, 'console', console)
  log.dispose()
  console.dispose()
}

/** Runs a program as a module, and what it left to be done behind it. */
function evaluate(context: QuickJSContext, source: string): Ending {
  const result = context.evalCode(source, 'program.js', { type: 'module' })
  if (result.error) return raised(context, result.error)
  const jobs = context.runtime.executePendingJobs()
  if (jobs.error) return raised(context, jobs.error)
  // A module that waits is a promise of what it exports.
  const state = context.getPromiseState(result.value)
  if (state.type === 'rejected') return raised(context, state.error)
  if (state.type === 'pending') return { kind: 'raised', error: 'Error: the program waits for what never comes' }
  return { kind: 'finished' }
}

function raised(context: QuickJSContext, error: QuickJSHandle): Ending {
  const text = context.getString(error).slice(0, 1000)
  if (text === 'InternalError: out of memory') return { kind: 'exceeded', limit: 'memory' }
  if (text === 'RangeError: Maximum call stack size exceeded') return { kind: 'exceeded', limit: 'stack' }
  return { kind: 'raised', error: text }
}
