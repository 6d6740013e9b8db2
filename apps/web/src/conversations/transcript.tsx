import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { IconButton } from '../app/button.tsx'
import { live } from './answering.ts'
import { thread } from './conversations.ts'
import { Message } from './message.tsx'
import { System } from './system.tsx'
import { shownTurns } from './thread.ts'

/** Within so many pixels of its end a transcript follows what is written. */
const nearEnd = 48

function isAtEnd({ scrollHeight, scrollTop, clientHeight }: HTMLElement): boolean {
  return scrollHeight - scrollTop - clientHeight < nearEnd
}

/** What was said. Its end stays in sight as an answer is written and as the window changes, unless its reader has gone back to read something else. */
export function Transcript({ children }: { readonly children: ComponentChildren }) {
  const scroll = useRef<HTMLDivElement>(null)
  const follows = useSignal(true)
  const { value } = thread
  const turns = shownTurns(value)
  const toEnd = (): void => {
    follows.value = true
    scroll.current?.scrollTo({ top: scroll.current.scrollHeight })
  }
  const follow = (): void => {
    if (follows.peek() && scroll.current !== null) scroll.current.scrollTop = scroll.current.scrollHeight
  }
  useEffect(toEnd, [value.id, turns.length])
  const { text } = live.value ?? {}
  useLayoutEffect(follow, [text])
  useEffect(() => {
    // A smaller window, or a keyboard, leaves less room above the place where one writes.
    const sizes = new ResizeObserver(follow)
    if (scroll.current !== null) sizes.observe(scroll.current)
    return () => sizes.disconnect()
  }, [])
  return (
    <div
      ref={scroll}
      class="scroll transcript"
      onScroll={({ currentTarget }) => (follows.value = isAtEnd(currentTarget))}
    >
      <div class="column">
        <System />
        {turns.map((turn) => (
          <Message key={`${value.id} ${turn.id}`} turn={turn} />
        ))}
        {children}
      </div>
      {follows.value || turns.length === 0 ? undefined : (
        <IconButton class="round to-end" icon="down" label="To the end" onClick={toEnd} />
      )}
    </div>
  )
}
