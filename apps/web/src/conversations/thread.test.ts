import { describe, expect, it } from 'vitest'
import { addTurn, branchesOf, changeTurn, chooseBranch, newThread, removeTurn, shownTurns, titleOf } from './thread.ts'
import type { Thread, Turn } from './thread.ts'

function say(thread: Thread, parent: number, role: Turn['role'], content: string) {
  return addTurn(thread, { parent, role, content, at: 0 })
}

/** A question with two answers, the second of which was asked about further. */
function forked() {
  const question = say(newThread('a', ''), 0, 'user', 'question')
  const first = say(question.thread, question.turn.id, 'assistant', 'first')
  const second = say(first.thread, question.turn.id, 'assistant', 'second')
  const further = say(second.thread, second.turn.id, 'user', 'further')
  return { thread: further.thread, question: question.turn, first: first.turn, second: second.turn }
}

const shown = (thread: Thread): string[] => shownTurns(thread).map(({ content }) => content)

describe('a thread', () => {
  it('shows the newest branch, and each other when it is chosen', () => {
    const { thread, first, second } = forked()
    expect(shown(thread)).toEqual(['question', 'second', 'further'])
    expect(shown(chooseBranch(thread, first))).toEqual(['question', 'first'])
    expect(shown(chooseBranch(chooseBranch(thread, first), second))).toEqual(['question', 'second', 'further'])
    expect(branchesOf(thread, second).map(({ content }) => content)).toEqual(['first', 'second'])
  })

  it('an edited first question is a branch of its own', () => {
    const { thread, question } = forked()
    const edited = say(thread, 0, 'user', 'other question')
    expect(shown(edited.thread)).toEqual(['other question'])
    expect(shown(chooseBranch(edited.thread, question))).toEqual(['question', 'second', 'further'])
  })

  it('a turn is taken back with what follows it, and the other branch is shown', () => {
    const { thread, second } = forked()
    const left = removeTurn(thread, second.id)
    expect(shown(left)).toEqual(['question', 'first'])
    expect(left.turns).toHaveLength(2)
    expect(Object.values(left.chosen)).not.toContain(second.id)
  })

  it('changes one turn and leaves the thread before it alone', () => {
    const { thread, first } = forked()
    const changed = changeTurn(thread, first.id, { content: 'better' })
    expect(changed.turns[1]?.content).toBe('better')
    expect(thread.turns[1]?.content).toBe('first')
  })

  it('is called by the first words of the first question', () => {
    expect(titleOf(newThread('a', ''))).toBe('New conversation')
    expect(titleOf(forked().thread)).toBe('question')
    const pictures = [{ id: 'p', name: 'p.png', width: 4, height: 2 }]
    const wordless = addTurn(newThread('a', ''), { parent: 0, role: 'user', content: '', pictures, at: 0 }).thread
    expect(titleOf(wordless)).toBe('A picture')
    const long = say(newThread('a', ''), 0, 'user', `what  is\n${'long '.repeat(30)}`).thread
    expect(titleOf(long)).toMatch(/^what is long (?:long )+…$/)
    expect(titleOf(long).length).toBeLessThan(64)
  })
})
