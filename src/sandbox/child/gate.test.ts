import { expect, test } from 'vitest'
import { Ended } from './ends.ts'
import { Gate, type Rule } from './gate.ts'

/**
 * `(module (import "host" NAME (func $f (param i32) (result i32))) (func (export "call") (param i32) (result i32) (call $f (local.get 0))))`
 */
function moduleCalling(name: string): WebAssembly.Module {
  const text = (value: string): number[] => [value.length, ...new TextEncoder().encode(value)]
  const section = (id: number, ...bytes: readonly number[]): number[] => [id, bytes.length, ...bytes]
  return new WebAssembly.Module(
    new Uint8Array([
      ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      ...section(1, 1, 0x60, 1, 0x7f, 1, 0x7f),
      ...section(2, 1, ...text('host'), ...text(name), 0, 0),
      ...section(3, 1, 0),
      ...section(7, 1, ...text('call'), 0, 1),
      ...section(10, 1, 6, 0, 0x20, 0, 0x10, 0, 0x0b),
    ]),
  )
}

type Call = (value: number) => number

function instance(gate: Gate, name: string, inner: unknown): Call {
  const imports = gate.imports({ host: { [name]: inner as WebAssembly.ImportValue } })
  return new WebAssembly.Instance(moduleCalling(name), imports).exports['call'] as Call
}

const double: Call = (value) => 2 * value
const pass: Rule = (_, call) => call()

test('all functions are called before the gate is locked, and those with a rule after it', () => {
  const gate = new Gate(
    new Map<string, Rule>([
      ['allowed', pass],
      ['changed', ([value = 0]) => -value],
    ]),
  )
  const [allowed, changed, other] = ['allowed', 'changed', 'other'].map((name) =>
    instance(gate, name, (value: number) => double(value)),
  )
  expect([allowed?.(3), changed?.(3), other?.(3)]).toEqual([6, 6, 6])
  gate.lock()
  expect([allowed?.(3), changed?.(3)]).toEqual([6, -3])
  expect(() => other?.(3)).toThrow(Ended)
  expect(gate.ended?.ending).toEqual({ kind: 'refused', request: 'other' })
})

test('nothing is done once something was refused, and the first refusal counts', () => {
  const gate = new Gate(new Map([['allowed', pass]]))
  let calls = 0
  const allowed = instance(gate, 'allowed', () => ++calls)
  const other = instance(gate, 'other', double)
  gate.lock()
  expect(allowed(0)).toBe(1)
  expect(() => other(0)).toThrow(Ended)
  expect(() => allowed(0)).toThrow(Ended)
  expect(() => instance(gate, 'third', double)(0)).toThrow(Ended)
  expect([calls, gate.ended?.ending]).toEqual([1, { kind: 'refused', request: 'other' }])
})

test('a function keeps its name when it is imported under another', () => {
  const gate = new Gate(new Map([['allowed', pass]]))
  instance(gate, 'allowed', double)
  const again = instance(gate, 'f', double)
  const hidden: Call = (value) => value
  instance(gate, 'secret', hidden)
  const disguised = instance(gate, 'allowed', hidden)
  gate.lock()
  expect(again(3)).toBe(6)
  expect(() => disguised(3)).toThrow(Ended)
  expect(gate.ended?.ending).toEqual({ kind: 'refused', request: 'secret' })
})

test('what is neither a function nor data is not let through', () => {
  expect(() => instance(new Gate(new Map()), 'odd', {})).toThrow('The import "odd" is neither a function nor data.')
})
