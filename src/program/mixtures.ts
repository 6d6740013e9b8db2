/** Mixtures of experts in programs: which parameters a pass reads only where a row chose their expert. */
import type { TensorType } from '../base/dtype.ts'
import { valueOf, type Program, type Value, type ValueId } from './program.ts'

/** The experts among which one routing chooses, as of a layer. */
export interface Mixture {
  /** The matrices of all of its experts, by name, in the order of first use. */
  readonly matrices: ReadonlyMap<string, TensorType>
}

/** The parameters of an operation that it reads for chosen experts alone; none for other operations. */
function matricesIn(values: readonly Value[], kind: string, transposed: boolean): readonly Value[] {
  return kind === 'expertMatmul' && !transposed ? values.slice(2).filter(({ origin }) => origin === 'parameter') : []
}

/** The mixtures of the programs, in the order of first use, with the matrices that nothing else reads. */
export function mixturesOf(programs: readonly Program[]): Mixture[] {
  const readAlways = new Set<string>()
  const mixtures = new Map<string, Map<string, TensorType>>()
  for (const program of programs) {
    const keys = new Map<ValueId | undefined, string>()
    for (const { kind, inputs, attributes } of program.operations) {
      const values = inputs.map((id) => valueOf(program, id))
      const chosen = matricesIn(values, kind, attributes['transposed'] === true)
      const [first] = chosen
      for (const value of values) {
        if (value.origin === 'parameter' && !chosen.includes(value)) readAlways.add(value.name)
      }
      if (first === undefined) continue
      // Operations over one routing are one mixture, which has the same name in all programs.
      const key = keys.get(inputs[1]) ?? first.name
      // Which of them are chosen has to be known from one routing.
      const isChosenTwice = !keys.has(inputs[1]) && [...keys.values()].includes(key)
      if (isChosenTwice) for (const { name } of chosen) readAlways.add(name)
      keys.set(inputs[1], key)
      const matrices = mixtures.get(key) ?? new Map<string, TensorType>()
      mixtures.set(key, matrices)
      for (const { name, type } of chosen) matrices.set(name, type)
    }
  }
  return [...mixtures.values()]
    .map((matrices) => ({ matrices: new Map([...matrices].filter(([name]) => !readAlways.has(name))) }))
    .filter(({ matrices }) => matrices.size > 0)
}
