/**
 * Test support: a device on any module of kernels that takes a memory of its own. It plays all threads in turn, fills the
 * memory with NaN, and refuses a kernel that changes what it should only read or the gap behind what it should write.
 */
import { present } from '../../base/errors.ts'
import { align, alignment } from '../../program/plan.ts'
import type { Program } from '../../program/program.ts'
import type { Device } from '../backend.ts'
import { WasmDevice } from './device.ts'
import { planLayout, writeArguments, type Layout, type ProgramLayout } from './layout.ts'
import { kernelsOf, scoreOf, type Runner } from './runner.ts'
import type { Step } from './steps.ts'

export interface PlayedOptions {
  readonly threads: number
  /** The last thread first, so that a share that runs over its end spoils what is finished already. */
  readonly backwards?: boolean
  readonly wide?: boolean
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
export function kernelsUsed(programs: readonly Program[], wide: boolean): readonly string[] {
  return scoreOf(planLayout(programs, { threads: 1, maxSlabBytes: 2 ** 30, wide })).kernels
}

export function openPlayed(
  module: WebAssembly.Module,
  programs: readonly Program[],
  { threads, backwards = false, wide = false, maxSlabBytes = 2 ** 30 }: PlayedOptions,
): PlayedDevice {
  const layout = planLayout(programs, { threads, maxSlabBytes, wide })
  const memory = new WebAssembly.Memory({ initial: layout.pages, maximum: layout.pages })
  const order = Array.from({ length: threads }, (_, thread) => (backwards ? threads - 1 - thread : thread))
  const device = new WasmDevice(memory, layout, playedRunner(module, memory, layout, order))
  const forget = (): void => {
    new Uint8Array(memory.buffer, constantsEnd).fill(0xff)
    writeArguments(layout, memory.buffer)
  }
  forget()
  return { device, forget }
}

function playedRunner(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  layout: Layout,
  order: readonly number[],
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
        const checkKept = watch(memory, program, step)
        for (const thread of order) kernel(plan.blocks[index] as number, thread, order.length)
        checkKept()
      }
      return Promise.resolve()
    },
    dispose: () => Promise.resolve(),
  }
}

/** Remembers the bytes that a step has to leave as they are; the result throws when they are not. */
function watch(memory: WebAssembly.Memory, { program, addresses }: ProgramLayout, step: Step): () => void {
  const regions = [...new Set([...step.reads, ...step.writes])].map((id) => {
    const { bytes, source } = present(program.buffers[id], 'buffer')
    const start = present(addresses[id], 'address')
    if (!step.writes.includes(id)) return { what: 'an operand', start, end: start + bytes }
    const gap = source.kind === 'store' ? alignment : 0
    return { what: 'the gap behind a result', start: start + bytes, end: start + align(bytes + gap) }
  })
  const kept = regions.map(({ start, end }) => new Uint8Array(memory.buffer.slice(start, end)))
  return () => {
    for (const [index, { what, start, end }] of regions.entries()) {
      const now = new Uint8Array(memory.buffer, start, end - start)
      if (Buffer.compare(now, present(kept[index], 'region')) !== 0) throw new Error(`${step.kernel} changed ${what}`)
    }
  }
}
