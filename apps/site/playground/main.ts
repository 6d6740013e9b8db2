/** The playground: what the form says is asked of phi-nano, shown as code, and cut into tokens. */
import { PocketPhiError, type Usage } from 'pocket-phi/worker'
import { control, find } from './elements.ts'
import { loadPhiNano, type PlaygroundModel } from './model.ts'
import { keepSite } from './offline.ts'
import { codeOf, settingsIn } from './settings.ts'
import { AnswerView, showTokens } from './tokens.ts'

const form = find('form', HTMLFormElement)
const prompt = control(form, 'prompt', HTMLTextAreaElement)
const schema = control(form, 'schema', HTMLTextAreaElement)
const pattern = control(form, 'pattern', HTMLInputElement)
const format = control(form, 'format', HTMLSelectElement)
const ask = control(form, 'ask', HTMLButtonElement)
const stop = control(form, 'stop', HTMLButtonElement)
const status = find('status', HTMLParagraphElement)
const progress = find('progress', HTMLProgressElement)
const facts = find('facts', HTMLParagraphElement)
const code = find('code', HTMLElement)

function messageOf(error: unknown): string {
  if (error instanceof PocketPhiError) return [error.message, error.remedy].filter(Boolean).join(' ')
  return error instanceof SyntaxError ? `The schema is no JSON: ${error.message}` : String(error)
}

/** Shows the fields of the format that is chosen, and the code of the whole form. */
function showSettings(): void {
  for (const [field, name] of [
    [schema, 'json-schema'],
    [pattern, 'regex'],
  ] as const) {
    const isAsked = format.value === name
    field.required = isAsked
    field.closest('p')?.toggleAttribute('hidden', !isAsked)
  }
  try {
    code.textContent = codeOf(settingsIn(new FormData(form)))
    schema.setCustomValidity('')
  } catch (error) {
    schema.setCustomValidity(messageOf(error))
  }
}

function factsOf(finish: string, seed: number, { generatedTokens, generatedTokensPerSecond }: Usage): string {
  const speed = `${generatedTokens} tokens, ${Math.round(generatedTokensPerSecond)} a second`
  return `${speed}; ended by ${finish}; seed ${seed}.`
}

async function answer({ model }: PlaygroundModel, view: AnswerView): Promise<void> {
  const ending = new AbortController()
  const end = (): void => ending.abort()
  stop.addEventListener('click', end)
  ask.disabled = true
  stop.disabled = false
  view.clear()
  facts.textContent = ''
  status.textContent = 'phi-nano answers …'
  const chat = model.chat()
  try {
    const { prompt: text, options } = settingsIn(new FormData(form))
    const reply = chat.send(text, { ...options, signal: ending.signal })
    for await (const chunk of reply) view.add(chunk)
    const { finish, seed, usage } = await reply.result()
    facts.textContent = factsOf(finish, seed, usage)
    status.textContent = 'The answer is there.'
  } catch (error) {
    status.textContent = messageOf(error)
  } finally {
    // A worker that has died has nothing left to let go of.
    void chat.close().catch(() => undefined)
    stop.removeEventListener('click', end)
    ask.disabled = false
    stop.disabled = true
  }
}

async function start(): Promise<void> {
  status.textContent = 'phi-nano is being loaded …'
  progress.hidden = false
  const loaded = await loadPhiNano(({ done, total }) => {
    progress.value = done / total
  })
  progress.hidden = true
  const view = new AnswerView(loaded.tokenizer)
  const { backend, execution } = loaded.model
  const threads = execution.threads > 0 ? `${execution.threads} threads` : 'one thread'
  status.textContent = `phi-nano is ready, on ${backend === 'wasm' ? `WebAssembly with ${threads}` : backend}.`
  const showPrompt = (): void => showTokens(loaded.tokenizer, prompt.value)
  prompt.addEventListener('input', showPrompt)
  showPrompt()
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void answer(loaded, view)
  })
  ask.disabled = false
}

form.addEventListener('input', showSettings)
showSettings()
start().catch((error: unknown) => {
  progress.hidden = true
  status.textContent = messageOf(error)
})
keepSite()
