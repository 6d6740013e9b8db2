/** Texts of a grammar, drawn at random. */
import type { Random } from '../base/random.ts'
import type { Automaton, State } from './automaton.ts'

/** The bytes that may come next. */
export function nextBytes(automaton: Automaton, state: State): number[] {
  return Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => automaton.step(state, byte) !== undefined)
}

/** A text that fits. After `length` bytes it is brought to the nearest end. */
export function randomText(automaton: Automaton, random: Random, length: number): string {
  const bytes: number[] = []
  let state = automaton.start
  while (bytes.length < length && !(state.isComplete && random.float() < 0.2)) {
    const choices = nextBytes(automaton, state)
    if (choices.length === 0) break
    const byte = drawn(choices, random)
    bytes.push(byte)
    state = automaton.step(state, byte) ?? fail()
  }
  if (!state.isComplete) bytes.push(...nearestEnd(automaton, state))
  return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes))
}

/** Marks as often as letters, so that texts have an inner structure. */
function drawn(choices: readonly number[], random: Random): number {
  const marks = choices.filter((byte) => '"{}[],:\\'.includes(String.fromCharCode(byte)))
  const list = marks.length > 0 && random.float() < 0.4 ? marks : choices
  return list[random.integer(0, list.length)] ?? fail()
}

/** The bytes of a shortest way to an end. */
function nearestEnd(automaton: Automaton, from: State): number[] {
  const way: number[] = []
  let state = from
  while (!state.isComplete) {
    const steps = nextBytes(automaton, state).map((byte) => ({ byte, next: automaton.step(state, byte) ?? fail() }))
    const nearer = steps.find(({ next }) => automaton.bytesToEnd(next) < automaton.bytesToEnd(state)) ?? fail()
    way.push(nearer.byte)
    state = nearer.next
  }
  return way
}

function fail(): never {
  throw new Error('defect: no way to an end')
}
