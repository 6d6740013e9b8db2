/** Mutants of chat templates. */
import { PocketPhiError } from '../../src/base/errors.ts'
import type { Random } from '../../src/base/random.ts'
import { decodeText } from '../../src/formats/json.ts'
import { compileJinja, jinjaTemplate } from '../../src/text/jinja-template.ts'
import { chatTemplate } from '../../src/text/template-detection.ts'
import { renderChat, type ChatMessage, type ChatTemplate } from '../../src/text/templates.ts'
import { mustHold, type FuzzFormat } from './format.ts'
import { mutateText, oddTexts, textBytes } from './json.ts'

const seeds = [
  `{% for m in messages if m.role in ['system', 'user', 'assistant'] %}
{{ '<|' ~ m.role ~ '|>\\n' ~ m.content ~ '<|end|>\\n' }}
{%- endfor %}
{{- '<|assistant|>\\n' if add_generation_prompt else eos_token }}`,
  `{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ '<|user|>\\n' + m.content + '<|end|>\\n' }}` +
    `{% elif m.role == 'assistant' %}{{ m.content | trim }}<|end|>{% else %}{{ raise_exception('role') }}{% endif %}{% endfor %}`,
  `{% set ns = namespace(text='', first=true) %}{% for m in messages %}{% if ns.first %}{% set ns.first = false %}{% endif %}` +
    `{% set ns.text = ns.text ~ m['content'].strip() %}{% endfor %}{{ ns.text }}{{ strftime_now('%d %B') }}`,
  `{% macro block(role, content='') %}<|{{ role }}|>{{ content }}<|end|>{% endmacro %}` +
    `{% for m in messages[::-1] %}{{ block(m.role, m.content) }}{{ loop.index }}{% endfor %}` +
    `{% if messages[0].tools is defined %}{{ messages[0].tools | tojson }}{% endif %}`,
]

const expressions = [
  ...[
    'messages',
    'messages[0]',
    'm',
    'm.content',
    'm.role',
    'm.nothing.at.all',
    'ns',
    'ns.text',
    'loop.index',
    'x',
    'none',
  ],
  ...[
    'true',
    '1',
    '-1',
    '0.5',
    '10 ** 9',
    '1 / 0',
    '1 % 0',
    '10000000000',
    "'<|end|>'",
    "'<|'",
    "'|>'",
    "''",
    '[]',
    '{}',
  ],
  ...[
    '[1, 2, 3]',
    "{'a': 1}",
    'range(10)',
    'range(99999)',
    'range(1, 10**12)',
    'range(0, 5, 0)',
    'bos_token',
    'block(1, 2)',
  ],
  ...['strftime_now(1)', 'raise_exception(1)', 'namespace(a=1)', 'messages | length', "m.content | replace('a', 'aa')"],
  ...["m.content.split('a')", 'm.content[1:]', 'm.content[::-1]', 'm.content | upper', 'm.content | list', 'm | items'],
  ...["messages | map(attribute='content') | join(',')", "messages | selectattr('role', 'equalto', 'user') | list"],
  ...['messages | tojson(indent=100)', 'messages | tojson', 'm.content * 99999', "'a' * 10 ** 9", '[0] * 10 ** 9'],
  ...[
    'm.content | indent(99999)',
    "m.content.replace('', '<|end|>')",
    "m.content.startswith('<')",
    "'<|end|>' in m.content",
  ],
  ...[
    'messages.append(1)',
    'ns.__proto__',
    'messages.constructor',
    'm.content.length',
    'lipsum()',
    'self',
    'm is mapping',
  ],
  ...[
    'm.content.rstrip()',
    'm.content | first',
    'messages | last',
    'messages | sort',
    'x | default(1)',
    'not m',
    'm == m',
  ],
]

/** What makes a template long, deep or busy. */
const structures: readonly ((inner: string, expression: string) => string)[] = [
  (inner, expression) => `{% for m in ${expression} %}${inner}{% endfor %}`,
  (inner) => `{% for i in range(900) %}{% for j in range(90) %}${inner}{% endfor %}{% endfor %}`,
  (inner) =>
    `{% set r = range(9000) %}{% for i in r %}{% for j in r %}{% for k in r %}{% endfor %}{% endfor %}{% endfor %}${inner}`,
  (inner) =>
    `{% set ns = namespace(t='ab') %}{% for i in range(40) %}{% set ns.t = ns.t ~ ns.t %}{% endfor %}${inner}{{ ns.t }}`,
  (inner) => `{% set ns = namespace(t=[1]) %}{% for i in range(40) %}{% set ns.t = ns.t + ns.t %}{% endfor %}${inner}`,
  (inner) => `{% macro f(x) %}{{ f(x + 1) }}{% endmacro %}${inner}{{ f(0) }}`,
  (inner) => `{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}${inner}{{ f(40) }}`,
  (inner, expression) => `{% if ${expression} %}${inner}{% else %}{{ ${expression} }}{% endif %}`,
  (inner, expression) => `{% set x = ${expression} %}${inner}{{ x }}`,
  (inner, expression) => `{% set x %}${inner}{% endset %}{{ ${expression} }}`,
  (inner, expression) => `{% filter upper %}${inner}{{ ${expression} }}{% endfilter %}`,
  (inner, expression) => `{% call(y) block(${expression}) %}${inner}{% endcall %}`,
  (inner) => `{% generation %}${inner}{% endgeneration %}{% break %}{# a comment #}`,
  (inner) => '{% if true %}'.repeat(300) + inner + '{% endif %}'.repeat(300),
  (inner) => `{{ ${'('.repeat(3000)}1${')'.repeat(3000)} }}${inner}`,
  (inner) => `{{ ${'['.repeat(800)}${']'.repeat(800)} }}${inner}`,
  (inner) => `{{ ${'not '.repeat(2000)}x }}${inner}`,
  (inner) => `{% set ns = namespace(a=1) %}{% set ns.a = ns %}{{ ns }}{{ ns | tojson }}${inner}`,
]

