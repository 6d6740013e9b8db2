import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { Button, IconButton } from '../app/button.tsx'
import { ErrorNotice } from '../app/notice.tsx'
import { ProgressBar } from '../app/progress.tsx'
import { Sources } from '../documents/sources-view.tsx'
import { settings } from '../settings/settings.ts'
import { edit, isAnswering, live, regenerate, turnKey, writtenTurn } from './answering.ts'
import { showBranch, thread } from './conversations.ts'
import { CopyButton } from './copy-button.tsx'
import { Editor } from './editor.tsx'
import { Facts } from './facts.tsx'
import { Markdown } from './markdown.tsx'
import { Picture } from './picture.tsx'
import { branchesOf, type Turn } from './thread.ts'

interface MessageProps {
  readonly turn: Turn
}

export function Message({ turn }: MessageProps) {
  return turn.role === 'user' ? <Question turn={turn} /> : <Answer turn={turn} />
}

function Question({ turn }: MessageProps) {
  const isEdited = useSignal(false)
  const close = (): void => {
    isEdited.value = false
  }
  return (
    <article class="message question" aria-label="You">
      {isEdited.value ? (
        <Editor
          text={turn.content}
          label="Edit the question"
          action="Ask"
          isBusy={isAnswering.value}
          onCancel={close}
          onSubmit={(text) => {
            if (edit(turn, text)) close()
          }}
        />
      ) : (
        <>
          <Pictures turn={turn} />
          {turn.content === '' ? undefined : <div class="bubble">{turn.content}</div>}
          <Tools turn={turn}>
            <IconButton icon="edit" label="Edit" disabled={isAnswering.value} onClick={() => (isEdited.value = true)} />
            <CopyButton text={turn.content} label="Copy question" />
          </Tools>
        </>
      )}
    </article>
  )
}

function Pictures({ turn: { pictures = [] } }: MessageProps) {
  if (pictures.length === 0) return undefined
  return (
    <ul class="pictures" aria-label="Pictures">
      {pictures.map(({ id, name }) => (
        <li key={id}>
          <Picture id={id} name={name} />
        </li>
      ))}
    </ul>
  )
}

function Answer({ turn }: MessageProps) {
  const isOpen = useSignal(false)
  if (writtenTurn.value === turnKey(thread.value.id, turn.id)) return <WrittenAnswer />
  const { content, error, facts, sources } = turn
  const again = (
    <Button icon="retry" disabled={isAnswering.value} onClick={() => regenerate(turn)}>
      Try again
    </Button>
  )
  return (
    <article class="message answer" aria-label="Phi">
      {content === '' ? undefined : <Markdown text={content} />}
      {sources === undefined || error !== undefined ? undefined : <Sources answer={content} sources={sources} />}
      {error === undefined ? undefined : <ErrorNotice error={error}>{again}</ErrorNotice>}
      {turn.isUnfinished === true ? (
        <p class="quiet aside">This answer was broken off when the page was closed. {again}</p>
      ) : undefined}
      {facts?.finish === 'aborted' ? <p class="quiet aside">You stopped this answer. {again}</p> : undefined}
      {facts?.dropped ? (
        <p class="quiet aside">The oldest {facts.dropped} messages no longer fitted and were left out.</p>
      ) : undefined}
      {facts?.finish === 'context-full' ? (
        <p class="quiet aside">The conversation is as long as the model can read. Start a new one to go on.</p>
      ) : undefined}
      <Tools turn={turn}>
        <CopyButton text={content} label="Copy answer" />
        <IconButton icon="retry" label="Answer again" disabled={isAnswering.value} onClick={() => regenerate(turn)} />
        {facts === undefined ? undefined : (
          <IconButton
            icon="gauge"
            label="Speed"
            expanded={isOpen.value}
            onClick={() => (isOpen.value = !isOpen.value)}
          />
        )}
      </Tools>
      {facts !== undefined && (isOpen.value || settings.value.showSpeed) ? <Facts facts={facts} /> : undefined}
    </article>
  )
}

/** An answer that is being written. */
function WrittenAnswer() {
  const { text = '', progress } = live.value ?? {}
  return (
    <article class="message answer writing" aria-label="Phi" aria-busy="true">
      {text === '' && progress === undefined ? (
        <p class="thinking" aria-hidden="true">
          <span />
          <span />
          <span />
        </p>
      ) : undefined}
      {progress === undefined ? undefined : <ProgressBar label="Reading the conversation" progress={progress} />}
      <Markdown text={text} />
      {/* The room of the tools, so that nothing moves when they come. */}
      <div class="tools" aria-hidden="true" />
    </article>
  )
}

interface ToolsProps extends MessageProps {
  readonly children: ComponentChildren
}

function Tools({ turn, children }: ToolsProps) {
  return (
    <div class="tools">
      <Branches turn={turn} />
      {children}
    </div>
  )
}

/** Steps through what was said in this place. */
function Branches({ turn }: MessageProps) {
  const branches = branchesOf(thread.value, turn)
  const at = branches.findIndex(({ id }) => id === turn.id)
  if (branches.length < 2) return undefined
  const step = (icon: 'back' | 'forward', label: string, to: Turn | undefined) => (
    <IconButton
      icon={icon}
      label={label}
      disabled={to === undefined || isAnswering.value}
      onClick={() => to && void showBranch(to)}
    />
  )
  return (
    <span class="branches" role="group" aria-label={`Version ${at + 1} of ${branches.length}`}>
      {step('back', 'Version before', branches[at - 1])}
      <span class="figures">
        {at + 1} / {branches.length}
      </span>
      {step('forward', 'Version after', branches[at + 1])}
    </span>
  )
}
