/** A server with OpenAI's interface whose judgements follow from the texts, and of which one answer in five is of no use. */
import { crc32 } from 'node:zlib'
import { Random } from '../../../base/random.ts'
import { ScriptedServer, type AskedBody, type Reply } from '../asking/scripted-server-harness.ts'
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

function questionOf({ messages }: AskedBody): Question {
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

export class ScriptedJudge extends ScriptedServer {
  /** Every question, by the mark of its text. */
  readonly asked = new Map<string, number>()
  /** Faults that were committed. */
  readonly committed = new Map<Fault, number>()
  /** Answers without a fault. */
  honest = 0
  /** Which faults happen; none for an honest server. */
  faults: readonly Fault[] = faults
  #lastAnswer: object = {}

  get temperatures(): readonly number[] {
    return this.bodies.map(({ temperature }) => temperature)
  }

  /** Those of a few kinds, or all. */
  count(...kinds: readonly Fault[]): number {
    const counted = kinds.length === 0 ? [...this.committed.keys()] : kinds
    return counted.reduce((sum, kind) => sum + (this.committed.get(kind) ?? 0), 0)
  }

  protected reply(body: AskedBody): Reply {
    const question = questionOf(body)
    const attempt = (this.asked.get(question.mark) ?? 0) + 1
    this.asked.set(question.mark, attempt)
    const fault = this.#faultOf(`${question.mark} ${attempt}`)
    if (fault === undefined) return this.#honestly(question)
    this.committed.set(fault, this.count(fault) + 1)
    return this.#commit(fault, question)
  }

  #faultOf(name: string): Fault | undefined {
    const chance = new Random(crc32(name))
    if (this.faults.length === 0 || chance.float() >= faulty / 100) return undefined
    return chance.pick(this.faults)
  }

  #honestly(question: Question): Reply {
    this.#lastAnswer = answerTo(question)
    this.honest++
    const whole = JSON.stringify(this.#lastAnswer)
    return { content: forms[question.mark.charCodeAt(0) % forms.length]?.(whole) ?? whole }
  }

  #commit(fault: Fault, question: Question): Reply {
    const whole = JSON.stringify(answerTo(question))
    const changed = (change: (scores: Record<Axis, number>) => void): Reply => ({
      content: JSON.stringify(answerTo(question, change)),
    })
    switch (fault) {
      case 'torn':
        return { content: whole.slice(0, -9) }
      case 'prose':
        return { content: 'A fine text, about four out of five.' }
      case 'refusal':
        return { content: "I'm sorry, but I cannot judge this text." }
      case 'refusal by field':
        return { content: '', refusal: 'No.' }
      case 'score too high':
        return changed((scores) => (scores.education = 7))
      case 'points too high':
        return { content: whole.replace('"points":[', '"points":[2,').replace(/,[01]\]/, ']') }
      case 'wrong sum':
        return { content: whole.replace(/"score":(\d)/, (_, score: string) => `"score":${5 - Number(score)}`) }
      case 'duplicate':
        return { content: JSON.stringify({ mark: 'ffffffff', ...this.#lastAnswer }) }
      case 'empty':
        return { content: '' }
      case 'cut off':
        return { content: whole.slice(0, 40), finish: 'length' }
      case 'wrong but plausible':
        return changed((scores) => (scores.education = 5 - scores.education))
      case 'no interface':
        return { page: '<html>Welcome to the gateway</html>' }
      case 'slow':
        return 'hold'
      case 'busy':
        return { status: 429, headers: { 'retry-after': '3' } }
      case 'broken':
        return { status: 502 }
    }
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