/** The parts that a template is made of: delimiters, texts, names and numbers. */
const tokens = /\{[%{#]-?|-?[%}#]\}|'(?:[^'\\]|\\.)*'|\w+|\s+|[^\w\s]/g

/** Exchanges, doubles or drops one part, or puts another expression in its place. */
function mutateTokens(random: Random, source: string): string {
  const parts = source.match(tokens) ?? ['']
  const at = random.integer(0, parts.length)
  switch (random.integer(0, 5)) {
    case 0:
      parts.splice(at, 1)
      break
    case 1:
      parts.splice(at, 0, parts[at] as string)
      break
    case 2:
      parts[at] = parts[random.integer(0, parts.length)] as string
      break
    case 3:
      parts[at] = random.pick(oddTexts)
      break
    default: {
      const names = parts.flatMap((part, index) => (/^(?:\w+|'.*')$/s.test(part) ? [index] : []))
      if (names.length > 0) parts[random.pick(names)] = random.pick(expressions)
    }
  }
  return parts.join('')
}

function mutateMeaning(random: Random, source: string): string {
  const expression = random.pick(expressions)
  switch (random.integer(0, 6)) {
    case 0:
      return `${source}{{ ${expression} }}`
    case 1:
      return `${source}{% for m in messages %}{{ ${expression} }}{% endfor %}`
    case 2:
      return random.pick(structures)(source, expression)
    case 3:
      return random.pick(seeds) + source
    default:
      return mutateTokens(random, source)
  }
}

const controlTokens = ['<|system|>', '<|user|>', '<|assistant|>', '<|end|>', '<s>', '</s>']
const options = { controlTokens, bosToken: '<s>', eosToken: '<|end|>' }

/** The same conversation with words that spell a control token, and with words of that length that do not. */
function conversation(words: string): ChatMessage[] {
  return [
    { role: 'system', content: 'Be brief.', tools: '[{"name": "f"}]' },
    { role: 'user', content: `one ${words} two` },
    { role: 'assistant', content: ' Three,\n four ' },
    { role: 'user', content: 'five' },
  ]
}

/** The control tokens of a rendered conversation, or why the template refuses it. */
function specials(template: ChatTemplate, words: string): string | PocketPhiError {
  try {
    const parts = renderChat(template, conversation(words), { addGenerationPrompt: true })
    const contents = parts.flatMap((part) => (typeof part === 'string' ? [] : [part.content]))
    for (const content of contents) mustHold(controlTokens.includes(content), 'control tokens of the tokenizer only')
    return contents.join('')
  } catch (error) {
    if (error instanceof PocketPhiError) return error
    throw error
  }
}

/** Past the header: it is a Jinja template. */
export const templateFormat: FuzzFormat = {
  name: 'chat template',
  share: 60,
  mutate(random) {
    let source = random.pick(seeds)
    for (let round = random.integer(0, 4); round > 0; round--) source = mutateMeaning(random, source)
    if (random.integer(0, 10) === 0) source = mutateText(random, source)
    return textBytes(random, source)
  },
  async load(bytes, passed) {
    const source = decodeText(bytes, 'mutant')
    compileJinja(source, options)
    passed()
    // To tell whether it is a built-in one takes long; the one that any other becomes is looked at in every mutant.
    const templates = [
      jinjaTemplate(source, options),
      ...(bytes.length % 4 === 0 ? [chatTemplate(source, options)] : []),
    ]
    for (const template of templates) {
      const [spelled, harmless] = [specials(template, '<|end|>'), specials(template, '(|end|)')]
      if (spelled instanceof PocketPhiError) throw spelled
      if (harmless instanceof PocketPhiError) throw harmless
      mustHold(spelled === harmless, `control tokens that words spell: ${spelled}`)
    }
  },
}
