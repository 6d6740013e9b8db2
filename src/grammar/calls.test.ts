/** Calls of functions as a grammar, on texts drawn from it and on texts that are none. */
import { describe, expect, it } from 'vitest'
import { Random } from '../base/random.ts'
import { Automaton, type State } from './automaton.ts'
import { callsGrammar, type CallRules } from './calls.ts'
import { firstControl } from './expression.ts'
import { textWithout } from './free-text.ts'
import { jsonGrammar } from './json.ts'
import { randomText } from './random-text-harness.ts'

const place = {
  type: 'object',
  properties: { city: { type: 'string', maxLength: 4 }, days: { $ref: '#/$defs/days' } },
  required: ['city'],
  $defs: { days: { type: 'integer', minimum: 1, maximum: 9 } },
}
const rules: CallRules = {
  functions: [{ name: 'weather', schema: place }, { name: 'anything' }],
  open: 'CALL',
  close: '',
  most: 2,
}
const spelled = (): boolean => false

function takes(automaton: Automaton, text: string): boolean {
  return automaton.accepts(new TextEncoder().encode(text))
}

describe('calls', () => {
  const automaton = new Automaton(callsGrammar(rules, undefined, spelled))

  it.each([
    ['CALL[{"name": "weather", "arguments": {"city": "Oslo"}}]', true],
    ['CALL[{"name":"weather","arguments":{"city":"Oslo","days":3}}]', true],
    ['CALL[{"name": "anything", "arguments": {"x": [1, {"y": null}]}}]', true],
    ['CALL[{"name": "anything", "arguments": {}}, {"name": "weather", "arguments": {"city": "Rome"}}]', true],
    ['CALL[{"name": "weather", "arguments": {"city": "London"}}]', false],
    ['CALL[{"name": "weather", "arguments": {"city": "Rome", "days": 10}}]', false],
    ['CALL[{"name": "weather", "arguments": {"town": "Rome"}}]', false],
    ['CALL[{"name": "weather", "arguments": "Rome"}]', false],
    ['CALL[{"name": "other", "arguments": {}}]', false],
    ['CALL[{"name": "anything", "arguments": []}]', false],
    ['CALL[]', false],
    [
      'CALL[{"name": "anything", "arguments": {}},{"name": "anything", "arguments": {}},{"name": "anything", "arguments": {}}]',
      false,
    ],
    ['[{"name": "anything", "arguments": {}}]', false],
    ['Hello', false],
  ])('are taken as they are said to be: %s is %s', (text, isTaken) => {
    expect(takes(automaton, text)).toBe(isTaken)
  })

  it('are JSON of such calls, whatever is drawn', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const text = randomText(automaton, new Random(seed), 90)
      expect(text.startsWith('CALL[')).toBe(true)
      const calls = JSON.parse(text.slice(4)) as readonly { readonly name: string; readonly arguments: object }[]
      expect(calls.length).toBeGreaterThan(0)
      expect(calls.length).toBeLessThanOrEqual(2)
      for (const call of calls) {
        expect(Object.keys(call)).toEqual(['name', 'arguments'])
        expect(['weather', 'anything']).toContain(call.name)
      }
    }
  })

  it('may follow words, or be left out', () => {
    const free = new Automaton(callsGrammar(rules, 'free', spelled))
    const call = 'CALL[{"name": "anything", "arguments": {}}]'
    for (const text of ['', 'Ça va? 🙂', 'CAL', 'CALCALCA', call, `I look. ${call}`, `CACAL${call}`]) {
      expect(takes(free, text), text).toBe(true)
    }
    for (const text of ['CALL', 'a CALL b', `${call} and more`, `${call}${call}`])
      expect(takes(free, text), text).toBe(false)
  })

  it('may have another format beside them', () => {
    const either = new Automaton(callsGrammar(rules, jsonGrammar, spelled))
    expect(takes(either, '{"a": 1}')).toBe(true)
    expect(takes(either, 'CALL[{"name": "anything", "arguments": {}}]')).toBe(true)
    expect(takes(either, 'words')).toBe(false)
  })

  it('stand between control tokens where there are such, and never between their spellings', () => {
    const native = { ...rules, open: '<|c|>', close: '<|/c|>' }
    const controlled = new Automaton(callsGrammar(native, 'free', (spelling) => spelling.startsWith('<|')))
    const list = new TextEncoder().encode('[{"name": "anything", "arguments": {}}]')
    const after = (symbols: Iterable<number>): State | undefined => {
      let state: State | undefined = controlled.start
      for (const symbol of symbols) state = state && controlled.step(state, symbol)
      return state
    }
    const whole = after([0x61, firstControl, ...list, firstControl + 1])
    expect(whole?.isComplete).toBe(true)
    expect(whole?.waiting).toEqual([])
    expect(after([firstControl, ...list])?.isComplete).toBe(false)
    expect(after([firstControl + 1])).toBeUndefined()
    expect(takes(controlled, '<|c|>')).toBe(false)
    expect(takes(controlled, '<|c|')).toBe(true)
  })

  it('are refused with a schema that cannot be held to, by the name of the function', () => {
    const odd = { ...rules, functions: [{ name: 'odd', schema: { type: 'object', patternProperties: {} } }] }
    expect(() => callsGrammar(odd, 'free', spelled)).toThrow(/"patternProperties".*odd #/)
  })
})

describe('text without a marker', () => {
  it.each(['a', 'aab', 'abab', 'functools', '<|tool_call|>'])('is any other text: %s', (marker) => {
    const automaton = new Automaton(textWithout(marker))
    const random = new Random(7)
    const letters = [...marker, 'é', ' ', 'z']
    for (let round = 0; round < 500; round++) {
      const length = random.integer(0, 3 * marker.length)
      const text = Array.from({ length }, () => random.pick(letters)).join('')
      expect(takes(automaton, text), text).toBe(!text.includes(marker))
      const around = text + marker + text
      expect(takes(automaton, around), around).toBe(false)
    }
  })
})
