import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { IconButton } from '../app/button.tsx'
import { takeDrops } from '../app/drops.ts'
import { isListOpen } from '../app/layout.ts'
import { ErrorNotice, Notice } from '../app/notice.tsx'
import { open } from '../app/route.ts'
import { ModelChip, ModelStatus } from '../models/status.tsx'
import { attach } from './attachments.ts'
import { Composer } from './composer.tsx'
import { opened, thread, unkept } from './conversations.ts'
import { titleOf } from './thread.ts'
import { Transcript } from './transcript.tsx'
import { Welcome } from './welcome.tsx'

export function ChatScreen() {
  const isEmpty = thread.value.turns.length === 0
  const { value } = opened
  const screen = useRef<HTMLElement>(null)
  const isTarget = useSignal(false)
  const take = ({ files }: DataTransfer): void => attach([...files])
  useEffect(() => (screen.current === null ? undefined : takeDrops(screen.current, isTarget, take)), [])
  return (
    <main ref={screen} class={`screen chat ${isTarget.value ? 'target' : ''}`} aria-label="Chat">
      <header class="bar">
        <IconButton class="list-button" icon="menu" label="Conversations" onClick={() => (isListOpen.value = true)} />
        <ModelChip />
        <IconButton
          class="list-button"
          icon="plus"
          label="New conversation"
          disabled={isEmpty}
          onClick={() => open({ screen: 'chat', conversation: undefined })}
        />
      </header>
      {isEmpty ? undefined : <h1 class="unseen">{titleOf(thread.value)}</h1>}
      <Transcript>
        {value.state === 'missing' ? (
          <Notice>This conversation is not on this device, or was deleted.</Notice>
        ) : undefined}
        {value.state === 'failed' ? <ErrorNotice error={value.error} /> : undefined}
        {isEmpty && value.state === 'here' ? <Welcome /> : undefined}
        <ModelStatus />
        {unkept.value === undefined ? undefined : <ErrorNotice error={unkept.value} />}
      </Transcript>
      <Composer />
    </main>
  )
}
