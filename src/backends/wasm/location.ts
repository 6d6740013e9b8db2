/** Apart from the planning of a layout, which threads that walk one do not load. */
import { present } from '../../base/errors.ts'
import type { ProgramLayout } from './layout.ts'
import type { BufferId } from '../operands.ts'

/** Bytes in one of the memories. */
export interface Location {
  readonly memory: number
  readonly address: number
}

/** Where a buffer of a program lies. */
export function locate(
  { bufferMemories, addresses }: Pick<ProgramLayout, 'bufferMemories' | 'addresses'>,
  buffer: BufferId,
): Location {
  return { memory: present(bufferMemories[buffer], 'memory'), address: present(addresses[buffer], 'address') }
}
