import { describe, expect, it } from 'vitest'
import { parseLines } from './lines.ts'

describe('lines', () => {
  it('are conversations of one turn', () => {
    expect(parseLines(' a? =>  b \n\nc=>d')).toEqual([
      [
        { role: 'user', content: 'a?' },
        { role: 'assistant', content: 'b' },
      ],
      [
        { role: 'user', content: 'c' },
        { role: 'assistant', content: 'd' },
      ],
    ])
  })

  it.each(['a', '=> b', 'a =>', 'a => b => c'])('of another form are refused by their number: %s', (line) => {
    expect(() => parseLines(`x => y\n${line}`)).toThrow('Line 2')
  })
})
