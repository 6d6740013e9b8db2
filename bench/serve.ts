/**
 * What a server does for several clients at once: tokens per second with 1, 4 and 16 of them, in turn; then what becomes of
 * requests when some clients leave, read slowly, or send too much or nonsense. The server is `phi serve`, a process of its own; texts
 * are compared with those that a client got alone.
 *
 *     node bench/serve.ts [MODEL] [--clients 1,4,16] [--requests 32] [--tokens 64] [--rounds 3] [--rough 20] [--threads 2]
 *
 * `--rough` is the seconds of the second part; 0 leaves it out. Meanwhile the memory of the server is read ten times. Until they have their
 * sizes, the cache makes it grow, whose pages are memory once they were used (512 tokens for each client), and so does what V8 sets apart
 * for young objects: it doubles in steps up to some 100 MB, or stays at 8 MB with NODE_OPTIONS=--max-semi-space-size=4.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Random } from '../src/base/random.ts'
import { formatBytes, formatTable } from '../src/cli/terminal.ts'
import { parseCount, parseCounts } from './options.ts'
import { heldByDescendants } from './processes.ts'
import { ask, behaviours, right, type Answer, type Question } from './serve-clients.ts'
import { median } from './summary.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    clients: { type: 'string', default: '1,4,16' },
    requests: { type: 'string', default: '32' },
    tokens: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '3' },
    rough: { type: 'string', default: '20' },
    threads: { type: 'string', default: '2' },
  },
})
const levels = parseCounts('clients', values.clients)
const requests = parseCount('requests', values.requests)
const tokens = parseCount('tokens', values.tokens)
const most = Math.max(...levels)
const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))

interface Served extends AsyncDisposable {
  readonly url: string
}

async function serve(model: string): Promise<Served> {
  const options = ['--port', '0', '--parallel', String(most), '--context', '512', '--threads', values.threads]
  const child = spawn(process.execPath, [main, 'serve', model, ...options], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  for await (const text of child.stdout
    .setEncoding('utf8')
    .iterator({ destroyOnReturn: false }) as AsyncIterable<string>) {
    said += text
    if (said.includes('\n')) break
  }
  const [url] = /http:\S+/.exec(said) ?? []
  if (url === undefined) throw new Error(`the server said: ${said}`)
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      const [code] = (await once(child, 'exit')) as [number | null]
      console.log(`SIGTERM: the server ended with ${code}`)
    },
  }
}

/** Each has its own beginning, so that none is found in the cache. */
function questionOf(number: number): Question {
  const words = ['the', 'ship', 'reads', 'a', 'story', 'about', 'wind', 'and', 'sea']
  const random = new Random(number)
  const text = Array.from({ length: 24 }, () => random.pick(words)).join(' ')
  return { prompt: `${number}: ${text}`, tokens }
}

/** Does something with each of these, so many at once. */
async function together<T>(count: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values()
  const client = async (): Promise<void> => {
    for (const item of left) await work(item)
  }
  await Promise.all(Array.from({ length: count }, client))
}

let asked = 0

/** Tokens per second with so many clients. */
async function speedOf(url: string, clients: number): Promise<number> {
  const questions = Array.from({ length: requests }, () => questionOf(++asked))
  let count = 0
  const start = performance.now()
  await together(clients, questions, async (question) => {
    const answer = await ask(url, question)
    count += answer.tokens
  })
  return count / ((performance.now() - start) / 1000)
}

async function measure(url: string): Promise<void> {
  for (const clients of levels) await speedOf(url, clients)
  const speeds = new Map<number, number[]>(levels.map((clients) => [clients, []]))
  for (let round = 0; round < parseCount('rounds', values.rounds); round++) {
    for (const clients of levels) speeds.get(clients)?.push(await speedOf(url, clients))
  }
  const first = median(speeds.get(levels[0] ?? 1) ?? [])
  const rows = [...speeds].map(([clients, rates]) => {
    const speed = median(rates)
    const range = `${Math.min(...rates).toFixed(0)} to ${Math.max(...rates).toFixed(0)}`
    return [String(clients), speed.toFixed(0), range, (speed / first).toFixed(2)]
  })
  console.log(formatTable([['clients', 'tokens per second', 'range', 'ratio'], ...rows]))
}

/** Counts of what came of it, by what the client did. */
type Tally = Map<string, Map<string, number>>

/** What the server holds, against what was asked of it. */
class MemoryTable {
  readonly #tally: Tally
  readonly #start = performance.now()
  readonly #looks: { readonly seconds: number; readonly requests: number; readonly bytes: number }[] = []

  constructor(tally: Tally) {
    this.#tally = tally
    this.look()
  }

  look(): void {
    const counts = [...this.#tally.values()].flatMap((outcomes) => [...outcomes.values()])
    this.#looks.push({
      seconds: (performance.now() - this.#start) / 1000,
      requests: counts.reduce((sum, count) => sum + count, 0),
      bytes: heldByDescendants(),
    })
  }

  text(): string {
    const rows = this.#looks.map(({ seconds, requests: done, bytes }) => [
      seconds.toFixed(0),
      String(done),
      formatBytes(bytes),
    ])
    return formatTable([['seconds', 'requests', 'memory of the server'], ...rows])
  }
}

async function treatRoughly(url: string, seconds: number): Promise<void> {
  const questions = Array.from({ length: most }, () => questionOf(++asked))
  const expected = new Map<Question, Answer>()
  for (const question of questions) expected.set(question, await ask(url, question))
  const tally: Tally = new Map(Object.keys(behaviours).map((name) => [name, new Map<string, number>()]))
  const until = performance.now() + seconds * 1000
  const memory = new MemoryTable(tally)
  const timer = setInterval(() => memory.look(), (seconds * 1000) / 10)
  await Promise.all(
    questions.map((question, index) => misbehave(url, question, expected, until, new Random(index), tally)),
  )
  clearInterval(timer)
  await untilIdle(url)
  memory.look()
  const rows = [...tally].flatMap(([name, outcomes]) =>
    [...outcomes].map(([outcome, count]) => [name, outcome, String(count)]),
  )
  console.log(formatTable([['what a client does', 'what comes of it', 'times'], ...rows]))
  console.log(memory.text())
  const wrong = rows.filter(([, outcome]) => outcome !== right)
  if (wrong.length > 0) process.exitCode = 1
}

/** What went wrong, with the cause, which is all that `fetch` has to say. */
function reasonOf(error: unknown): string {
  return error instanceof Error && error.cause instanceof Error ? `${error}: ${error.cause}` : String(error)
}

async function misbehave(
  url: string,
  question: Question,
  expected: ReadonlyMap<Question, Answer>,
  until: number,
  random: Random,
  tally: Tally,
): Promise<void> {
  const all = Object.entries(behaviours)
  while (performance.now() < until) {
    const [name, behave] = random.pick(all)
    const answer = expected.get(question) ?? { text: '', tokens: 0 }
    const outcome = await behave(url, question, answer).catch(reasonOf)
    const outcomes = tally.get(name)
    outcomes?.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
}

/** Waits until the server has noticed that all have gone. */
async function untilIdle(url: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const figures = await (await fetch(new URL('/metrics', url))).text()
    if (figures.includes('phi_requests_running 0\n')) return
    await new Promise((resolve) => void setTimeout(resolve, 100))
  }
  throw new Error('requests are still running although all clients have gone')
}

await using served = await serve(positionals[0] ?? 'phi-nano')
await measure(served.url)
const rough = Number(values.rough)
if (rough > 0) await treatRoughly(served.url, rough)
