/** What a caller gets from a run. */
import { PocketPhiError } from '../base/errors.ts'
import type { Program, ValueId } from '../program/program.ts'
import { rowElements, type BufferId, type Operand } from './operands.ts'

/** A whole tensor that the caller gets after a run: the pieces, in order. */
export interface StepOutput {
  readonly name: string
  readonly dtype: 'f32' | 'i32'
  readonly pieces: readonly { readonly buffer: BufferId; readonly count: number }[]
}

/**
 * Where the outputs of a program that was lowered lie.
 *
 * @throws PocketPhiError `not-supported` for one that is neither f32 nor i32
 */
export function outputsOf(program: Program, operandOf: (id: ValueId) => Operand): StepOutput[] {
  return Object.entries(program.outputs).map(([name, id]) => {
    const { type, pieces } = operandOf(id)
    const { dtype } = type
    if (dtype !== 'f32' && dtype !== 'i32') {
      throw new PocketPhiError('not-supported', `The output "${name}" of "${program.name}" is ${dtype}.`, {
        expected: 'f32 or i32',
      })
    }
    const width = rowElements(type)
    return { name, dtype, pieces: pieces.map(({ buffer, rows }) => ({ buffer, count: rows * width })) }
  })
}

/**
 * The outputs with these names, in their own order; all without names.
 *
 * @throws PocketPhiError `not-found` for a name that none of them has
 */
export function wantedOutputs<T extends { readonly name: string }>(
  outputs: readonly T[],
  names: readonly string[] | undefined,
): readonly T[] {
  if (names === undefined) return outputs
  const unknown = names.find((name) => outputs.every((output) => output.name !== name))
  if (unknown === undefined) return outputs.filter(({ name }) => names.includes(name))
  throw new PocketPhiError('not-found', `The program has no output "${unknown}".`, {
    expected: outputs.map(({ name }) => name).join(', '),
  })
}

/** Elements of an output where they lie, by their number from the byte `offset` on. */
export function elementsAt(
  dtype: StepOutput['dtype'],
  buffer: ArrayBufferLike,
  offset: number,
  count: number,
): Float32Array | Int32Array {
  return dtype === 'f32' ? new Float32Array(buffer, offset, count) : new Int32Array(buffer, offset, count)
}

/** The same outputs in other buffers. */
export function outputsIn(outputs: readonly StepOutput[], renamed: (buffer: BufferId) => BufferId): StepOutput[] {
  return outputs.map((output) => ({
    ...output,
    pieces: output.pieces.map(({ buffer, count }) => ({ buffer: renamed(buffer), count })),
  }))
}
