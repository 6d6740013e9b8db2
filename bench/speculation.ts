/**
 * What guessing tokens gains, and that it changes nothing: greedy answers with and without, in turn, to the frozen questions of the
 * closed world (plain text) and to texts that repeat themselves. Then what passes cost by themselves: answers that are known are
 * guessed with a given share of right tokens.
 *
 * Exit status: 1 when an answer is another one with guesses.
 *
 *     node bench/speculation.ts [MODEL] [--draft MODEL] [--count 100] [--tokens 64] [--threads 2] [--wide]
 */
import { readFile, readdir } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { Random } from '../src/base/random.ts'
import { spread } from '../src/base/spread.ts'
import { wasmBackend } from '../src/backends/wasm/index.ts'
import { enableWideVectors } from '../src/cli/wide.ts'
import { messagesOf, parseRows } from '../src/eval/world/index.ts'
import { guessesAtOnce, type Drafter } from '../src/engine/drafts.ts'
import { greatestIndex } from '../src/engine/sampling.ts'
import { Speculation } from '../src/engine/speculation.ts'
import type { GenerateOptions, Generation, GenerationResult } from '../src/engine/generate.ts'
import { loadModel, type PhiModel } from '../src/index.ts'
import { median } from './summary.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    draft: { type: 'string' },
    count: { type: 'string', default: '100' },
    tokens: { type: 'string', default: '64' },
    threads: { type: 'string', default: '2' },
    wide: { type: 'boolean', default: false },
  },
})
/** Knows an answer, and guesses it with this share of right tokens. */
class Replay implements Drafter {
  readonly #known: readonly number[]
  readonly #share: number
  readonly #random = new Random(1)

  constructor(known: readonly number[], share: number) {
    this.#known = known
    this.#share = share
  }

  propose(ids: readonly number[], count: number): Promise<readonly number[]> {
    const next = this.#known.slice(ids.length, ids.length + count)
    return Promise.resolve(next.map((id) => (this.#random.float() < this.#share ? id : Math.max(0, id - 1))))
  }

  close(): void {}
}

const wide = values.wide && enableWideVectors('answers')
const load = async (name: string): Promise<PhiModel> =>
  await loadModel(name, { backend: wasmBackend({ threads: Number(values.threads), wide }) })

await using model = await load(positionals[0] ?? 'phi-nano')
await using draft = values.draft === undefined ? undefined : await load(values.draft)
const guessing: GenerateOptions = draft === undefined ? {} : { draft }

const folder = new URL('../models/phi-nano/evaluation/', import.meta.url)
const files = (await readdir(folder)).filter((name) => name.endsWith('.jsonl')).sort()
const texts = await Promise.all(files.map((name) => readFile(new URL(name, folder), 'utf8')))
const rows = texts.flatMap((text, index) => parseRows(text, files[index] ?? ''))
const questions = spread(rows, Number(values.count)).map(messagesOf)

type Ask = (options: GenerateOptions) => Generation

async function compare(name: string, asks: readonly Ask[]): Promise<void> {
  const total = { same: 0, tokens: 0, guessed: 0, accepted: 0, seconds: 0, secondsWithout: 0 }
  for (const [index, ask] of asks.entries()) {
    const common = { temperature: 0, repetitionPenalty: 1, maxTokens: Number(values.tokens) }
    const run = async (speculate: boolean): Promise<GenerationResult> =>
      await ask({ ...common, ...(speculate ? guessing : {}), speculate }).result()
    const results = new Map<boolean, GenerationResult>()
    // Both find the prompt in the cache.
    await ask({ ...common, maxTokens: 1, speculate: false }).result()
    for (const speculate of index % 2 === 0 ? [true, false] : [false, true])
      results.set(speculate, await run(speculate))
    const [found, wanted] = [results.get(true), results.get(false)]
    if (found === undefined || wanted === undefined) throw new Error('defect: a run is missing')
    total.same += String(found.ids) === String(wanted.ids) ? 1 : 0
    total.tokens += found.usage.generatedTokens - 1
    total.guessed += found.usage.guessedTokens
    total.accepted += found.usage.acceptedTokens
    total.seconds += found.usage.generationSeconds
    total.secondsWithout += wanted.usage.generationSeconds
  }
  if (total.same < asks.length) process.exitCode = 1
  const [speed, without] = [total.tokens / total.seconds, total.tokens / total.secondsWithout]
  console.log(
    `${name}: ${total.same} of ${asks.length} answers the same; ${speed.toFixed(1)} tokens/s with guesses, ${without.toFixed(1)} without (${(speed / without).toFixed(2)}); ` +
      `${total.accepted} of ${total.guessed} guesses right, ${total.tokens} tokens`,
  )
}

await compare(
  'questions',
  questions.map((messages) => (options) => model.chat().answer(messages, options)),
)
await compare(
  'repetitive texts',
  questions.map((messages) => (options) => {
    const line = messages.at(-1)?.content ?? ''
    return model.generate(`${line}\n${line}\n${line}\n${line.slice(0, line.length / 2)}`, { ...options, stopIds: [] })
  }),
)

/** Tokens a second of an answer whose guesses come from `drafter`, and its ids with those of the prompt. */
async function answer(prompt: readonly number[], drafter: Drafter | undefined): Promise<[number, readonly number[]]> {
  const sequence = await model.engine.open(prompt)
  const reading = new Speculation(sequence, drafter, () => guessesAtOnce)
  reading.append(greatestIndex(await reading.logits({})))
  const start = performance.now()
  while (reading.ids.length < prompt.length + Number(values.tokens))
    reading.append(greatestIndex(await reading.logits({})))
  const speed = (Number(values.tokens) - 1) / ((performance.now() - start) / 1000)
  const ids = [...reading.ids]
  reading.end()
  sequence.close()
  return [speed, ids]
}

const shares = [0, 0.5, 0.75, 1]
const speeds: number[][] = [[], ...shares.map(() => [])]
for (const messages of questions.slice(0, 5)) {
  const prompt = model.tokenizer.encode(messages.at(-1)?.content ?? '')
  const [, known] = await answer(prompt, undefined)
  for (const [index, share] of [undefined, ...shares].entries()) {
    const [speed] = await answer(prompt, share === undefined ? undefined : new Replay(known, share))
    speeds[index]?.push(speed)
  }
}
const medians = speeds.map(median)
console.log(
  `known answers: ${medians[0]?.toFixed(1)} tokens/s without guesses; ` +
    shares.map((share, index) => `${share * 100} % right ${medians[index + 1]?.toFixed(1)}`).join(', '),
)
