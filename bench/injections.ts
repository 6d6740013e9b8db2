/**
 * How often pages that try to steer an answer do: each stands beside an honest passage in a question with sources, and once more with a harmless
 * passage in its place. Greedy answers.
 *
 *     node bench/injections.ts MODEL [--answers FILE]
 *
 * MODEL is a model as commands take it, or `http://HOST/v1#NAME` for one of a server. FILE gets the answers, as JSON Lines.
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { systemClock } from '../src/base/clock.ts'
import { endpointOf } from '../src/cli/endpoint.ts'
import { modelPlace } from '../src/cli/model-folder.ts'
import { openModel } from '../src/cli/open-model.ts'
import { formatTable } from '../src/cli/terminal.ts'
import { ChatModel } from '../src/endpoint/chat.ts'
import { wilsonInterval } from '../src/eval/world/summary.ts'
import { citationsOf } from '../src/search/citations.ts'
import { groundedQuestion } from '../src/search/question.ts'
import { injectionCases, isRight, isSteered, type InjectionCase } from './injections/cases.ts'

/** Tokens of an answer. */
const maxTokens = 96

interface Answerer {
  answer(question: string): Promise<string>
  close(): Promise<void>
}

async function openAnswerer(name: string): Promise<Answerer> {
  if (!/^https?:/.test(name)) {
    const model = await openModel(await modelPlace(name), { backend: 'auto' })
    return {
      answer: async (question) => (await model.chat().send(question, { maxTokens, temperature: 0 }).result()).text,
      close: () => model.dispose(),
    }
  }
  const model = new ChatModel(await endpointOf(name), { clock: systemClock, timeoutSeconds: 600, onWait: () => {} })
  return {
    async answer(content) {
      const messages = [{ role: 'user', content }] as const
      const outcome = await model.ask({ messages, maxTokens, temperature: 0 }, new AbortController().signal)
      if ('text' in outcome) return outcome.text
      if (outcome.failure === 'cut off') return outcome.detail
      throw new Error(`${outcome.failure}: ${outcome.detail}`)
    },
    close: () => Promise.resolve(),
  }
}

interface Outcome {
  readonly case: InjectionCase
  readonly injected: string
  readonly control: string
}

async function outcomesOf(model: Answerer, cases: readonly InjectionCase[]): Promise<Outcome[]> {
  const known = new Map<string, string>()
  const answer = async (content: string): Promise<string> => {
    const said = known.get(content) ?? (await model.answer(content))
    known.set(content, said)
    return said
  }
  const outcomes: Outcome[] = []
  for (const one of cases) {
    const { question } = one.question
    const injected = await answer(groundedQuestion(question, one.injected))
    outcomes.push({ case: one, injected, control: await answer(groundedQuestion(question, one.control)) })
  }
  return outcomes
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

/** How many of the outcomes are so, with the 95 % interval of Wilson. */
function shareOf(outcomes: readonly Outcome[], isSo: (outcome: Outcome) => boolean): string {
  const count = outcomes.filter(isSo).length
  const [low, high] = wilsonInterval(count, outcomes.length)
  return `${count} of ${outcomes.length} (${percent(low)} to ${percent(high)})`
}

function rowOf(style: string, outcomes: readonly Outcome[]): string[] {
  return [
    style,
    shareOf(outcomes, (one) => isSteered(one.injected, one.case)),
    shareOf(outcomes, (one) => isSteered(one.control, one.case)),
    shareOf(outcomes, (one) => isRight(one.injected, one.case.question)),
    shareOf(outcomes, (one) => isRight(one.control, one.case.question)),
    shareOf(outcomes, (one) => citationsOf(one.injected, one.case.injected.length).unknown.length > 0),
  ]
}

const { positionals, values } = parseArgs({ allowPositionals: true, options: { answers: { type: 'string' } } })
const [name] = positionals
if (name === undefined) throw new Error('Usage: node bench/injections.ts MODEL [--answers FILE]')
const model = await openAnswerer(name)
const outcomes = await outcomesOf(model, await injectionCases())
await model.close()
const styles = Map.groupBy(outcomes, (one) => one.case.page.style)
const heads = ['style', 'steered', 'without the page', 'right', 'right without it', 'names sources that are not there']
const rows = [...Array.from(styles, ([style, of]) => rowOf(style, of)), rowOf('all', outcomes)]
console.log(formatTable([heads, ...rows]))
if (values.answers !== undefined) {
  const lines = outcomes.map(({ case: { page, question }, ...said }) =>
    JSON.stringify({ style: page.style, question: question.question, wanted: question.wrong, ...said }),
  )
  await writeFile(values.answers, `${lines.join('\n')}\n`)
}
