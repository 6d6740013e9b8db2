/** What the form says, and the code that does the same. */
import type { RemoteSendOptions } from 'pocket-phi/worker'

export interface Settings {
  readonly prompt: string
  readonly options: RemoteSendOptions
}

/** Tokens beside the chosen one that are asked for. */
const likeliest = 5

function textIn(form: FormData, name: string): string {
  const value = form.get(name)
  return typeof value === 'string' ? value : ''
}

/** @returns undefined for a field that was left empty */
function numberIn(form: FormData, name: string): number | undefined {
  const text = textIn(form, name)
  return text === '' ? undefined : Number(text)
}

/** @throws SyntaxError for a schema that is no JSON */
function formatIn(form: FormData): Pick<RemoteSendOptions, 'format'> {
  switch (textIn(form, 'format')) {
    case 'json-schema':
      return { format: { type: 'json-schema', schema: JSON.parse(textIn(form, 'schema')) as unknown } }
    case 'regex':
      return { format: { type: 'regex', pattern: textIn(form, 'pattern') } }
    default:
      return {}
  }
}

/** @throws SyntaxError for a schema that is no JSON */
export function settingsIn(form: FormData): Settings {
  const seed = numberIn(form, 'seed')
  return {
    prompt: textIn(form, 'prompt'),
    options: {
      temperature: numberIn(form, 'temperature') ?? 0,
      topK: numberIn(form, 'topK') ?? 0,
      topP: numberIn(form, 'topP') ?? 1,
      maxTokens: numberIn(form, 'maxTokens') ?? 0,
      ...(seed === undefined ? {} : { seed }),
      ...formatIn(form),
      logprobs: likeliest,
    },
  }
}

/** A value as it is written in TypeScript here. */
function literal(value: unknown): string {
  if (typeof value === 'string')
    return `'${JSON.stringify(value)
      .slice(1, -1)
      .replaceAll(String.raw`\"`, '"')
      .replaceAll("'", String.raw`\'`)}'`
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(([name, member]) => {
    return `${/^[a-z_$][\w$]*$/i.test(name) ? name : literal(name)}: ${literal(member)}`
  })
  return `{ ${members.join(', ')} }`
}

/** The program that answers so, for the page of an app. */
export function codeOf({ prompt, options }: Settings): string {
  const lines = Object.entries(options).map(([name, value]) => `  ${name}: ${literal(value)},`)
  return `import { startEngine } from 'pocket-phi/worker'

const engine = startEngine()
const model = await engine.loadModel('models/phi-nano')
const reply = model.chat().send(${literal(prompt)}, {
${lines.join('\n')}
})
for await (const { text, logprobs } of reply) {
  document.body.append(text)
  console.log(logprobs)
}`
}
