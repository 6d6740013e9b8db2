import { Environment, parse, tokenize } from '@huggingface/jinja'
import { PocketPhiError } from '../base/errors.ts'
import { segmentFinder } from './added-tokens.ts'
import { runBounded } from './jinja-bounds.ts'
import { isMarkable, makeMarking, markAround } from './provenance.ts'
import { formatTime } from './strftime.ts'
import { special, type Text } from './text.ts'
import { otherTexts, type ChatMessage, type ChatTemplate, type RenderOptions } from './templates.ts'

/** What a Jinja template needs to know of the tokenizer. */
export interface JinjaOptions {
  /** Every spelling that shall become a special token where the template writes it: `tokenizer.addedTokens`. */
  readonly controlTokens: readonly string[]
  readonly bosToken?: string | undefined
  readonly eosToken?: string | undefined
}

type Variables = Readonly<Record<string, unknown>>

/** Blocks are trimmed as transformers does. */
const whiteSpaceControl = { trim_blocks: true, lstrip_blocks: true }

/** A template may not make ranges longer than this in all; it is a file from somewhere. */
const longestRanges = 10_000

const longestMessage = 500

/** Roles that templates compare with; others are as plain as content is. */
const knownRoles = new Set(['system', 'user', 'assistant', 'tool', 'developer', 'function', 'model', 'ipython'])

/**
 * A chat template in Jinja, as tokenizer_config.json holds it, rendered to typed text.
 *
 * The template is rendered twice: with the messages as they are, and with every character of theirs replaced by a
 * private-use character that stands for it. Where both agree once the replacement is undone, the second rendering
 * tells for each character whether template or message wrote it; only control tokens that the template wrote whole
 * become special. White space, quotes and backslashes are not replaced, so templates may strip, split at and test for
 * them. If the renderings differ, the template looks at the words (`'</think>' in content`): then the string literals
 * of the template are left readable in the messages, unless they could be part of a control token, and the comparison
 * is made again. If they still differ, the template is refused rather than guessed at.
 * @throws PocketPhiError 'invalid-file' when it is no Jinja template.
 */
export function jinjaTemplate(source: string, options: JinjaOptions): ChatTemplate {
  const render = compileJinja(source, options)
  const literals = literalsOf(source)
  const finder = segmentFinder(options.controlTokens.filter(isMarkable).map(asAddedToken))
  const fixed = [source, options.bosToken ?? '', options.eosToken ?? '', ...options.controlTokens]
  return {
    name: 'jinja',
    render(messages, renderOptions) {
      const now = new Date()
      const asWritten = render(messages, renderOptions, now)
      const marking = makeMarking(messages.flatMap(stringsOf), [...fixed, asWritten])
      const markers = [
        (text: string) => marking.mark(text),
        (text: string) => markAround(text, marking, literals, options.controlTokens),
      ]
      for (const marker of markers) {
        const marked = tryRender(() =>
          render(
            messages.map((message) => mapStrings(message, marker)),
            renderOptions,
            now,
          ),
        )
        if (marked === undefined || marking.unmark(marked) !== asWritten) continue
        return finder(marked).map((part): Text[number] =>
          typeof part === 'string' ? marking.unmark(part) : special(part.token.content),
        )
      }
      throw new PocketPhiError('not-supported', 'This chat template changes or inspects the words of the messages.', {
        expected: 'a template that only places them',
        remedy: 'Use a built-in template, or build the prompt from parts (Text).',
      })
    },
  }
}

function asAddedToken(content: string, id: number): Parameters<typeof segmentFinder>[0][number] {
  return { id, content, special: true, lstrip: false, rstrip: false, singleWord: false, normalized: false }
}

function stringsOf(message: ChatMessage): string[] {
  return [
    message.content,
    ...otherTexts.map((name) => message[name] ?? ''),
    knownRoles.has(message.role) ? '' : message.role,
  ]
}

