import { signal, useSignal } from '@preact/signals'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { IconButton } from '../app/button.tsx'
import { Confirm } from '../app/dialog.tsx'
import { saveFile } from '../app/files.ts'
import { Icon, type IconName } from '../app/icons.tsx'
import { isListOpen } from '../app/layout.ts'
import { ErrorNotice } from '../app/notice.tsx'
import { addressOf, route, type Destination } from '../app/route.ts'
import { exportMarkdown, headings, inList, listFailure, remove, rename, thread } from './conversations.ts'
import type { Found } from './find-text.ts'
import { search } from './search.ts'
import type { Heading } from './thread.ts'

const query = signal('')
const found = signal<readonly Found[]>([])

function close(): void {
  isListOpen.value = false
}

/** The conversations of this device, and the way to the other screens. */
export function Sidebar() {
  const isOpen = isListOpen.value
  const panel = useRef<HTMLElement>(null)
  useLayoutEffect(() => {
    if (!isOpen) return undefined
    panel.current?.querySelector<HTMLElement>('a, button')?.focus()
    const closeByKey = ({ key }: KeyboardEvent): void => {
      if (key === 'Escape') close()
    }
    document.addEventListener('keydown', closeByKey)
    return () => document.removeEventListener('keydown', closeByKey)
  }, [isOpen])
  return (
    <>
      {isOpen ? <div class="shade" aria-hidden="true" onClick={close} /> : undefined}
      <nav ref={panel} class={`sidebar ${isOpen ? 'open' : ''}`} aria-label="Conversations">
        <div class="bar">
          <a class="new" href="#/" onClick={close}>
            <Icon name="plus" />
            New conversation
          </a>
          <IconButton class="list-button" icon="close" label="Close the list" onClick={close} />
        </div>
        <Search />
        {listFailure.value === undefined ? undefined : <ErrorNotice error={listFailure.value} />}
        <List />
        <footer>
          <Place to={{ screen: 'models' }} icon="model" label="Models" />
          <Place to={{ screen: 'documents' }} icon="document" label="Documents" />
          <Place to={{ screen: 'benchmark' }} icon="gauge" label="Benchmark" />
          <Place to={{ screen: 'settings' }} icon="settings" label="Settings" />
        </footer>
      </nav>
    </>
  )
}

interface PlaceProps {
  readonly to: Destination
  readonly icon: IconName
  readonly label: string
}

function Place({ to, icon, label }: PlaceProps) {
  const isHere = route.value.screen === to.screen
  return (
    <a class="place" href={addressOf(to)} aria-current={isHere ? 'page' : undefined}>
      <Icon name={icon} />
      {label}
    </a>
  )
}

function Search() {
  const { value } = query
  useEffect(() => {
    const controller = new AbortController()
    const look = async (): Promise<void> => {
      const places = await search(value, controller.signal)
      if (!controller.signal.aborted) found.value = places
    }
    void look()
    return () => controller.abort()
  }, [value, headings.value])
  if (headings.value.length === 0) return undefined
  return (
    <label class="search">
      <Icon name="search" />
      <span class="unseen">Search in conversations</span>
      <input
        type="search"
        placeholder="Search"
        value={value}
        onInput={({ currentTarget }) => (query.value = currentTarget.value)}
      />
    </label>
  )
}

function List() {
  const isSearch = query.value.trim() !== ''
  const rows: readonly Found[] = isSearch ? found.value : headings.value.map((heading) => ({ heading, excerpt: '' }))
  if (rows.length === 0) {
    return (
      <p class="quiet empty">{isSearch ? 'Nothing was found.' : 'What you talk about is kept here, on this device.'}</p>
    )
  }
  return (
    <ul class="conversations">
      {rows.map(({ heading, excerpt }) => (
        <Row key={heading.id} heading={heading} excerpt={excerpt} />
      ))}
    </ul>
  )
}

function Row({ heading, excerpt }: Found) {
  const isRenamed = useSignal(false)
  const isDeleted = useSignal(false)
  const isOpen = route.value.screen === 'chat' && thread.value.id === heading.id
  if (isRenamed.value) return <RenamedRow heading={heading} onDone={() => (isRenamed.value = false)} />
  return (
    <li class={isOpen ? 'open' : ''}>
      <a href={addressOf({ screen: 'chat', conversation: heading.id })} aria-current={isOpen ? 'page' : undefined}>
        <span class="title">{heading.title}</span>
        {excerpt === '' ? undefined : <span class="excerpt">{excerpt}</span>}
      </a>
      <span class="row-tools">
        <IconButton icon="edit" label={`Rename ${heading.title}`} onClick={() => (isRenamed.value = true)} />
        <IconButton
          icon="download"
          label={`Save ${heading.title} as Markdown`}
          onClick={() => void saveMarkdown(heading)}
        />
        <IconButton icon="trash" label={`Delete ${heading.title}`} onClick={() => (isDeleted.value = true)} />
      </span>
      {isDeleted.value ? (
        <Confirm
          title="Delete this conversation?"
          action="Delete"
          onConfirm={() => void remove(heading)}
          onClose={() => (isDeleted.value = false)}
        >
          “{heading.title}” is only on this device and cannot be brought back.
        </Confirm>
      ) : undefined}
    </li>
  )
}

interface RenamedRowProps {
  readonly heading: Heading
  readonly onDone: () => void
}

function RenamedRow({ heading, onDone }: RenamedRowProps) {
  const input = useRef<HTMLInputElement>(null)
  useLayoutEffect(() => input.current?.select(), [])
  const finish = (): void => {
    const title = input.current?.value.trim() ?? ''
    if (title !== '' && title !== heading.title) void rename(heading, title)
    onDone()
  }
  return (
    <li>
      <input
        ref={input}
        class="rename"
        aria-label="Title"
        defaultValue={heading.title}
        onBlur={finish}
        onKeyDown={({ key }) => {
          if (key === 'Enter') finish()
          if (key === 'Escape') onDone()
        }}
      />
    </li>
  )
}

async function saveMarkdown(heading: Heading): Promise<void> {
  const name = heading.title.replaceAll(/[^\p{L}\p{N}]+/gu, '-').slice(0, 40)
  await inList('The conversation could not be saved.', async () => {
    saveFile(`${name || 'conversation'}.md`, await exportMarkdown(heading), 'text/markdown')
  })
}
