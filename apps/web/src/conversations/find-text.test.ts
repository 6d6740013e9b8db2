import { describe, expect, it } from 'vitest'
import { findIn } from './find-text.ts'
import type { Heading, Thread, Turn } from './thread.ts'

const heading: Heading = { id: 'a', title: 'Des idées', created: 0, updated: 0 }

function threadOf(...contents: readonly string[]): Thread {
  const turns = contents.map((content, index): Turn => ({ id: index + 1, parent: index, role: 'user', content, at: 0 }))
  return { id: 'a', system: '', turns, chosen: {} }
}

describe('findIn', () => {
  it('finds words whatever their case and accents, in any order, in messages and the title', () => {
    const thread = threadOf('What is a HAMMER used for?', 'To hit nails.')
    expect(findIn(heading, thread, 'nails hammer')?.heading).toBe(heading)
    expect(findIn(heading, thread, 'IDEES')).toEqual({ heading, excerpt: '' })
    expect(findIn(heading, thread, 'hammer saw')).toBeUndefined()
    expect(findIn(heading, thread, '  ')).toBeUndefined()
  })

  it('shows the text around the first place', () => {
    const thread = threadOf(`${'before '.repeat(20)}\n\nthe needle ${'after '.repeat(30)}`)
    const { excerpt = '' } = findIn(heading, thread, 'needle') ?? {}
    expect(excerpt).toMatch(/^….*before the needle after.*…$/)
    expect(excerpt.length).toBeLessThan(130)
  })
})
