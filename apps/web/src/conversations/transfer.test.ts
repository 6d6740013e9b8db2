import { describe, expect, it } from 'vitest'
import { addTurn, chooseBranch, newThread, shownTurns } from './thread.ts'
import {
  formatConversations,
  formatMarkdown,
  parseConversations,
  type Conversation,
  type WholeConversation,
} from './transfer.ts'

function conversation(): Conversation {
  const question = addTurn(newThread('a', 'Be brief.'), { parent: 0, role: 'user', content: 'one?', at: 1 })
  const first = addTurn(question.thread, { parent: 1, role: 'assistant', content: 'first', at: 2 })
  const second = addTurn(first.thread, { parent: 1, role: 'assistant', content: 'second', at: 3 })
  const thread = chooseBranch(second.thread, first.turn)
  return { heading: { id: 'a', title: 'One', created: 1, updated: 3 }, thread }
}

async function exported(...conversations: readonly WholeConversation[]): Promise<string> {
  const file = await formatConversations(
    (async function* all() {
      yield* conversations
    })(),
  )
  return await file.text()
}

/** The question of `conversation` with two pictures, one of which has no file. */
function pictured(): WholeConversation {
  const { heading, thread } = conversation()
  const shown = (id: string) => ({ id, name: `${id}.png`, width: 4, height: 2 })
  const turns = thread.turns.map((turn) => {
    return turn.role === 'user' ? { ...turn, pictures: [shown('p'), shown('lost')] } : turn
  })
  const file = new Blob([Uint8Array.of(1, 2, 255)], { type: 'image/png' })
  return { heading, thread: { ...thread, turns }, pictures: [{ id: 'p', conversation: 'a', file }] }
}

