import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { formatBytes, type MemoryPlan } from 'pocket-phi/worker'
import { Button } from '../app/button.tsx'
import { Confirm } from '../app/dialog.tsx'
import { ErrorNotice } from '../app/notice.tsx'
import { ProgressBar } from '../app/progress.tsx'
import { shippedModel } from './catalogue.ts'
import { verdictOn, verdictTexts } from './device.ts'
import {
  activities,
  downloadModel,
  inspected,
  inspectModel,
  removeModel,
  storedModels,
  type Activity,
} from './library.ts'
import { loadModel, session } from './session.ts'
import { choiceOf } from './sources.ts'
import { describeBackend, shortName } from './status.tsx'
import type { BrokenFolder, StoredModel } from './stored.ts'

interface CardProps {
  readonly title: string
  readonly about: ComponentChildren
  readonly children?: ComponentChildren
}

function Card({ title, about, children }: CardProps) {
  return (
    <li class="card">
      <h3>{title}</h3>
      <p class="quiet">{about}</p>
      {children}
    </li>
  )
}

/** Loads a model, or says that it is loaded and what it takes. */
function Use({ name }: { readonly name: string }) {
  const { value } = session
  if (!('name' in value) || value.name !== name || value.state === 'failed' || value.state === 'elsewhere') {
    return (
      <Button kind="primary" onClick={() => void loadModel(choiceOf(name))}>
        Use
      </Button>
    )
  }
  if (value.state === 'loading') return <ProgressBar label="Loading" progress={value.progress} />
  return <Loaded name={name} />
}

function Loaded({ name }: { readonly name: string }) {
  const { value } = session
  if (value.state !== 'ready' || value.name !== name) return undefined
  const { memory, context, execution } = value.model
  const { fallback } = execution
  return (
    <details class="loaded">
      <summary>In use</summary>
      <dl class="facts">
        <Fact name="Memory" value={describeMemory(memory)} />
        <Fact name="Context" value={`${context} tokens`} />
        <Fact name="Runs on" value={describeBackend(value.model)} />
        <Fact name="Why" value={value.reason} />
        <Fact name="Loaded in" value={`${value.seconds.toFixed(2)} s`} />
        {fallback === undefined ? undefined : <Fact name="Slower because" value={fallback} />}
      </dl>
    </details>
  )
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}

function describeMemory({ total, parameters, states, scratch }: MemoryPlan): string {
  const parts = `${formatBytes(parameters)} weights, ${formatBytes(states)} cache, ${formatBytes(scratch)} work`
  return `${formatBytes(total)} (${parts})`
}

export function ShippedCard() {
  return (
    <Card title={shippedModel} about="4 million parameters, 2.5 MB: comes with the page, knows a small invented world">
      <Use name={shippedModel} />
    </Card>
  )
}

/** A model that was opened for this visit. */
export function LoadedCard({ name }: { readonly name: string }) {
  return (
    <Card title={name} about="Opened from a file, until the page is closed">
      <Loaded name={name} />
    </Card>
  )
}

/** A folder of which nobody knows any more what is in it. */
export function BrokenCard({ folder: { name, bytes } }: { readonly folder: BrokenFolder }) {
  const activity = activities.value.get(name)
  return (
    <Card title={name} about={`${formatBytes(bytes)} of a model whose list of files cannot be read any more`}>
      {activity?.state === 'failed' ? <ErrorNotice error={activity.error} /> : undefined}
      <div class="row">
        <DeleteButton name={name} bytes={bytes} />
      </div>
    </Card>
  )
}

interface DeleteButtonProps {
  readonly name: string
  readonly bytes: number
}

function DeleteButton({ name, bytes }: DeleteButtonProps) {
  const isAsked = useSignal(false)
  return (
    <>
      <Button icon="trash" onClick={() => (isAsked.value = true)}>
        Delete
      </Button>
      {isAsked.value ? (
        <Confirm
          title={`Delete ${shortName(name)}?`}
          action="Delete"
          onConfirm={() => void removeModel(name)}
          onClose={() => (isAsked.value = false)}
        >
          {formatBytes(bytes)} would have to be downloaded again.
        </Confirm>
      ) : undefined}
    </>
  )
}

interface HubCardProps {
  readonly name: string
  readonly title?: string
  readonly about?: string
}

/** A model of the hub: not here, on its way, or here. */
export function HubCard({ name, title = shortName(name), about = name }: HubCardProps) {
  const stored = storedModels.value.find((model) => model.name === name)
  const activity = activities.value.get(name)
  return (
    <Card title={title} about={<About name={name} about={about} stored={stored} />}>
      {activity?.state === 'failed' ? <ErrorNotice error={activity.error} /> : undefined}
      {activity !== undefined && activity.state !== 'failed' ? (
        <Running activity={activity} />
      ) : (
        <Actions name={name} stored={stored} />
      )}
    </Card>
  )
}

interface AboutProps extends HubCardProps {
  readonly stored: StoredModel | undefined
}

function About({ name, about, stored }: AboutProps) {
  const model = inspected.value.get(name)
  const bytes = model?.bytes ?? stored?.bytes
  const size = bytes === undefined ? undefined : formatBytes(bytes)
  return (
    <>
      {about}
      {size === undefined ? undefined : `, ${size}`}
      {stored === undefined || stored.isWhole ? undefined : `, of which ${formatBytes(stored.received)} are here`}
      {model === undefined ? undefined : <Fit bytes={model.memory.total} context={model.memory.contextTokens} />}
    </>
  )
}

function Fit({ bytes, context }: { readonly bytes: number; readonly context: number }) {
  const verdict = verdictOn(bytes)
  return (
    <span class={`fit ${verdict}`}>
      Takes {formatBytes(bytes)} of memory with a context of {context} tokens: {verdictTexts[verdict]}.
    </span>
  )
}

function Running({ activity }: { readonly activity: Exclude<Activity, { state: 'failed' }> }) {
  const isDownload = activity.state === 'downloading'
  return (
    <>
      <ProgressBar label={isDownload ? 'Starting the download' : 'Asking the hub'} progress={activity.progress} />
      <div class="row">
        <Button icon={isDownload ? 'pause' : 'close'} onClick={activity.stop}>
          {isDownload ? 'Pause' : 'Cancel'}
        </Button>
      </div>
    </>
  )
}

function Actions({ name, stored }: { readonly name: string; readonly stored: StoredModel | undefined }) {
  const isWhole = stored?.isWhole === true
  return (
    <div class="row">
      {isWhole ? <Use name={name} /> : undefined}
      {isWhole ? undefined : (
        <Button
          kind={stored === undefined ? 'plain' : 'primary'}
          icon="download"
          onClick={() => void downloadModel(name)}
        >
          {stored === undefined ? 'Download' : 'Go on'}
        </Button>
      )}
      {isWhole || inspected.value.has(name) ? undefined : (
        <Button onClick={() => void inspectModel(name)}>Size and memory</Button>
      )}
      {stored === undefined ? undefined : <DeleteButton name={name} bytes={stored.received} />}
    </div>
  )
}
