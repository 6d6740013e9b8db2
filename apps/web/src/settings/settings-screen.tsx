import { useSignal } from '@preact/signals'
import type { ErrorData, SamplingOptions } from 'pocket-phi/worker'
import { Button } from '../app/button.tsx'
import { Confirm } from '../app/dialog.tsx'
import { errorData } from '../app/errors.ts'
import { saveFile } from '../app/files.ts'
import { ErrorNotice } from '../app/notice.tsx'
import { Icon } from '../app/icons.tsx'
import { Screen } from '../app/screen.tsx'
import { exportAll, headings, importFrom, removeAll } from '../conversations/conversations.ts'
import { session } from '../models/session.ts'
import { Choices } from './choices.tsx'
import { Computing } from './computing.tsx'
import { NumberField } from './number-field.tsx'
import { changeSettings, removeSetting, settings, type Settings } from './settings.ts'

export function SettingsScreen() {
  return (
    <Screen title="Settings">
      <Appearance />
      <Computing />
      <SystemPrompt />
      <Sampling />
      <Conversations />
      <About />
    </Screen>
  )
}

const themes: readonly (readonly [Settings['theme'], string])[] = [
  ['system', 'Automatic'],
  ['light', 'Light'],
  ['dark', 'Dark'],
]

function Appearance() {
  return (
    <section>
      <h2>Appearance</h2>
      <Choices
        legend="Colours"
        options={themes}
        value={settings.value.theme}
        onChange={(theme) => changeSettings({ theme })}
      />
      <label class="switch">
        <input
          type="checkbox"
          checked={settings.value.showSpeed}
          onChange={({ currentTarget }) => changeSettings({ showSpeed: currentTarget.checked })}
        />
        <span>Show the speed of every answer</span>
      </label>
    </section>
  )
}

function SystemPrompt() {
  return (
    <section>
      <h2>System prompt</h2>
      <p class="quiet" id="system-help">
        What new conversations tell the model before they begin. phi-nano knows nothing of such instructions.
      </p>
      <textarea
        class="growing"
        rows={3}
        aria-label="System prompt"
        aria-describedby="system-help"
        placeholder="You answer briefly."
        value={settings.value.system}
        onInput={({ currentTarget }) => changeSettings({ system: currentTarget.value })}
      />
    </section>
  )
}

interface SamplingField {
  readonly name: keyof SamplingOptions
  readonly label: string
  readonly about: string
  readonly min: number
  readonly max?: number
  readonly step: number
  /** What a model has that says nothing. */
  readonly usual: number
}

const fields: readonly SamplingField[] = [
  { name: 'temperature', label: 'Temperature', about: '0 takes the likeliest word', min: 0, step: 0.1, usual: 0 },
  { name: 'topK', label: 'Top k', about: 'only so many of the likeliest; 0 for all', min: 0, step: 1, usual: 0 },
  {
    name: 'topP',
    label: 'Top p',
    about: 'only the likeliest up to this share',
    min: 0.05,
    max: 1,
    step: 0.05,
    usual: 1,
  },
  {
    name: 'minP',
    label: 'Min p',
    about: 'only those this likely next to the first',
    min: 0,
    max: 1,
    step: 0.05,
    usual: 0,
  },
  { name: 'repetitionPenalty', label: 'Repetition', about: 'above 1 repeats less', min: 0.1, step: 0.05, usual: 1 },
]

function Sampling() {
  const { sampling, maxTokens, seed } = settings.value
  const own = session.value.state === 'ready' ? session.value.model.sampling : {}
  const change = (name: keyof SamplingOptions, value: number | undefined): void => {
    const { [name]: _before, ...others } = sampling
    changeSettings({ sampling: value === undefined ? others : { ...others, [name]: value } })
  }
  return (
    <section>
      <h2>How words are chosen</h2>
      <p class="quiet">Fields that are empty are as the model has them.</p>
      <div class="fields">
        {fields.map(({ name, usual, ...field }) => (
          <NumberField
            key={name}
            {...field}
            value={sampling[name]}
            placeholder={String(own[name] ?? usual)}
            onChange={(value) => change(name, value)}
          />
        ))}
        <NumberField
          label="Longest answer"
          about="in tokens"
          min={1}
          step={1}
          value={maxTokens}
          placeholder="no limit"
          onChange={(value) => setOptional('maxTokens', value)}
        />
        <NumberField
          label="Seed"
          about="the same one draws the same words"
          min={0}
          step={1}
          value={seed}
          placeholder="random"
          onChange={(value) => setOptional('seed', value)}
        />
      </div>
    </section>
  )
}

function setOptional(name: 'maxTokens' | 'seed', value: number | undefined): void {
  if (value === undefined) removeSetting(name)
  else changeSettings({ [name]: value })
}

function Conversations() {
  const isDeleted = useSignal(false)
  const said = useSignal('')
  const failure = useSignal<ErrorData | undefined>(undefined)
  const count = headings.value.length
  const save = async (): Promise<void> => {
    failure.value = undefined
    try {
      saveFile('pocket-phi-conversations.json', await exportAll(), 'application/json')
    } catch (error) {
      failure.value = errorData(error)
    }
  }
  const load = async ({ currentTarget }: { readonly currentTarget: HTMLInputElement }): Promise<void> => {
    const [file] = currentTarget.files ?? []
    if (file === undefined) return
    failure.value = undefined
    said.value = ''
    try {
      const imported = await importFrom(await file.text())
      said.value = imported === 1 ? 'One conversation was added.' : `${imported} conversations were added.`
    } catch (error) {
      failure.value = errorData(error)
    }
    currentTarget.value = ''
  }
  return (
    <section>
      <h2>Conversations</h2>
      <p class="quiet">
        {count === 1 ? 'One conversation is kept' : `${count === 0 ? 'No' : count} conversations are kept`} on this
        device. They are nowhere else.
      </p>
      <div class="row">
        <Button icon="download" disabled={count === 0} onClick={() => void save()}>
          Export
        </Button>
        <label class="button plain">
          <Icon name="folder" />
          Import …
          <input class="unseen" type="file" accept=".json,application/json" onChange={(event) => void load(event)} />
        </label>
        <Button icon="trash" disabled={count === 0} onClick={() => (isDeleted.value = true)}>
          Delete all
        </Button>
      </div>
      <p role="status">{said}</p>
      {failure.value === undefined ? undefined : <ErrorNotice error={failure.value} />}
      {isDeleted.value ? (
        <Confirm
          title="Delete all conversations?"
          action="Delete all"
          onConfirm={() => void removeAll()}
          onClose={() => (isDeleted.value = false)}
        >
          They are only on this device and cannot be brought back. Export them first to keep them.
        </Confirm>
      ) : undefined}
    </section>
  )
}

function About() {
  return (
    <section>
      <h2>Privacy</h2>
      <p class="quiet">
        The page, the model and what you write stay on this device. The policy of the page lets it ask nobody but the
        server that it came from, and of its workers only the one that downloads models may ask the Hugging Face hub;
        what you write never reaches that one.
      </p>
    </section>
  )
}
