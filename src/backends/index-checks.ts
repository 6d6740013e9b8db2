import { PocketPhiError, present } from '../base/errors.ts'
import { pageSize } from '../program/ops/cache.ts'
import { ignoredTarget } from '../program/ops/loss.ts'
import { valueOf, type Operation, type Program, type Value } from '../program/program.ts'
import type { RunInputs } from './backend.ts'

/**
 * What index vectors must satisfy, because kernels trust them: a wrong index would read or write another tensor's memory.
 * All names are of inputs.
 */
export type InputCheck =
  | {
      readonly kind: 'range'
      readonly input: string
      /** Inclusive. */
      readonly low: number
      /** Exclusive. */
      readonly high: number
      /** A value outside the range that has a meaning of its own. */
      readonly exception?: number
      readonly reason: string
    }
  /** starts[r] <= r */
  | { readonly kind: 'starts'; readonly input: string }
  | {
      readonly kind: 'pages'
      readonly pageTable: string
      readonly sequences: string
      readonly positions: string
      /** Sequences that the page table has rows for. */
      readonly tableRows: number
      readonly pages: number
      readonly pageSize: number
    }

/** What one operation demands of operands, given their values; only inputs can be checked, and only inputs are integers. */
type Demand = (operands: readonly Value[], operation: Operation, program: Program) => readonly InputCheck[]

/** Indices must lie in [0, high), or be the exception. */
function range(kind: string, indices: Value | undefined, high: number | undefined, exception?: number): InputCheck[] {
  if (indices?.origin !== 'input') return []
  const reason = `${kind} reads it as an index`
  const check = { kind: 'range', input: indices.name, low: 0, high: present(high, 'extent'), reason } as const
  return [exception === undefined ? check : { ...check, exception }]
}

const rowsOfResult = (program: Program, { outputs: [id] }: Operation): number | undefined =>
  valueOf(program, present(id, 'result')).type.shape[0]

const intoFirst: Demand = ([table, indices], { kind }) => range(kind, indices, table?.type.shape[0])

const classes: Demand = ([logits, targets], { kind }) => range(kind, targets, logits?.type.shape[1], ignoredTarget)

const startsAt =
  (index: number): Demand =>
  (operands) => {
    const starts = operands[index]
    return starts?.origin === 'input' ? [{ kind: 'starts', input: starts.name }] : []
  }

/** Index vectors decide which pages are touched: all that rows will touch must be pages of the pool. */
const ofPages: Demand = ([keys, , pageTable, sequences, positions]) => {
  if (!keys || !pageTable || !sequences || !positions) return []
  if ([pageTable, sequences, positions].some(({ origin }) => origin !== 'input')) return []
  const [pages, tableRows] = [present(keys.type.shape[0], 'pages'), present(pageTable.type.shape[0], 'sequences')]
  const names = { pageTable: pageTable.name, sequences: sequences.name, positions: positions.name }
  return [{ kind: 'pages', ...names, tableRows, pages, pageSize }]
}

const demands: Readonly<Record<string, Demand>> = {
  attention: startsAt(3),
  attentionGradientKeys: startsAt(6),
  attentionGradientQueries: startsAt(6),
  cacheWrite: ofPages,
  copyPages: ([pool, ...indices], { kind }) => indices.flatMap((index) => range(kind, index, pool?.type.shape[0])),
  crossEntropy: classes,
  crossEntropyGradient: classes,
  embedding: intoFirst,
  embeddingGradient: ([ids], operation, program) => range(operation.kind, ids, rowsOfResult(program, operation)),
  gatherRows: intoFirst,
  pagedAttention: ofPages,
  replaceRows: ([, source, indices], { kind }) => range(kind, indices, source?.type.shape[0], -1),
  ropeTable: ([, regimes], { kind }) => range(kind, regimes, 2),
  scatterRows: ([, indices], operation, program) =>
    range(operation.kind, indices, rowsOfResult(program, operation), -1),
}

/** What a program demands of its inputs, each once, though every layer may demand it. */
export function indexChecksOf(program: Program): InputCheck[] {
  const checks = new Map<string, InputCheck>()
  for (const operation of program.operations) {
    const demand = Object.hasOwn(demands, operation.kind) ? demands[operation.kind] : undefined
    if (demand === undefined) continue
    const operands = operation.inputs.map((id) => valueOf(program, id))
    for (const check of demand(operands, operation, program)) checks.set(JSON.stringify(check), check)
  }
  return [...checks.values()]
}

function refuse(input: string, index: number, expected: string, found: number): never {
  throw new PocketPhiError('invalid-argument', `Element ${index} of the input "${input}" is out of range.`, {
    expected,
    found: String(found),
  })
}

function integers(inputs: RunInputs, name: string): Int32Array {
  const values = inputs[name]
  if (values instanceof Int32Array) return values
  throw new Error(`defect: the input "${name}" was not checked to be i32`)
}

function checkRange(check: InputCheck & { kind: 'range' }, values: Int32Array): void {
  const { low, high, exception } = check
  for (let index = 0; index < values.length; index++) {
    const value = values[index] as number
    if ((value < low || value >= high) && value !== exception) {
      const expected = `an integer in [${low}, ${high})${exception === undefined ? '' : ` or ${exception}`}`
      refuse(check.input, index, `${expected} (${check.reason})`, value)
    }
  }
}

function checkStarts(check: InputCheck & { kind: 'starts' }, starts: Int32Array): void {
  starts.forEach((start, row) => {
    if (start > row) refuse(check.input, row, `at most ${row}, the row itself`, start)
  })
}

/** Every page that a row will read or write must be one of the pool. */
function checkPages(check: InputCheck & { kind: 'pages' }, inputs: RunInputs): void {
  const table = integers(inputs, check.pageTable)
  const positions = integers(inputs, check.positions)
  const width = table.length / check.tableRows
  const pagesOf = new Map<number, number>()
  integers(inputs, check.sequences).forEach((sequence, row) => {
    if (sequence < 0) return
    if (sequence >= check.tableRows) refuse(check.sequences, row, `less than ${check.tableRows}`, sequence)
    const position = present(positions[row], 'position')
    const highest = width * check.pageSize
    if (position < 0 || position >= highest) refuse(check.positions, row, `an integer in [0, ${highest})`, position)
    pagesOf.set(sequence, Math.max(pagesOf.get(sequence) ?? 0, Math.floor(position / check.pageSize) + 1))
  })
  for (const [sequence, count] of pagesOf) {
    for (let index = sequence * width; index < sequence * width + count; index++) {
      const page = present(table[index], 'page')
      if (page < 0 || page >= check.pages) refuse(check.pageTable, index, `a page in [0, ${check.pages})`, page)
    }
  }
}

/**
 * Refuses index vectors that would make a kernel touch memory that is not its own. The inputs have their declared types.
 *
 * @throws PocketPhiError `invalid-argument`
 */
export function checkIndices(checks: readonly InputCheck[], inputs: RunInputs): void {
  for (const check of checks) {
    if (check.kind === 'range') checkRange(check, integers(inputs, check.input))
    else if (check.kind === 'starts') checkStarts(check, integers(inputs, check.input))
    else checkPages(check, inputs)
  }
}
