/**
 * What phi-nano learns of a new task with all weights, through adapters, and through adapters over its weights in 4 bits. Recipes are in recipes/qlora; the cards
 * that are learned, and those that are measured on, have seeds of their own, and no question is in both. Of each run the checkpoint counts whose loss on
 * cards that were held out of the training file is lowest.
 *
 *     node scripts/qlora-experiment.ts [--seeds 1,2,3] [--arms full,lora,qlora] [--work runs/qlora]
 *
 * Runs that are there already are not run again; a table is printed after each seed.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { present } from '../src/base/errors.ts'
import { meanLoss } from '../src/cli/mean-loss.ts'
import { enableWideVectors } from '../src/cli/wide.ts'
import { loadModel, localFolder, wasmBackend, type Backend } from '../src/index.ts'
import { readMetrics } from '../src/train/metrics.ts'
import { readRecipe } from '../src/train/read-recipe.ts'
import { conversationExample } from '../src/train/step/examples.ts'
import { train } from '../src/train/trainer.ts'
import { loadTokenizerJson } from '../src/text/tokenizer-json.ts'
import { markdownTable } from './page-part.ts'
import { cardOf, checkCard, type Card } from './qlora-cards.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const arms = ['full', 'lora', 'qlora'] as const
type Arm = (typeof arms)[number]
const names: Readonly<Record<Arm, string>> = { full: 'all weights', lora: 'LoRA', qlora: 'QLoRA' }

const learnedCards = 16_000
/** Of those that are measured on: one for the loss, and fewer that are also answered. */
const [measuredCards, answeredCards] = [600, 200]
const measuredSeed = 999
/** Tokens of the longest card. */
const longestAnswer = 120

interface Measured {
  /** Nats per token of the cards, and the end of the answer. */
  readonly loss: number
  /** Shares of the questions that were answered. */
  readonly isCard: number
  readonly topicIsRight: number
  readonly countIsRight: number
  readonly isWhole: number
}

interface Result extends Measured {
  /** At which the held-out loss was lowest. */
  readonly step: number
  readonly lastStep: number
}

const messagesOf = ({ question, text }: Card) =>
  [
    { role: 'user', content: question },
    { role: 'assistant', content: text },
  ] as const

const learnedSeed = (seed: number): number => 100 + seed

/** Cards whose questions no training of these seeds has. */
function cardsToMeasure(seeds: readonly number[]): Card[] {
  const known = new Set<string>()
  for (const seed of seeds) {
    for (let index = 0; index < learnedCards; index++) known.add(cardOf(learnedSeed(seed), index).question)
  }
  const cards: Card[] = []
  for (let index = 0; cards.length < measuredCards; index++) {
    const card = cardOf(measuredSeed, index)
    if (!known.has(card.question)) cards.push(card)
  }
  return cards
}

async function trainArm(arm: Arm, seed: number, folder: string, cardsFile: string, backend: Backend): Promise<string> {
  const file = `${arm}.yaml`
  const recipe = await readRecipe(readFileSync(join(root, 'recipes/qlora', file), 'utf8'), file)
  const data = recipe.data.map((entry) => ({ ...entry, file: cardsFile, seed })) as typeof recipe.data
  await train({ ...recipe, seed, data }, { folder, backend, resume: true })
  return String(recipe.initial)
}

/** The step with the lowest held-out loss. */
async function bestStep(folder: string): Promise<{ step: number; lastStep: number }> {
  const measured = (await readMetrics(join(folder, 'metrics.jsonl'))).filter((row) => row.heldOutLoss !== undefined)
  const [best] = measured.toSorted((a, b) => (a.heldOutLoss ?? 0) - (b.heldOutLoss ?? 0))
  return { step: present(best, 'held-out loss').step, lastStep: present(measured.at(-1), 'step').step }
}

/** The model of a checkpoint: with its adapters, if it has any, added to the weights that they belong to. */
function modelOfCheckpoint(arm: Arm, initial: string, checkpoint: string, merged: string): string {
  if (arm === 'full') return checkpoint
  const main = join(root, 'src/cli/main.ts')
  const { status, stderr } = spawnSync(process.execPath, [main, 'merge', initial, checkpoint, merged, '--force'])
  if (status !== 0) throw new Error(`phi merge failed: ${stderr.toString()}`)
  return merged
}

