/** What a pass over one row has to read and to multiply, told from its program alone. */
import { elementCount } from '../src/base/dtype.ts'
import { present } from '../src/base/errors.ts'
import type { AttentionAttributes } from '../src/program/ops/attention.ts'
import { blockPatternOf, seesPosition } from '../src/program/ops/block-pattern.ts'
import { tensorBytes } from '../src/program/plan.ts'
import { boundValues, valueOf, type Operation, type Program, type Value } from '../src/program/program.ts'

/** The parameters that every pass reads whole: of tables of embeddings it reads rows. */
function weightsRead(program: Program): Value[] {
  const reading = program.operations.filter(({ kind }) => kind !== 'embedding')
  const read = new Set(reading.flatMap(({ inputs }) => inputs))
  return boundValues(program, 'parameter').filter(({ id }) => read.has(id))
}

/** Bytes of weights that a pass reads. */
export function weightBytes(program: Program): number {
  return weightsRead(program).reduce((sum, { type }) => sum + tensorBytes(type), 0)
}

/** The matrices of weights that rows are multiplied by. */
export function matricesOf(program: Program): Value[] {
  return weightsRead(program).filter(({ type }) => type.shape.length === 2 && type.dtype !== 'f64')
}

/** Multiply-adds of one row with weights, of a pass over a number of rows. */
export function productsOfRow(program: Program): number {
  return matricesOf(program).reduce((sum, { type }) => sum + elementCount(type.shape), 0)
}

/** Multiply-adds of all rows with weights: of a look at a tile not all rows meet all matrices. */
export function productsOfPass(program: Program): number {
  const matrices = new Set(matricesOf(program).map(({ id }) => id))
  return program.operations.reduce((sum, { inputs: [rows, matrix], outputs: [result] }) => {
    if (rows === undefined || matrix === undefined || result === undefined || !matrices.has(matrix)) return sum
    const [count = 0] = valueOf(program, result).type.shape
    return sum + count * elementCount(valueOf(program, matrix).type.shape)
  }, 0)
}

/** The attentions over the cache, one for each layer. */
export function attentionsOf({ operations }: Program): Operation[] {
  return operations.filter(({ kind }) => kind === 'pagedAttention')
}

export function attributesOf({ attributes }: Operation): AttentionAttributes {
  return attributes as AttentionAttributes
}

/**
 * Bytes of the cache that the attention of one layer reads for a token behind `depth` others: what at least one of the heads sees that
 * share keys and values.
 */
export function cacheBytes(program: Program, attention: Operation, depth: number): number {
  const { dtype } = valueOf(program, present(attention.inputs[0], 'keys')).type
  const { headSize } = attributesOf(attention)
  return 2 * vectorsRead(attributesOf(attention), depth) * tensorBytes({ dtype, shape: [1, 1, 1, headSize] })
}

/** Positions before `depth` that are read, summed over the heads of keys. */
function vectorsRead(attributes: AttentionAttributes, depth: number): number {
  const { heads, kvHeads, window } = attributes
  const pattern = blockPatternOf(attributes)
  if (pattern === undefined) return kvHeads * (window === 0 ? depth : Math.min(depth, window))
  const sharing = heads / kvHeads
  let count = 0
  for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
    const group = Array.from({ length: sharing }, (_, index) => kvHead * sharing + index)
    for (let first = 0; first < depth; first += pattern.blockSize) {
      const isRead = group.some((head) => seesPosition(pattern, head, depth, first))
      if (isRead) count += Math.min(pattern.blockSize, depth - first)
    }
  }
  return count
}