describe('conversations as files', () => {
  it('have their pictures, under names of their own', async () => {
    const [back, other] = parseConversations(await exported(pictured(), pictured()))
    const [kept] = back?.pictures ?? []
    expect(kept?.conversation).toBe(back?.thread.id)
    expect(kept?.id).not.toBe('p')
    expect(kept?.id).not.toBe(other?.pictures[0]?.id)
    expect(kept?.file.type).toBe('image/png')
    expect([...new Uint8Array((await kept?.file.arrayBuffer()) ?? new ArrayBuffer(0))]).toEqual([1, 2, 255])
    expect(back?.thread.turns[0]?.pictures).toEqual([{ id: kept?.id, name: 'p.png', width: 4, height: 2 }])
  })

  it.each([
    ['a script', 'data:text/html;base64,PGI+'],
    ['a drawing that may ask for others', 'data:image/svg+xml;base64,PGI+'],
    ['an address', 'https://example.org/a.png'],
    ['no base64', 'data:image/png;base64,???'],
    ['nothing', null],
  ])('take no picture of %s', async (_title, dataUrl) => {
    const json = JSON.parse(await exported(pictured())) as { conversations: { pictures: Record<string, unknown> }[] }
    if (json.conversations[0] !== undefined) json.conversations[0].pictures['p'] = dataUrl
    const [back] = parseConversations(JSON.stringify(json))
    expect(back?.pictures).toEqual([])
    expect(back?.thread.turns[0]).not.toHaveProperty('pictures')
  })

  it('say in Markdown what was shown', () => {
    expect(formatMarkdown(pictured())).toContain(
      '**You**\n\n*Picture: p.png, 4 × 2*\n\n*Picture: lost.png, 4 × 2*\n\none?',
    )
  })

  it('keep the sources of answers, but for what is none, and name those that are cited in Markdown', async () => {
    const { heading, thread } = conversation()
    const sources = ['Boats', 'Trains'].map((title) => ({ title, address: `${title}.txt`, text: 'words' }))
    const withSources = (given: unknown): string => {
      const turns = thread.turns.map((turn) => {
        return turn.role === 'user' ? turn : { ...turn, content: 'At noon [2].', sources: given }
      })
      const conversations = [{ heading, thread: { ...thread, turns }, pictures: {} }]
      return JSON.stringify({ format: 'pocket-phi-conversations', version: 1, conversations })
    }
    const [back] = parseConversations(withSources(sources))
    expect(back?.thread.turns[1]?.sources).toEqual(sources)
    expect(back && formatMarkdown(back)).toContain('At noon [2].\n\n- [2] Trains (Trains.txt)\n')
    expect(parseConversations(await exported(...(back ? [back] : [])))[0]?.thread.turns[1]?.sources).toEqual(sources)
    for (const given of ['x', [7, { title: 'x' }], {}]) {
      expect(parseConversations(withSources(given))[0]?.thread.turns[1]).not.toHaveProperty('sources')
    }
  })

  it('come back with all branches, under names of their own', async () => {
    const { heading, thread } = conversation()
    const [back] = parseConversations(await exported({ heading, thread, pictures: [] }))
    expect(back?.heading.id).not.toBe('a')
    expect(back?.thread.id).toBe(back?.heading.id)
    expect(back).toMatchObject({
      heading: { title: 'One', updated: 3 },
      thread: { system: 'Be brief.', turns: thread.turns },
    })
    expect(back && shownTurns(back.thread).map(({ content }) => content)).toEqual(['one?', 'first'])
  })

  it('keep how an answer was made, where all of it is there', () => {
    const usage = {
      promptTokens: 1,
      reusedTokens: 0,
      generatedTokens: 1,
      guessedTokens: 0,
      acceptedTokens: 0,
      promptSeconds: 1,
      generationSeconds: 1,
      promptTokensPerSecond: 1,
      generatedTokensPerSecond: 1,
    }
    const facts = { model: 'm', finish: 'stop', usage, seed: 1, dropped: 0 } as const
    const { heading, thread } = conversation()
    const factsAfter = (made: unknown): unknown => {
      const turns = thread.turns.map((turn) => ({ ...turn, facts: made }))
      return parseConversations(
        JSON.stringify({
          format: 'pocket-phi-conversations',
          version: 1,
          conversations: [{ heading, thread: { ...thread, turns } }],
        }),
      )[0]?.thread.turns[1]?.facts
    }
    expect(factsAfter(facts)).toEqual(facts)
    expect(factsAfter({ ...facts, usage: { promptTokens: 1 } })).toBeUndefined()
    expect(factsAfter({ ...facts, finish: 'other' })).toBeUndefined()
  })

  it('are read as phi chat saves them', () => {
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'one?' },
      { role: 'assistant', content: 'first' },
    ]
    const [back] = parseConversations(JSON.stringify({ messages }))
    expect(back?.heading.title).toBe('one?')
    expect(back?.thread.system).toBe('Be brief.')
    expect(back?.thread.turns.map(({ parent, content }) => [parent, content])).toEqual([
      [0, 'one?'],
      [1, 'first'],
    ])
  })

  it('are Markdown for people: the branch that is shown', () => {
    expect(formatMarkdown(conversation())).toBe('# One\n\n**You**\n\none?\n\n**Phi**\n\nfirst\n')
  })

  it.each([
    ['no JSON', 'one?'],
    ['a list', '[]'],
    ['another format', '{"format": "x", "version": 1, "conversations": []}'],
    ['a later version', '{"format": "pocket-phi-conversations", "version": 2, "conversations": []}'],
    ['a message without content', '{"messages": [{"role": "user"}]}'],
    ['a message of a tool', '{"messages": [{"role": "tool", "content": "x"}]}'],
    [
      'two messages of one name',
      '{"format": "pocket-phi-conversations", "version": 1, "conversations": [{"heading": {}, "thread": {"turns": [{"id": 1, "parent": 0, "role": "user", "content": "x", "at": 0}, {"id": 1, "parent": 0, "role": "user", "content": "y", "at": 0}]}}]}',
    ],
    [
      'a message that follows itself',
      '{"format": "pocket-phi-conversations", "version": 1, "conversations": [{"heading": {}, "thread": {"turns": [{"id": 1, "parent": 1, "role": "user", "content": "x", "at": 0}]}}]}',
    ],
  ])('are refused: %s', (_title, text) => {
    expect(() => parseConversations(text)).toThrow('The file holds no conversations.')
  })
})