async function measureModel(folder: string, cards: readonly Card[], backend: Backend): Promise<Measured> {
  const tree = localFolder(folder)
  const tokenizer = loadTokenizerJson(await tree.readJson('tokenizer.json'))
  const examples = cards.map((card) => conversationExample(tokenizer, messagesOf(card)))
  const nothing = { ids: [0], learned: [false] }
  const source = { example: (index: number) => examples[index] ?? nothing }
  const { loss } = await meanLoss(
    { tree, weightsFile: undefined },
    backend,
    () => ({ source, examples: examples.length }),
    { exact: true },
  )
  await using model = await loadModel(folder, { backend, exact: true })
  const checks: ReturnType<typeof checkCard>[] = []
  for (const card of cards.slice(0, answeredCards)) {
    const { text } = await model.chat().send(card.question, { temperature: 0, maxTokens: longestAnswer }).result()
    checks.push(checkCard(text, card))
  }
  const share = (holds: (check: (typeof checks)[number]) => boolean): number =>
    checks.filter(holds).length / checks.length
  return {
    loss,
    isCard: share(({ isCard }) => isCard),
    topicIsRight: share(({ topicIsRight }) => topicIsRight),
    countIsRight: share(({ countIsRight }) => countIsRight),
    isWhole: share(({ topicIsRight, countIsRight }) => topicIsRight && countIsRight),
  }
}

/** One arm with one seed, or what is recorded of it. */
async function runArm(
  arm: Arm,
  seed: number,
  { work, cards, backend }: { readonly work: string; readonly cards: readonly Card[]; readonly backend: Backend },
): Promise<Result> {
  const folder = join(work, `${arm}-${seed}`)
  const record = join(work, `${arm}-${seed}.json`)
  if (existsSync(record)) return JSON.parse(readFileSync(record, 'utf8')) as Result
  const cardsFile = join(work, `cards-${seed}.jsonl`)
  const lines = Array.from({ length: learnedCards }, (_, index) => cardOf(learnedSeed(seed), index))
  writeFileSync(cardsFile, lines.map((card) => JSON.stringify({ messages: messagesOf(card) })).join('\n'))
  const initial = await trainArm(arm, seed, folder, cardsFile, backend)
  const { step, lastStep } = await bestStep(folder)
  const checkpoint = join(folder, 'checkpoints', `step-${String(step).padStart(7, '0')}`)
  const model = modelOfCheckpoint(arm, initial, checkpoint, join(folder, 'merged'))
  const result = { ...(await measureModel(model, cards, backend)), step, lastStep }
  writeFileSync(record, `${JSON.stringify(result)}\n`)
  rmSync(join(folder, 'checkpoints'), { recursive: true })
  return result
}

/** The mean, and the standard deviation of the sample. */
function spread(values: readonly number[], digits: number, factor = 1): string {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  const deviation = Math.sqrt(squares / Math.max(1, values.length - 1))
  return `${(factor * mean).toFixed(digits)} ± ${(factor * deviation).toFixed(digits)}`
}

const columns = [
  ['loss', 4, 1],
  ['isWhole', 1, 100],
  ['isCard', 1, 100],
  ['topicIsRight', 1, 100],
  ['countIsRight', 1, 100],
] as const satisfies readonly (readonly [keyof Measured, number, number])[]

function printTable(results: Readonly<Record<string, readonly Measured[]>>): void {
  const rows = Object.entries(results).map(([name, of]) => [
    name,
    ...columns.map(([column, digits, factor]) =>
      spread(
        of.map((one) => one[column]),
        digits,
        factor,
      ),
    ),
  ])
  const head = ['', 'held-out loss', 'whole cards, %', 'cards', 'topic right', 'count right']
  console.log(markdownTable(head, rows))
}

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1,2,3' },
    arms: { type: 'string', default: arms.join(',') },
    work: { type: 'string', default: 'runs/qlora' },
  },
})
const seeds = values.seeds.split(',').map(Number)
const chosen = values.arms.split(',')
const { work } = values
mkdirSync(work, { recursive: true })
const backend = wasmBackend({ threads: 1, wide: enableWideVectors('training') })
const cards = cardsToMeasure(seeds)
const results: Record<string, Measured[]> = {
  'before, bf16': [await measureModel('models/phi-nano/master', cards, backend)],
  'before, 4 bits': [await measureModel('models/phi-nano', cards, backend)],
}
for (const seed of seeds) {
  for (const arm of arms.filter((name) => chosen.includes(name))) {
    const result = await runArm(arm, seed, { work, cards, backend })
    console.log(
      `seed ${seed}, ${names[arm]}: ${result.loss.toFixed(4)}, best at step ${result.step} of ${result.lastStep}`,
    )
    ;(results[names[arm]] ??= []).push(result)
  }
  printTable(results)
}
