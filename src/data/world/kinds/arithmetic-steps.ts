/**
 * Worked steps. The same few forms every time, so that a small model can learn the method and not the results: ones
 * first, then tens, then their sum; equal steps down to zero for the times table.
 */
export interface Worked {
  /** "We add: 27 + 48." */
  readonly lead: string
  /** The steps, complete sentences. */
  readonly steps: string
  readonly result: number
}

const tensOf = (value: number): number => value - (value % 10)

export function workAddition(first: number, second: number): Worked {
  const result = first + second
  const lead = `add: ${first} + ${second}.`
  if (first < 10 && second < 10) return { lead, steps: `${first} + ${second} = ${result}.`, result }
  const ones = (first % 10) + (second % 10)
  const tens = tensOf(first) + tensOf(second)
  const tensStep =
    first < 10 || second < 10 ? `Tens: ${tens}.` : `Tens: ${tensOf(first)} + ${tensOf(second)} = ${tens}.`
  const steps = `Ones: ${first % 10} + ${second % 10} = ${ones}. ${tensStep} ${tens} + ${ones} = ${result}.`
  return { lead, steps, result }
}

export function workSubtraction(first: number, second: number): Worked {
  const result = first - second
  const lead = `subtract: ${first} - ${second}.`
  if (first < 20 && second < 10) return { lead, steps: `${first} - ${second} = ${result}.`, result }
  const low = first % 10
  const take = second % 10
  const borrows = low < take
  const ones = borrows ? low + 10 - take : low - take
  const onesStep = borrows
    ? `Ones: ${low} is less than ${take}, so take a ten: ${low + 10} - ${take} = ${ones}.`
    : `Ones: ${low} - ${take} = ${ones}.`
  const left = tensOf(first) - (borrows ? 10 : 0)
  const tens = left - tensOf(second)
  const tensStep = second < 10 ? `Tens: ${left}.` : `Tens: ${left} - ${tensOf(second)} = ${tens}.`
  return { lead, steps: `${onesStep} ${tensStep} ${tens} + ${ones} = ${result}.`, result }
}

/**
 * "8 and 2 to go, 16 and 1 to go, 24 and 0 to go": the end is where nothing is to go. A chain that ends where a number
 * of the question is reached was learned by heart, pair by pair, and never for a pair that had not come.
 */
function addAgain(each: number, groups: number): string {
  return Array.from({ length: groups }, (_, index) => `${each * (index + 1)} and ${groups - index - 1} to go`).join(
    ', ',
  )
}

export function workMultiplication(groups: number, each: number): Worked {
  const result = groups * each
  const lead = `multiply: ${groups} × ${each}.`
  return { lead, steps: `Add ${each} each time: ${addAgain(each, groups)}. ${groups} × ${each} = ${result}.`, result }
}

/** "1 leaves 16, 2 leave 8, 3 leave 0": here too the end is a zero. */
function takeAgain(total: number, divisor: number): string {
  return Array.from({ length: total / divisor }, (_, index) => {
    const left = total - divisor * (index + 1)
    return index === 0 ? `1 leaves ${left}` : `${index + 1} leave ${left}`
  }).join(', ')
}

export function workDivision(total: number, divisor: number): Worked {
  const result = total / divisor
  const lead = `divide: ${total} ÷ ${divisor}.`
  const steps = `Take ${divisor} away each time: ${takeAgain(total, divisor)}. ${total} ÷ ${divisor} = ${result}.`
  return { lead, steps, result }
}

/** Which of two different numbers is bigger; the result is the one that was asked for. */
export function workComparison(first: number, second: number, word: 'bigger' | 'smaller'): Worked {
  const big = Math.max(first, second)
  const small = Math.min(first, second)
  const result = word === 'bigger' ? big : small
  const other = word === 'bigger' ? small : big
  const lead = `compare: ${first} and ${second}.`
  const tens = [Math.floor(first / 10), Math.floor(second / 10)] as const
  const relation = (one: number, two: number): string => `${one} is ${one > two ? 'more' : 'less'} than ${two}.`
  const steps =
    tens[0] === tens[1]
      ? `Tens: ${tens[0]} and ${tens[1]} are the same. Ones: ${relation(first % 10, second % 10)}`
      : `Tens: ${relation(tens[0], tens[1])}`
  return { lead, steps: `${steps} So ${result} is ${word} than ${other}.`, result }
}
