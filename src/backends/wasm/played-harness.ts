/**
 * Test support: a device on any module of kernels that takes a memory of its own. It plays the threads one after the other
 * as if they ran at once, fills the memory with NaN, and refuses a kernel that writes what it should only read, what lies
 * around its results, or what another thread writes.
 */
import { present } from '../../base/errors.ts'
import type { Program } from '../../program/program.ts'
import type { Device } from '../backend.ts'
import { WasmDevice } from './device.ts'
import { planLayout, writeArguments, type Layout, type ProgramLayout } from './layout.ts'
import { kernelsOf, scoreOf, type Runner } from './runner.ts'
import { workspaceBuffer, type Step } from './steps.ts'

export interface PlayedOptions {
  readonly threads: number
  readonly wide?: boolean
  readonly paired?: boolean
  readonly maxSlabBytes?: number
}

export interface PlayedDevice {
  readonly device: Device
  /** Fills inputs, store, scratch and workspaces with NaN, so that no case gets by with what an earlier one has left. */
  readonly forget: () => void
}

/** The first page holds the constants of the kernels. */
const constantsEnd = 65536

/** The kernels that these programs call, in alphabetical order. */
export function kernelsUsed(programs: readonly Program[]): readonly string[] {
  return scoreOf(planLayout(programs, { threads: 1, maxSlabBytes: 2 ** 30, wide: false })).kernels
}

export function openPlayed(
  module: WebAssembly.Module,
  programs: readonly Program[],
  { threads, wide = false, paired = false, maxSlabBytes = 2 ** 30 }: PlayedOptions,
): PlayedDevice {
  const layout = planLayout(programs, { threads, maxSlabBytes, wide, paired })
  const memory = new WebAssembly.Memory({ initial: layout.pages, maximum: layout.pages })
  const workspaces = workspacesOf(layout, threads)
  const device = new WasmDevice(memory, layout, playedRunner(module, memory, layout, workspaces))
  const forget = (): void => {
    new Uint8Array(memory.buffer, constantsEnd).fill(0xff)
    // Another NaN, so that what a kernel copies from there is seen.
    for (const { start, end } of workspaces) new Int32Array(memory.buffer, start, (end - start) / 4).fill(0x7fffffff)
    writeArguments(layout, memory.buffer)
  }
  forget()
  return { device, forget }
}

function playedRunner(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  layout: Layout,
  workspaces: readonly Span[],
): Runner {
  const { kernels: names, plans } = scoreOf(layout)
  const kernels = kernelsOf(new WebAssembly.Instance(module, { env: { memory } }), names)
  return {
    begin() {},
    end() {},
    run(number, from, to) {
      const plan = present(plans[number], 'plan')
      const program = present(layout.programs[number], 'program')
      for (let index = from; index < to; index++) {
        const step = present(program.program.steps[index], 'step')
        const kernel = present(kernels[plan.kernels[index] as number], step.kernel)
        const checkKept = watch(memory, step.kernel, keptRegions(program, step))
        const results = step.writes.map((id) => shareResult(memory, step.kernel, spanOf(program, id)))
        for (const thread of workspaces.keys()) {
          const checkWorkspaces = watch(memory, step.kernel, otherWorkspaces(memory, workspaces, thread))
          for (const result of results) result.begin()
          kernel(plan.blocks[index] as number, thread, workspaces.length)
          for (const result of results) result.end()
          checkWorkspaces()
        }
        for (const result of results) result.merge()
        checkKept()
      }
      return Promise.resolve()
    },
    dispose: () => Promise.resolve(),
  }
}

interface SharedResult {
  /** Shows a thread what was there before the step. */
  readonly begin: () => void
  /** Takes what the thread has written. */
  readonly end: () => void
  /** Shows what all threads have written. */
  readonly merge: () => void
}

/** A result as threads that run at once would leave it; throws when a thread writes an f16 that another has written. */
function shareResult(memory: WebAssembly.Memory, kernel: string, { start, end }: Span): SharedResult {
  const halves = new Uint16Array(memory.buffer, start, (end - start) / 2)
  const [before, merged] = [halves.slice(), halves.slice()]
  const written = new Uint8Array(halves.length)
  return {
    begin: () => halves.set(before),
    end() {
      for (let at = 0; at < halves.length; at++) {
        if (halves[at] === before[at]) continue
        if (written[at] !== 0) throw new Error(`two threads of ${kernel} write bytes from ${2 * at} on of a result`)
        written[at] = 1
        merged[at] = halves[at] as number
      }
    },
    merge: () => halves.set(merged),
  }
}

interface Span {
  readonly start: number
  readonly end: number
}

interface Region extends Span {
  readonly what: string
}

/** How far around what a kernel may write a wrong write is looked for. */
const reach = 2048

function spanOf({ program, addresses }: ProgramLayout, id: number): Span {
  const start = present(addresses[id], 'address')
  return { start, end: start + present(program.buffers[id], 'buffer').bytes }
}

/** The workspace of every thread. */
function workspacesOf({ programs, workspaceStride }: Layout, threads: number): Span[] {
  const { start } = spanOf(present(programs[0], 'program'), workspaceBuffer)
  return Array.from({ length: threads }, (_, thread) => ({
    start: start + thread * workspaceStride,
    end: start + (thread + 1) * workspaceStride,
  }))
}

/** What a step has to leave as it is: its operands, and what lies around its results but for other results. */
function keptRegions(program: ProgramLayout, step: Step): Region[] {
  const operands = step.reads.filter((id) => !step.writes.includes(id))
  const results = step.writes.map((id) => spanOf(program, id))
  const workspaceStart = spanOf(program, workspaceBuffer).start
  const around = results.flatMap(({ start, end }): Region[] => {
    const before = results.filter((other) => other.end <= start).map((other) => other.end)
    const after = results.filter((other) => other.start >= end).map((other) => other.start)
    return [
      { what: 'what lies before a result', start: Math.max(constantsEnd, start - reach, ...before), end: start },
      { what: 'what lies after a result', start: end, end: Math.min(workspaceStart, end + reach, ...after) },
    ]
  })
  return [...operands.map((id) => ({ what: 'an operand', ...spanOf(program, id) })), ...around]
}

/** What a thread must leave as it is: both ends of the workspaces of others, and what follows the last. */
function otherWorkspaces(memory: WebAssembly.Memory, workspaces: readonly Span[], thread: number): Region[] {
  const what = 'the workspace of another thread'
  const others = workspaces.filter((_, other) => other !== thread)
  const last = present(workspaces.at(-1), 'workspace').end
  return [
    ...others.map(({ start, end }) => ({ what, start, end: Math.min(end, start + reach) })),
    ...others.map(({ start, end }) => ({ what, start: Math.max(start, end - reach), end })),
    { what: 'what lies after the workspaces', start: last, end: Math.min(memory.buffer.byteLength, last + reach) },
  ]
}

/** Remembers the bytes of regions; the result throws when they have changed. */
function watch(memory: WebAssembly.Memory, kernel: string, regions: readonly Region[]): () => void {
  const kept = regions.map(({ start, end }) => new Uint8Array(memory.buffer.slice(start, end)))
  return () => {
    for (const [index, { what, start, end }] of regions.entries()) {
      const now = new Uint8Array(memory.buffer, start, end - start)
      if (Buffer.compare(now, present(kept[index], 'region')) !== 0) throw new Error(`${kernel} changed ${what}`)
    }
  }
}
