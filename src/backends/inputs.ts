import { elementCount, formatType } from '../base/dtype.ts'
import { PocketPhiError } from '../base/errors.ts'
import type { Value } from '../program/program.ts'
import type { RunInputs } from './backend.ts'

/**
 * The caller's array for an input of a program.
 *
 * @throws PocketPhiError `invalid-argument` when it is missing, of another kind of number, or of another length.
 */
export function checkedInput(value: Value, inputs: RunInputs): Int32Array | Float32Array {
  const given = inputs[value.name]
  const isKind = value.type.dtype === 'i32' ? given instanceof Int32Array : given instanceof Float32Array
  if (given === undefined || !isKind || given.length !== elementCount(value.type.shape)) {
    throw new PocketPhiError('invalid-argument', `The input "${value.name}" does not fit the program.`, {
      expected: formatType(value.type),
      found: given === undefined ? 'nothing' : `${given.constructor.name} of ${given.length}`,
    })
  }
  return given
}
