import { isAnswering } from '../conversations/answering.ts'
import { reloadModel, session } from '../models/session.ts'
import { describeBackend, ModelStatus } from '../models/status.tsx'
import { Choices } from './choices.tsx'
import { changeSettings, removeSetting, settings, type Settings } from './settings.ts'

const backends: readonly (readonly [Settings['backend'], string])[] = [
  ['auto', 'Automatic'],
  ['webgpu', 'GPU'],
  ['wasm', 'Processor'],
]

/** Tokens. A model whose own limit is less has that. */
const contexts = [512, 1024, 2048, 4096, 8192, 16_384, 32_768]

/** What the model runs on and how much it may read; a change loads it again. */
export function Computing() {
  const { backend, maxContext } = settings.value
  const { value } = session
  return (
    <section>
      <h2>What the model runs on</h2>
      <Choices
        legend="What the model runs on"
        options={backends}
        value={backend}
        disabled={isAnswering.value}
        onChange={(chosen) => {
          changeSettings({ backend: chosen })
          reloadModel()
        }}
      />
      <p class="quiet" role="status">
        {value.state === 'loading' ? 'The model is being loaded.' : undefined}
        {value.state === 'ready' ? `Now ${describeBackend(value.model)}. Why: ${value.reason}.` : undefined}
      </p>
      <ModelStatus />
      <div class="fields">
        <label class="number-field">
          <span>
            Context
            <small>how much of a conversation the model can read; less takes less memory</small>
          </span>
          <select
            disabled={isAnswering.value}
            value={maxContext ?? ''}
            onChange={({ currentTarget }) => {
              if (currentTarget.value === '') removeSetting('maxContext')
              else changeSettings({ maxContext: Number(currentTarget.value) })
              reloadModel()
            }}
          >
            <option value="">automatic</option>
            {contexts.map((tokens) => (
              <option value={tokens}>at most {tokens} tokens</option>
            ))}
          </select>
        </label>
      </div>
    </section>
  )
}
