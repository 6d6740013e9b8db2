import { createClient, type ChatCompletionStream, type MessageParam } from 'pocket-phi/openai'
import { startEngine } from 'pocket-phi/worker'

function find<T extends Element>(selector: string, kind: new () => T): T {
  const element = document.querySelector(selector)
  if (element instanceof kind) return element
  throw new Error(`index.html has no ${selector}`)
}

const form = find('form', HTMLFormElement)
const question = find('input', HTMLInputElement)
const ask = find('button[name=ask]', HTMLButtonElement)
const stop = find('button[name=stop]', HTMLButtonElement)
const status = find('[role=status]', HTMLParagraphElement)
const progress = find('progress', HTMLProgressElement)
const log = find('dl', HTMLDListElement)

const messages: MessageParam[] = []
let stream: ChatCompletionStream | undefined

const model = await startEngine().loadModel('phi-nano', {
  onProgress: ({ done, total }) => {
    progress.value = done / total
  },
})
progress.hidden = true
ask.disabled = false
const client = createClient(model)

function line(tag: 'dt' | 'dd', text: string): HTMLElement {
  const element = document.createElement(tag)
  element.textContent = text
  log.append(element)
  return element
}

/** Writes the answer while it comes. @returns all of it, or what came until it was stopped */
async function answerInto(element: HTMLElement): Promise<string> {
  stream = await client.chat.completions.create({ messages, stream: true })
  for await (const { choices } of stream) element.append(choices[0]?.delta.content ?? '')
  return element.textContent
}

async function send(): Promise<void> {
  ask.disabled = true
  stop.disabled = false
  status.textContent = ''
  messages.push({ role: 'user', content: question.value })
  line('dt', question.value)
  try {
    messages.push({ role: 'assistant', content: await answerInto(line('dd', '')) })
  } catch (error) {
    messages.pop()
    status.textContent = error instanceof Error ? error.message : String(error)
  }
  ask.disabled = false
  stop.disabled = true
}

form.addEventListener('submit', (event) => {
  event.preventDefault()
  void send()
})
stop.addEventListener('click', () => stream?.controller.abort())
