import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { formatBytes } from 'pocket-phi/worker'
import { Button, IconButton } from '../app/button.tsx'
import { Confirm } from '../app/dialog.tsx'
import { takeDrops } from '../app/drops.ts'
import { Icon } from '../app/icons.tsx'
import { ErrorNotice } from '../app/notice.tsx'
import { ProgressBar } from '../app/progress.tsx'
import { Screen } from '../app/screen.tsx'
import { changeSettings, settings } from '../settings/settings.ts'
import type { KeptDocument } from './documents-calls.ts'
import { addDocuments, documentFailures, documents, reading, refreshDocuments, removeDocuments } from './documents.ts'
import { chosenFiles, droppedFiles } from './given-files.ts'

const formats = '.txt,.text,.md,.html,.htm,.xhtml,.jsonl,.ndjson'

/** What answers can be taken from. */
export function DocumentsScreen() {
  useEffect(() => void refreshDocuments(), [])
  const place = useRef<HTMLDivElement>(null)
  const isTarget = useSignal(false)
  const take = (dropped: DataTransfer): void => void addDocuments((report) => droppedFiles(dropped, report))
  useEffect(() => (place.current === null ? undefined : takeDrops(place.current, isTarget, take)), [])
  return (
    <Screen title="Documents">
      <p class="quiet">
        Each question can be looked up in your own files, and answered from what they say. They are read here and leave
        this device no more than your conversations do. It takes a model that reads well: phi-nano hardly does.
      </p>
      <div ref={place} class={`documents-place ${isTarget.value ? 'target' : ''}`}>
        <Choosers />
        <p class="quiet fine">Text, Markdown, HTML and JSON Lines. Files and folders can be dropped here, too.</p>
      </div>
      {reading.value === undefined ? undefined : <ProgressBar label="Reading documents" progress={reading.value} />}
      {documentFailures.value.map((failure) => (
        <ErrorNotice error={failure} />
      ))}
      <Kept />
    </Screen>
  )
}

/** An attribute that types know as a property only. */
function takeFolders(input: HTMLInputElement | null): void {
  if (input !== null) input.webkitdirectory = true
}

function Choosers() {
  const choose = ({ currentTarget }: { readonly currentTarget: HTMLInputElement }): void => {
    void addDocuments(() => chosenFiles(currentTarget.files ?? []))
    currentTarget.value = ''
  }
  const isBusy = reading.value !== undefined
  return (
    <div class="row">
      <label class="button plain">
        <Icon name="document" />
        Add files …
        <input class="unseen" type="file" multiple accept={formats} disabled={isBusy} onChange={choose} />
      </label>
      {'webkitdirectory' in HTMLInputElement.prototype ? (
        <label class="button plain">
          <Icon name="folder" />
          Add a folder …
          <input class="unseen" type="file" ref={takeFolders} disabled={isBusy} onChange={choose} />
        </label>
      ) : undefined}
    </div>
  )
}

function counted(count: number, one: string): string {
  return count === 1 ? `One ${one}` : `${count} ${one}s`
}

function Kept() {
  const isDeleted = useSignal(false)
  const kept = documents.value
  if (kept.length === 0) return <p class="quiet">No document is here yet.</p>
  const sum = (of: (document: KeptDocument) => number): number =>
    kept.reduce((total, document) => total + of(document), 0)
  return (
    <section>
      <h2>On this device</h2>
      <label class="switch">
        <input
          type="checkbox"
          checked={settings.value.fromDocuments}
          onChange={({ currentTarget }) => changeSettings({ fromDocuments: currentTarget.checked })}
        />
        <span>Answer questions from these documents</span>
      </label>
      <ul class="documents">
        {kept.map((document) => (
          <Row key={document.name} document={document} />
        ))}
      </ul>
      <div class="row">
        <span class="quiet figures">
          {counted(kept.length, 'document')}, {sum(({ passages }) => passages)} passages,{' '}
          {formatBytes(sum(({ room }) => room))}
        </span>
        <Button icon="trash" onClick={() => (isDeleted.value = true)}>
          Remove all
        </Button>
      </div>
      {isDeleted.value ? (
        <Confirm
          title="Remove all documents?"
          action="Remove all"
          onConfirm={() => void removeDocuments(kept.map(({ name }) => name))}
          onClose={() => (isDeleted.value = false)}
        >
          What was read of them is removed from this page. The files themselves stay where they are.
        </Confirm>
      ) : undefined}
    </section>
  )
}

function Row({ document: { name, passages, room, skipped } }: { readonly document: KeptDocument }) {
  const left = skipped.map(([reason, count]) => `${count} left out: ${reason}`)
  return (
    <li>
      <span class="name">{name}</span>
      <span class="quiet figures">
        {[passages === 1 ? '1 passage' : `${passages} passages`, formatBytes(room), ...left].join(', ')}
      </span>
      <IconButton icon="close" label={`Remove ${name}`} onClick={() => void removeDocuments([name])} />
    </li>
  )
}
