import { useEffect } from 'preact/hooks'
import { formatBytes } from 'pocket-phi/worker'
import { ErrorNotice } from '../app/notice.tsx'
import { Screen } from '../app/screen.tsx'
import { catalogue, shippedModel } from './catalogue.ts'
import { activities, brokenFolders, libraryFailure, refreshLibrary, storage, storedModels } from './library.ts'
import { AddByName, OpenLocal } from './add-model.tsx'
import { BrokenCard, HubCard, LoadedCard, ShippedCard } from './model-card.tsx'
import { session } from './session.ts'
import { ModelStatus } from './status.tsx'
import { folderOf } from './stored.ts'

/** Models that are here, and those that can be had. */
export function ModelsScreen() {
  useEffect(() => void refreshLibrary(), [])
  const stored = storedModels.value.map(({ name }) => name)
  // A download begins in a folder that does not say yet what is in it.
  const begun = new Set([...activities.value.keys()].filter((name) => name !== folderOf(name)).map(folderOf))
  const broken = brokenFolders.value.filter(({ name }) => !begun.has(name))
  const { value } = session
  const isLocal = 'name' in value && value.name !== shippedModel && !stored.includes(value.name)
  const others = catalogue.filter(({ name }) => !stored.includes(name))
  return (
    <Screen title="Models">
      <ModelStatus />
      <h2>On this device</h2>
      {libraryFailure.value === undefined ? undefined : <ErrorNotice error={libraryFailure.value} />}
      <ul class="cards">
        {isLocal ? <LoadedCard name={value.name} /> : undefined}
        <ShippedCard />
        {stored.map((name) => (
          <HubCard key={name} name={name} />
        ))}
        {broken.map((folder) => (
          <BrokenCard key={folder.name} folder={folder} />
        ))}
      </ul>
      <OpenLocal />
      <h2>From the hub</h2>
      <p class="quiet">
        Downloads come from the Hugging Face hub and stay on this device. They are the only thing that this page asks
        anyone for.
      </p>
      <ul class="cards">
        {others.map(({ name, title, about }) => (
          <HubCard key={name} name={name} title={title} about={about} />
        ))}
      </ul>
      <AddByName />
      <StorageLine />
    </Screen>
  )
}

function StorageLine() {
  if (storage.value === undefined) return undefined
  const { usage, quota } = storage.value
  return (
    <div class="storage">
      <div class="progress-text">
        <span>Storage of this page</span>
        <span class="figures">
          {formatBytes(usage)} of {formatBytes(quota)}
        </span>
      </div>
      <meter aria-label="Storage of this page" value={usage} max={quota} />
    </div>
  )
}
