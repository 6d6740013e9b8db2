import { IconButton } from '../app/button.tsx'
import { isListOpen } from '../app/layout.ts'
import { ErrorNotice, Notice } from '../app/notice.tsx'
import { open } from '../app/route.ts'
import { ModelChip, ModelStatus } from '../models/status.tsx'
import { Composer } from './composer.tsx'
import { isMissing, thread, unkept } from './conversations.ts'
import { titleOf } from './thread.ts'
import { Transcript } from './transcript.tsx'
import { Welcome } from './welcome.tsx'

export function ChatScreen() {
  const isEmpty = thread.value.turns.length === 0
  return (
    <main class="screen chat" aria-label="Chat">
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
        {isMissing.value ? <Notice>This conversation is not on this device, or was deleted.</Notice> : undefined}
        {isEmpty && !isMissing.value ? <Welcome /> : undefined}
        <ModelStatus />
        {unkept.value === undefined ? undefined : <ErrorNotice error={unkept.value} />}
      </Transcript>
      <Composer />
    </main>
  )
}
