import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { IconButton } from './button.tsx'
import { isListOpen } from './layout.ts'

interface ScreenProps {
  readonly title: string
  readonly children: ComponentChildren
}

/** A screen beside the chat. Its heading gets the focus, so that a screen reader says where one is. */
export function Screen({ title, children }: ScreenProps) {
  const heading = useRef<HTMLHeadingElement>(null)
  useLayoutEffect(() => heading.current?.focus(), [])
  return (
    <main class="screen">
      <header class="bar">
        <IconButton class="list-button" icon="menu" label="Conversations" onClick={() => (isListOpen.value = true)} />
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
      </header>
      <div class="scroll">
        <div class="column">{children}</div>
      </div>
    </main>
  )
}
