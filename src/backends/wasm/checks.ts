import { PocketPhiError, present } from '../../base/errors.ts'
import type { RunInputs } from '../backend.ts'
import type { InputCheck } from './steps.ts'

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
