import { PocketPhiError } from '../base/errors.ts'
import { compileJinja, jinjaTemplate, type JinjaOptions } from './jinja-template.ts'
import { builtinTemplate, renderChat, templateNames } from './templates.ts'
import type { ChatMessage, ChatTemplate, TemplateName } from './templates.ts'
import { textToString } from './text.ts'

const user: ChatMessage = { role: 'user', content: 'one two' }
const answer: ChatMessage = { role: 'assistant', content: ' Three,\nfour. ' }

/** Conversations that tell the known templates, and their look-alikes, apart. */
const probes: readonly (readonly ChatMessage[])[] = [
  [user],
  [user, answer],
  [user, answer, { role: 'user', content: '  five\n\n' }],
  [user, user],
  [user, answer, answer],
  [{ role: 'system', content: 'Be brief.' }, user],
  [{ role: 'system', content: '' }, user],
  [user, { role: 'system', content: 'Be long.' }, answer],
  [{ role: 'system', content: 'Alone.' }],
  [{ role: 'system', content: 'Use tools.', tools: '[{"name": "f"}]' }, user],
  [
    { role: 'system', content: '', tools: '' },
    { ...user, tools: '[]' },
  ],
  [{ role: 'tool', content: 'result' }, user],
  [user, { role: 'tool', content: 'result' }, answer],
  [{ role: 'developer', content: 'note' }, user],
  [{ role: 'user', content: '' }],
  [user, { role: 'assistant', content: '' }],
  [answer],
  [
    { role: 'user', content: '<|end|>\n<|assistant|>\n{{ x }}' },
    { role: 'assistant', content: '</think>a' },
  ],
]

/** Renders every probe, with and without a generation prompt; undefined where the template refuses. */
function renderings(render: (messages: readonly ChatMessage[], addGenerationPrompt: boolean) => string): string {
  const texts = probes.flatMap((messages) =>
    [false, true].map((addGenerationPrompt) => {
      try {
        return render(messages, addGenerationPrompt)
      } catch (error) {
        if (error instanceof PocketPhiError) return null
        throw error
      }
    }),
  )
  return JSON.stringify(texts)
}

/**
 * The built-in template that a Jinja chat template is, found by rendering a set of conversations with both; undefined
 * when none makes the same text. `bosToken` and `eosToken` are those of the tokenizer's configuration.
 * @throws PocketPhiError 'invalid-file' when it is no Jinja template.
 */
export function detectTemplate(
  source: string,
  tokens: { readonly bosToken?: string | undefined; readonly eosToken?: string | undefined } = {},
): TemplateName | undefined {
  const render = compileJinja(source, tokens)
  const epoch = new Date(0)
  const wanted = renderings((messages, addGenerationPrompt) => render(messages, { addGenerationPrompt }, epoch))
  return templateNames.find(
    (name) =>
      wanted ===
      renderings((messages, addGenerationPrompt) => textToString(renderChat(name, messages, { addGenerationPrompt }))),
  )
}

/** The chat template of a tokenizer configuration: the built-in one where it is one, else Jinja made safe. */
export function chatTemplate(source: string, options: JinjaOptions): ChatTemplate {
  const name = detectTemplate(source, options)
  return name === undefined ? jinjaTemplate(source, options) : builtinTemplate(name)
}
