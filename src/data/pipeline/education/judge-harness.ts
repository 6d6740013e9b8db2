/** A server with OpenAI's interface whose judgements follow from the texts, and of which one answer in five is of no use. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { crc32 } from 'node:zlib'
import type { Endpoint } from '../../../endpoint/endpoint.ts'
import { Random } from '../../../base/random.ts'
import { axes, type Annotation, type Axis } from './annotation.ts'
import type { SampledDocument } from './sample.ts'

/** What can be wrong with an answer. The last cannot be noticed: it is about this text, whole and adds up. */
const faults = [
  'torn',
  'prose',
  'refusal',
  'refusal by field',
  'score too high',
  'points too high',
  'wrong sum',
  'duplicate',
  'empty',
  'cut off',
  'no interface',
  'slow',
  'busy',
  'broken',
  'wrong but plausible',
] as const
type Fault = (typeof faults)[number]

/** Answers that are not honest, in percent. */
const faulty = 20

/** What a text is worth, as far as this server is concerned. */
export function truthOf(excerpt: string): Annotation {
  const judge = (axis: Axis): Annotation[Axis] => {
    const score = crc32(`${axis} ${excerpt}`) % 6
    return { score, reason: `${axis} of ${excerpt.slice(0, 24)}` }
  }
  return { education: judge('education'), reasoning: judge('reasoning') }
}

interface Question {
  readonly mark: string
  readonly excerpt: string
}

interface Body {
  readonly messages: readonly { readonly role: string; readonly content: string }[]
  readonly temperature: number
}

function questionOf({ messages }: Body): Question {
  const [, mark = '', excerpt = ''] = /^=== (\w+) ===\n([\s\S]*)\n=== \1 ===$/.exec(messages[1]?.content ?? '') ?? []
  return { mark, excerpt }
}

function answerTo({ mark, excerpt }: Question, change: (scores: Record<Axis, number>) => void = () => {}): object {
  const truth = truthOf(excerpt)
  const scores = { education: truth.education.score, reasoning: truth.reasoning.score }
  change(scores)
  const judgements = axes.map((axis) => {
    const points = Array.from({ length: 5 }, (_, index) => Number(index < scores[axis]))
    return [axis, { reason: truth[axis].reason, points, score: scores[axis] }]
  })
  return { mark, ...(Object.fromEntries(judgements) as object) }
}

export class ScriptedJudge implements AsyncDisposable {
  /** Every question, by the mark of its text. */
  readonly asked = new Map<string, number>()
  readonly temperatures: number[] = []
  /** Faults that were committed. */
  readonly committed = new Map<Fault, number>()
  /** Tokens of all answers that were sent. */
  readonly tokens = { prompt: 0, answer: 0 }
  requests = 0
  /** Answers without a fault. */
  honest = 0
  /** Which faults happen; none for an honest server. */
  faults: readonly Fault[] = faults
  /** Answers with this status alone. */
  status: number | undefined
  /** Hears of each request before it is answered. */
  onRequest: (count: number) => void = () => {}
  /** Hears of a request that gets no answer. */
  onHold: () => void = () => {}
  readonly #server: Server
  #lastAnswer: object = {}

  constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response))
  }

  async start(): Promise<Endpoint> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done))
    return { url: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`, model: 'judge' }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }

  /** Those of a few kinds, or all. */
  count(...kinds: readonly Fault[]): number {
    const counted = kinds.length === 0 ? [...this.committed.keys()] : kinds
    return counted.reduce((sum, kind) => sum + (this.committed.get(kind) ?? 0), 0)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse(await text(request)) as Body
    const question = questionOf(body)
    const attempt = (this.asked.get(question.mark) ?? 0) + 1
    this.asked.set(question.mark, attempt)
    this.temperatures.push(body.temperature)
    this.onRequest(++this.requests)
    if (this.status !== undefined) return this.#fail(response, this.status)
    const fault = this.#faultOf(`${question.mark} ${attempt}`)
    if (fault !== undefined) this.committed.set(fault, this.count(fault) + 1)
    this.#send(response, question, fault)
  }

  #faultOf(name: string): Fault | undefined {
    const chance = new Random(crc32(name))
    if (this.faults.length === 0 || chance.float() >= faulty / 100) return undefined
    return chance.pick(this.faults)
  }

  #send(response: ServerResponse, question: Question, fault: Fault | undefined): void {
    const honest = answerTo(question)
    const say = (content: string, more: object = {}, message: object = {}): void => {
      const usage = { prompt_tokens: 100 + question.excerpt.length, completion_tokens: 1 + content.length }
      this.tokens.prompt += usage.prompt_tokens
      this.tokens.answer += usage.completion_tokens
      const choice = { message: { content, ...message }, finish_reason: 'stop', ...more }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ choices: [choice], usage }))
    }
    const whole = JSON.stringify(honest)
    switch (fault) {
      case undefined:
        this.#lastAnswer = honest
        this.honest++
        return say(forms[question.mark.charCodeAt(0) % forms.length]?.(whole) ?? whole)
      case 'torn':
        return say(whole.slice(0, -9))
      case 'prose':
        return say('A fine text, about four out of five.')
      case 'refusal':
        return say("I'm sorry, but I cannot judge this text.")
      case 'refusal by field':
        return say('', {}, { refusal: 'No.' })
      case 'score too high':
        return say(JSON.stringify(answerTo(question, (scores) => (scores.education = 7))))
      case 'points too high':
        return say(whole.replace('"points":[', '"points":[2,').replace(/,[01]\]/, ']'))
      case 'wrong sum':
        return say(whole.replace(/"score":(\d)/, (_, score: string) => `"score":${5 - Number(score)}`))
      case 'duplicate':
        return say(JSON.stringify({ mark: 'ffffffff', ...this.#lastAnswer }))
      case 'empty':
        return say('')
      case 'cut off':
        return say(whole.slice(0, 40), { finish_reason: 'length' })
      case 'wrong but plausible':
        return say(JSON.stringify(answerTo(question, (scores) => (scores.education = 5 - scores.education))))
      case 'no interface':
        return void response.writeHead(200).end('<html>Welcome to the gateway</html>')
      case 'slow':
        return this.onHold()
      case 'busy':
        return this.#fail(response, 429, { 'retry-after': '3' })
      case 'broken':
        return this.#fail(response, 502)
    }
  }

  #fail(response: ServerResponse, status: number, headers: Readonly<Record<string, string>> = {}): void {
    response.writeHead(status, headers).end(JSON.stringify({ error: { message: 'not now' } }))
  }
}

/** Honest answers as models put them. */
const forms: readonly ((json: string) => string)[] = [
  (json) => json,
  (json) => `\`\`\`json\n${json}\n\`\`\``,
  (json) => `Here it is:\n${json}\nI hope this helps.`,
]

/** Texts, each different. */
export function documentsToJudge(count: number): SampledDocument[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `texts#${index}`,
    source: 'texts',
    text: `Text ${index} is about ${'the number '.repeat(index % 7)}${index * index}.`,
  }))
}

export async function* eachOf<Item>(items: readonly Item[]): AsyncGenerator<Item, void> {
  for (const item of items) yield await Promise.resolve(item)
}
