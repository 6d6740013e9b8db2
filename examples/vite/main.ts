import { APIError, createClient, type ChatCompletionStream, type MessageParam } from 'pocket-phi/openai'
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
const anew = find('button[name=new]', HTMLButtonElement)
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
anew.disabled = false
const client = createClient(model)

function line(tag: 'dt' | 'dd', text: string): HTMLElement {
  const element = document.createElement(tag)
  element.textContent = text
  log.append(element)
  return element
}

/** Asks with the whole conversation, without its oldest turns where it has outgrown the context of the model. */
async function askModel(): Promise<ChatCompletionStream> {
  for (let left = 0; ; left += 2) {
    try {
      const answering = await client.chat.completions.create({ messages: messages.slice(left), stream: true })
      messages.splice(0, left)
      return answering
    } catch (error) {
      const isTooLong = error instanceof APIError && error.code === 'context_length_exceeded'
      if (!isTooLong || left === messages.length - 1) throw error
    }
  }
}

/** Writes the answer while it comes. @returns all of it, or what came until it was stopped */
async function answerInto(element: HTMLElement): Promise<string> {
  stream = await askModel()
  for await (const { choices } of stream) element.append(choices[0]?.delta.content ?? '')
  return element.textContent
}

async function send(): Promise<void> {
  const { value } = question
  ask.disabled = true
  anew.disabled = true
  stop.disabled = false
  status.textContent = ''
  question.value = ''
  messages.push({ role: 'user', content: value })
  const lines = [line('dt', value), line('dd', '')] as const
  let answer = ''
  try {
    answer = await answerInto(lines[1])
  } catch (error) {
    status.textContent = error instanceof Error ? error.message : String(error)
  }
  if (answer === '') {
    // As if it had not been asked: a conversation alternates.
    messages.pop()
    for (const element of lines) element.remove()
    question.value = value
  } else messages.push({ role: 'assistant', content: answer })
  ask.disabled = false
  anew.disabled = false
  stop.disabled = true
}

form.addEventListener('submit', (event) => {
  event.preventDefault()
  void send()
})
stop.addEventListener('click', () => stream?.controller.abort())
anew.addEventListener('click', () => {
  messages.length = 0
  log.replaceChildren()
  status.textContent = ''
})
