/** Activations as int8: made where they are computed if nothing else reads them, else by a pass of their own, once. */
import { elementCount, isPanelDType } from '../../../base/dtype.ts'
import { present } from '../../../base/errors.ts'
import { activationGroup } from '../../../blocks/matrix.ts'
import { valueOf } from '../../../program/program.ts'
import type { Kernel } from '../kernel.ts'
import { quantizedQuads, quantizeRows } from '../kernels/quantize.ts'
import { elementCost, spread, type Lowering, type Quantized } from './context.ts'

const kernels = new Map<string, Kernel>()

/** Kernels are made once, since the device knows them by identity before it compares their texts. */
export function kernelOf(name: string, make: () => Kernel): Kernel {
  const kernel = kernels.get(name) ?? make()
  kernels.set(name, kernel)
  return kernel
}

/**
 * How many columns share a scale, when all that reads the result of an operation is one product with int8 activations; undefined
 * otherwise.
 */
export function sharedByReader(at: Lowering): number | undefined {
  const { builder } = at
  const { id } = at.output(0).value
  const [reader, ...others] = builder.readersOf(id) ?? []
  if (reader?.kind !== 'matmulPacked' || others.length > 0 || reader.attributes['activations'] !== 'int8')
    return undefined
  const { dtype } = valueOf(builder.program, present(reader.inputs[1], 'weight')).type
  return isPanelDType(dtype) ? activationGroup(dtype) : undefined
}

function remember(at: Lowering, id: number, elements: number, shared: number): Quantized {
  const made = { integers: at.temporary(elements), scales: at.temporary((elements / shared) * 4) }
  at.builder.quantized.set(`${id} ${shared}`, made)
  return made
}

/** Where an operation writes its result as int8, in place of f32. */
export function quantizedResult(at: Lowering, shared: number): Quantized & Record<string, number> {
  const { value, type } = at.output(0)
  return { ...remember(at, value.id, elementCount(type.shape), shared) }
}

/** The first operand as int8; several products with weights of one kind share it. */
export function quantizedOperand(at: Lowering, shared: number): Quantized & Record<string, number> {
  const { value, type } = at.input(0)
  const known = at.builder.quantized.get(`${value.id} ${shared}`)
  if (known !== undefined && value.origin === 'computed') return { ...known }
  const elements = elementCount(type.shape)
  const made = remember(at, value.id, elements, shared)
  const kernel = kernelOf(`quantizeRows ${shared}`, () => quantizeRows(shared))
  const quads = elements / 4
  const groups = spread(Math.ceil(quads / quantizedQuads))
  at.emit(kernel, { x: at.in(0), ...made }, { quads }, groups, elements * elementCost)
  return { ...made }
}