function mapStrings(message: ChatMessage, change: (text: string) => string): ChatMessage {
  return {
    ...message,
    role: knownRoles.has(message.role) ? message.role : change(message.role),
    content: change(message.content),
    ...Object.fromEntries(
      otherTexts.flatMap((name) => (typeof message[name] === 'string' ? [[name, change(message[name])]] : [])),
    ),
  }
}

/** A template may refuse words that it cannot read; the next way of marking may do. */
function tryRender(render: () => string): string | undefined {
  try {
    return render()
  } catch (error) {
    if (error instanceof PocketPhiError) return undefined
    throw error
  }
}

export type RenderString = (messages: readonly ChatMessage[], options: RenderOptions, now: Date) => string

/** Compiles a Jinja template to a function that renders plain strings, without any protection. */
export function compileJinja(source: string, options: Omit<JinjaOptions, 'controlTokens'>): RenderString {
  let program: ReturnType<typeof parse>
  try {
    program = parse(tokenize(source, whiteSpaceControl))
  } catch (cause) {
    throw new PocketPhiError('invalid-file', 'The chat template is not a Jinja template that can be read here.', {
      ...(cause instanceof Error && { found: shortened(cause.message) }),
      cause,
    })
  }
  return (messages, renderOptions, now) => {
    const environment = new Environment()
    const variables: Variables = {
      ...globals(now),
      messages: messages.map((message) => ({ ...message })),
      add_generation_prompt: renderOptions.addGenerationPrompt ?? false,
      ...(options.bosToken !== undefined && { bos_token: options.bosToken }),
      ...(options.eosToken !== undefined && { eos_token: options.eosToken }),
    }
    for (const [name, value] of Object.entries(variables)) environment.set(name, value)
    try {
      const result = runBounded(program, environment, messages)
      if (typeof result === 'string') return result
      throw new TypeError('the template makes no text')
    } catch (cause) {
      if (cause instanceof PocketPhiError) throw cause
      throw new PocketPhiError('invalid-argument', 'The chat template cannot be rendered with these messages.', {
        ...(cause instanceof Error && { found: shortened(cause.message) }),
        cause,
      })
    }
  }
}

function globals(now: Date): Variables {
  let ranged = 0
  return {
    true: true,
    True: true,
    false: false,
    False: false,
    none: null,
    None: null,
    strftime_now: (format: unknown) => formatTime(now, String(format)),
    raise_exception: (message: unknown) => {
      throw new PocketPhiError('invalid-argument', `The chat template refuses these messages: ${shortened(message)}`, {
        remedy: 'Change the conversation, or use another template.',
      })
    },
    range: (...bounds: readonly unknown[]) => {
      const [start, stop, step] = rangeBounds(bounds.map(Number))
      const count = Math.max(0, Math.ceil((stop - start) / step))
      ranged += count
      if (!(ranged <= longestRanges)) {
        throw new PocketPhiError('not-supported', `The chat template makes ranges longer than ${longestRanges}.`, {
          remedy: 'Use a built-in template.',
        })
      }
      return Array.from({ length: count }, (_, index) => start + index * step)
    },
  }
}

/** Messages of templates and of the library, which may quote the whole conversation. */
function shortened(message: unknown): string {
  const text = String(message)
  return text.length > longestMessage ? `${text.slice(0, longestMessage)}...` : text
}

function rangeBounds([first = 0, second, step = 1]: readonly number[]): [number, number, number] {
  return second === undefined ? [0, first, 1] : [first, second, step]
}

/** The string literals of a template, which are what it can look for in a message. */
function literalsOf(source: string): string[] {
  // The declarations of the library do not resolve under nodenext, so its tokens are `any`.
  const tokens: readonly { readonly type: string; readonly value: string }[] = tokenize(source, whiteSpaceControl)
  const literals = tokens.filter((token) => token.type === 'StringLiteral').map((token) => token.value)
  return [...new Set(literals)].filter((literal) => literal !== '')
}
