/** Test support: devices whose programs are spread over several memories. */
import type { MemoryPlan } from '../../program/plan.ts'
import type { Program } from '../../program/program.ts'
import type { Backend, Device } from '../backend.ts'
import { wasmBackend, type WasmOptions } from './index.ts'

const pageBytes = 65536

/** The largest memory, but for a page or so, for which these programs take at least so many. */
export function memoryBytesFor(programs: readonly Program[], atLeast: number, options: WasmOptions = {}): number {
  const { parameters, states, scratch } = wasmBackend(options).measure(programs)
  let maxMemoryBytes = Math.ceil((scratch + (parameters + states) / atLeast) / pageBytes) * pageBytes
  while (wasmBackend({ ...options, maxMemoryBytes }).measure(programs).memories.length < atLeast) {
    maxMemoryBytes -= pageBytes
  }
  return maxMemoryBytes
}

/** The wasm backend with memories so small that whatever is opened takes at least so many of them. */
export function spreadBackend(
  atLeast: number,
  options: WasmOptions = {},
  onOpen: (memory: MemoryPlan) => void = () => {},
): Backend {
  const backendFor = (programs: readonly Program[]): Backend =>
    wasmBackend({ ...options, maxMemoryBytes: memoryBytesFor(programs, atLeast, options) })
  return {
    name: 'wasm',
    measure: (programs) => backendFor(programs).measure(programs),
    async open(programs): Promise<Device> {
      const device = await backendFor(programs).open(programs)
      onOpen(device.memory)
      return device
    },
  }
}
