/** What the user has chosen. Kept in localStorage: it is small, and the appearance is needed before the first frame. */
import { effect, signal } from '@preact/signals'
import type { SamplingOptions } from 'pocket-phi/worker'

export interface Settings {
  readonly theme: 'system' | 'light' | 'dark'
  /** What new conversations tell the model before they begin. */
  readonly system: string
  /** What is left out is as the model has it. */
  readonly sampling: SamplingOptions
  /** Tokens of an answer at most; until the context is full when left out. */
  readonly maxTokens?: number
  /** For the random draws; another one for each answer when left out. */
  readonly seed?: number
  /** Shows the speed of every answer below it. */
  readonly showSpeed: boolean
  /** What the model runs on; `auto` is a GPU where there is one, else the processor. */
  readonly backend: 'auto' | 'webgpu' | 'wasm'
  /** Tokens of a conversation at most; as many as usual when left out. Less takes less memory. */
  readonly maxContext?: number
  /** Looks every question up in the documents of this device, where there are some. */
  readonly fromDocuments: boolean
  /** The model that is loaded when the page opens, by its name. */
  readonly model: string
}

const key = 'pocket-phi-settings'

export const defaultSettings: Settings = {
  theme: 'system',
  system: '',
  sampling: {},
  showSpeed: false,
  backend: 'auto',
  fromDocuments: true,
  model: 'phi-nano',
}

function read(): Settings {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(key) ?? '{}')
    return typeof stored === 'object' ? { ...defaultSettings, ...stored } : defaultSettings
  } catch {
    // A page whose storage is closed to it still works.
    return defaultSettings
  }
}

export const settings = signal(read())

export function changeSettings(change: Partial<Settings>): void {
  settings.value = { ...settings.value, ...change }
}

/** Leaves a setting as it is without one. */
export function removeSetting(name: 'maxTokens' | 'seed' | 'maxContext'): void {
  const { [name]: _before, ...others } = settings.value
  settings.value = others
}

effect(() => {
  const { theme } = settings.value
  if (theme === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = theme
})

effect(() => {
  const text = JSON.stringify(settings.value)
  try {
    localStorage.setItem(key, text)
  } catch {
    // It then lasts as long as the page is open.
  }
})
