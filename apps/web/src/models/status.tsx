import type { ModelFacts } from 'pocket-phi/worker'
import { Button } from '../app/button.tsx'
import { ErrorNotice, Notice } from '../app/notice.tsx'
import { changeSettings, settings, type Settings } from '../settings/settings.ts'
import { loadModel, reloadModel, session } from './session.ts'

/** What keeps the model from answering, if anything does, and the way out. */
export function ModelStatus() {
  const { value } = session
  const choose = (
    <a class="button plain" href="#/models">
      Models
    </a>
  )
  if (value.state === 'elsewhere') {
    return (
      <Notice
        actions={
          <Button kind="primary" onClick={() => void loadModel(value.choice, { steal: true })}>
            Use it here
          </Button>
        }
      >
        A model is loaded in another tab. One tab at a time can have one, because memory is scarce.
      </Notice>
    )
  }
  if (value.state === 'loading' && value.loss !== undefined) {
    return <Notice>{value.loss} The model is being loaded again.</Notice>
  }
  if (value.state === 'empty') return <Notice actions={choose}>No model is loaded.</Notice>
  if (value.state !== 'failed') return undefined
  const { choice, error, previous } = value
  // Files stay what they are.
  const isLasting = error.code === 'invalid-file' || (error.code === 'not-found' && choice.kind !== 'shipped')
  return (
    <ErrorNotice error={error}>
      {previous === undefined ? undefined : (
        <Button kind="primary" onClick={() => void loadModel(previous)}>
          Back to {shortName(previous.name)}
        </Button>
      )}
      {isLasting ? undefined : (
        <>
          <Button icon="retry" onClick={() => void loadModel(choice)}>
            Try again
          </Button>
          <OtherBackend />
        </>
      )}
      {choose}
    </ErrorNotice>
  )
}

/** Another way for a model that could not be loaded. */
function OtherBackend() {
  const run = (backend: Settings['backend']): void => {
    changeSettings({ backend })
    reloadModel()
  }
  switch (settings.value.backend) {
    case 'webgpu':
      return <Button onClick={() => run('auto')}>Choose automatically</Button>
    case 'auto':
      return <Button onClick={() => run('wasm')}>Use the processor</Button>
    case 'wasm':
      return undefined
  }
}

/** In the words of people. */
export function describeBackend({ backend, execution }: Pick<ModelFacts, 'backend' | 'execution'>): string {
  if (backend === 'webgpu') return 'the GPU (webgpu)'
  const { threads } = execution
  return `the processor (${backend}, ${threads === 0 ? 'one thread' : `${threads} threads`})`
}

/** The name of the model in the bar, and how far it is. */
export function ModelChip() {
  const { value } = session
  const name = 'name' in value ? shortName(value.name) : 'No model'
  const isLoading = value.state === 'loading'
  const progress = isLoading && value.progress !== undefined && value.progress.total > 0 ? value.progress : undefined
  return (
    <a class={`chip ${value.state}`} href="#/models" title="Models">
      <span class="dot" aria-hidden="true" />
      <span class="name">{name}</span>
      <span class="unseen">{isLoading ? ', loading' : value.state === 'ready' ? ', ready' : ''}</span>
      {progress === undefined ? undefined : (
        <span class="figures">{Math.floor((progress.done / progress.total) * 100)} %</span>
      )}
    </a>
  )
}

/** Without its publisher. */
export function shortName(name: string): string {
  return name.slice(name.indexOf('/') + 1)
}
