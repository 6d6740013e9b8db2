import { useSignal } from '@preact/signals'
import { Button } from '../app/button.tsx'
import { setSystem, thread } from './conversations.ts'
import { Editor } from './editor.tsx'

/** What the model was told before the conversation began. */
export function System() {
  const { system, id } = thread.value
  const isEdited = useSignal(false)
  if (id === '' || system === '') return undefined
  const close = (): void => {
    isEdited.value = false
  }
  return (
    <details class="system">
      <summary>System prompt</summary>
      {isEdited.value ? (
        <Editor
          text={system}
          label="Edit the system prompt"
          action="Keep"
          onCancel={close}
          onSubmit={(text) => {
            close()
            void setSystem(text)
          }}
        />
      ) : (
        <>
          <p>{system}</p>
          <Button icon="edit" onClick={() => (isEdited.value = true)}>
            Edit
          </Button>
        </>
      )}
    </details>
  )
}
