import { elementCount, formatType, type DType, type TensorType } from '../../base/dtype.ts'
import { PocketPhiError, present } from '../../base/errors.ts'
import type { Attributes } from '../program.ts'
import type { Tensor } from '../trace.ts'

/**
 * What the reference computes with: float64 for every float dtype, 32-bit integers for index vectors and int8 values,
 * raw bytes for matrices in a block format.
 */
export interface ReferenceTensor {
  readonly type: TensorType
  readonly data: Float64Array | Int32Array | Uint8Array
}

/** An operation as it stands in a trace, seen by its derivative rule. */
export interface Applied<A extends Attributes> {
  readonly inputs: readonly Tensor[]
  readonly outputs: readonly Tensor[]
  readonly attributes: A
}

/**
 * Appends the operations that turn the gradients of the results into gradients of the operands. An entry is undefined
 * where no gradient arrives, or where the operand has none (indices).
 */
export type DerivativeRule<A extends Attributes> = (
  applied: Applied<A>,
  gradients: readonly (Tensor | undefined)[],
) => readonly (Tensor | undefined)[]

/** One row of the op table: all that Pocket Phi knows about an operation. */
export interface OpDefinition<A extends Attributes> {
  readonly kind: string
  /** The types of the results. Throws `shape` when operands do not fit. */
  infer(inputs: readonly TensorType[], attributes: A): readonly TensorType[]
  readonly derivative: DerivativeRule<A> | 'none'
  /** The oracle: plain float64, written for reading. Results arrive zeroed. */
  reference(inputs: readonly ReferenceTensor[], outputs: readonly ReferenceTensor[], attributes: A): void
  /** Which operands the operation writes to (states, and parameters under training). */
  readonly mutates: readonly number[]
}

const table = new Map<string, OpDefinition<Attributes>>()

/**
 * Adds a row to the op table and returns the function that model code calls. Attributes are typed at the call and
 * erased in the table, which is safe because only this function pairs them.
 */
export function defineOp<A extends Attributes>(
  definition: Omit<OpDefinition<A>, 'mutates'> & { readonly mutates?: readonly number[] },
): (inputs: readonly Tensor[], attributes: A) => readonly Tensor[] {
  table.set(definition.kind, { mutates: [], ...definition } as unknown as OpDefinition<Attributes>)
  return (inputs, attributes) =>
    present(inputs[0], 'the first operand').trace.apply(definition.kind, inputs, attributes)
}

/** The row of this operation. Throws `not-supported` for an unknown name. */
export function definitionOf(kind: string): OpDefinition<Attributes> {
  const definition = table.get(kind)
  if (definition === undefined) throw new PocketPhiError('not-supported', `There is no operation "${kind}".`)
  return definition
}

/** The names of all operations, in alphabetical order. */
export function operationKinds(): readonly string[] {
  return [...table.keys()].toSorted()
}

/** A tensor type, written briefly. */
export function tensorType(dtype: DType, ...shape: readonly number[]): TensorType {
  return { dtype, shape }
}

/**
 * Checks one operand against a shape pattern: a number must agree, null takes any extent. Returns the extents, so that
 * rules read like the table: `const [rows, columns] = operand('rmsNorm', 'x', inputs[0], 'f32', null, null)`.
 */
export function operand<Pattern extends readonly (number | null)[]>(
  kind: string,
  name: string,
  type: TensorType | undefined,
  dtype: DType | ((dtype: DType) => boolean),
  ...pattern: Pattern
): { [Index in keyof Pattern]: number } {
  const fitsDtype = type !== undefined && (typeof dtype === 'string' ? type.dtype === dtype : dtype(type.dtype))
  const fitsShape =
    type !== undefined &&
    type.shape.length === pattern.length &&
    type.shape.every((extent, axis) => pattern[axis] === null || pattern[axis] === extent)
  if (!fitsDtype || !fitsShape) {
    const wanted = `${typeof dtype === 'string' ? dtype : 'a fitting dtype'}[${pattern.map((extent) => extent ?? '?').join(', ')}]`
    throw new PocketPhiError('shape', `The operand "${name}" of ${kind} does not fit.`, {
      expected: wanted,
      found: type === undefined ? 'no operand' : formatType(type),
    })
  }
  return type.shape as unknown as { [Index in keyof Pattern]: number }
}

/** Throws `shape` unless the condition holds. */
export function require(condition: boolean, kind: string, problem: string): asserts condition {
  if (!condition) throw new PocketPhiError('shape', `${kind}: ${problem}`)
}

/** The float64 data of a reference operand. */
export function floats(tensor: ReferenceTensor | undefined): Float64Array {
  if (!(tensor?.data instanceof Float64Array)) throw new Error('defect: a float operand was expected')
  return tensor.data
}

/** The integer data of a reference operand. */
export function integers(tensor: ReferenceTensor | undefined): Int32Array {
  if (!(tensor?.data instanceof Int32Array)) throw new Error('defect: an integer operand was expected')
  return tensor.data
}

/** The packed bytes of a reference operand. */
export function packedBytesOf(tensor: ReferenceTensor | undefined): Uint8Array {
  if (!(tensor?.data instanceof Uint8Array)) throw new Error('defect: a packed operand was expected')
  return tensor.data
}

/** The shape of a reference operand. */
export function shapeOf(tensor: ReferenceTensor | undefined): readonly number[] {
  return present(tensor, 'operand').type.shape
}

/** Zeroed storage of the kind that the reference uses for a type; `bytes` gives the size of a packed matrix. */
export function referenceStorage(type: TensorType, bytes: number): Float64Array | Int32Array | Uint8Array {
  switch (type.dtype) {
    case 'f64':
    case 'f32':
    case 'f16':
    case 'bf16':
      return new Float64Array(elementCount(type.shape))
    case 'i32':
    case 'i8':
    case 'u8':
      return new Int32Array(elementCount(type.shape))
    default:
      return new Uint8Array(bytes)
  }
}
