import { useSignal } from '@preact/signals'
import { Button } from '../app/button.tsx'
import { Icon } from '../app/icons.tsx'
import { activities, inspectModel, storedModels } from './library.ts'
import { catalogue } from './catalogue.ts'
import { HubCard } from './model-card.tsx'
import { loadModel } from './session.ts'

/** An attribute that types know as a property only. */
function takeFolders(input: HTMLInputElement | null): void {
  if (input !== null) input.webkitdirectory = true
}

/** Opens a model that lies on this device; it is not copied. */
export function OpenLocal() {
  const use = ({ currentTarget }: { readonly currentTarget: HTMLInputElement }): void => {
    const files = [...(currentTarget.files ?? [])]
    const [first] = files
    if (first === undefined) return
    const folder = first.webkitRelativePath.split('/')[0]
    const weights = files.find(({ name }) => /\.(?:gguf|safetensors)$/i.test(name)) ?? first
    const name = folder === undefined || folder === '' ? weights.name : folder
    void loadModel({ kind: 'local', name, files })
    currentTarget.value = ''
  }
  return (
    <div class="row">
      <label class="button plain">
        <Icon name="folder" />
        Open a file …
        <input class="unseen" type="file" multiple accept=".gguf,.safetensors,.json" onChange={use} />
      </label>
      <label class="button plain">
        <Icon name="folder" />
        Open a folder …
        <input class="unseen" type="file" ref={takeFolders} onChange={use} />
      </label>
    </div>
  )
}

/** Any other model of the hub. */
export function AddByName() {
  const name = useSignal('')
  const asked = useSignal<readonly string[]>([])
  const known = new Set([...catalogue.map((entry) => entry.name), ...storedModels.value.map((model) => model.name)])
  const look = (): void => {
    const wanted = name.value.trim()
    if (wanted === '') return
    if (!known.has(wanted) && !asked.value.includes(wanted)) asked.value = [...asked.value, wanted]
    if (activities.value.get(wanted)?.state !== 'downloading') void inspectModel(wanted)
    name.value = ''
  }
  return (
    <>
      <ul class="cards">
        {asked.value
          .filter((one) => !known.has(one))
          .map((one) => (
            <HubCard key={one} name={one} />
          ))}
      </ul>
      <form
        class="by-name"
        onSubmit={(event) => {
          event.preventDefault()
          look()
        }}
      >
        <label>
          <span>Another model by its name</span>
          <input
            type="text"
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            placeholder="ORG/NAME or ORG/NAME:FILE"
            value={name.value}
            onInput={({ currentTarget }) => (name.value = currentTarget.value)}
          />
        </label>
        <Button icon="search" onClick={look}>
          Look up
        </Button>
      </form>
    </>
  )
}
