/**
 * What phi-nano learns of a new task with all weights, through adapters, and through adapters over its weights in 4 bits. Recipes are in recipes/qlora, what is
 * learned and measured in qlora-cards.ts: other wordings of questions whose answers were learned, and answers that were not. Of each run the last
 * step counts, so that nothing is chosen by what is measured or is like it.
 *
 *     node scripts/qlora-experiment.ts [--seeds 1,2,3] [--arms full,lora,qlora] [--work runs/qlora] [--only-cards]
 *
 * `--only-cards` writes the files of cards that the recipes name, and ends. Runs that are there already, of the same recipe, weights and cards, are not run again.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { meanLoss } from '../src/cli/mean-loss.ts'
import { enableWideVectors } from '../src/cli/wide.ts'
import { loadModel, localFolder, wasmBackend, type Backend } from '../src/index.ts'
import type { Recipe } from '../src/train/recipe.ts'
import { readRecipe } from '../src/train/read-recipe.ts'
import { conversationExample } from '../src/train/step/examples.ts'
import { train } from '../src/train/trainer.ts'
import { loadTokenizerJson } from '../src/text/tokenizer-json.ts'
import { markdownTable } from './page-part.ts'
import { checkCard, learnedCards, learnedSeeds, measuredCards, type Card, type MeasuredCards } from './qlora-cards.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const arms = ['full', 'lora', 'qlora'] as const
type Arm = (typeof arms)[number]
const partNames: Readonly<Record<keyof MeasuredCards, string>> = {
  newWordings: 'Wordings that are new, of answers that were learned',
  newAnswers: 'Answers that are new',
}
const names: Readonly<Record<Arm, string>> = { full: 'all weights', lora: 'LoRA', qlora: 'QLoRA' }

/** Cards of each part that are also answered. */
const answeredCards = 150
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

type Result = Readonly<Record<keyof MeasuredCards, Measured>>

const messagesOf = ({ question, text }: Card) =>
  [
    { role: 'user', content: question },
    { role: 'assistant', content: text },
  ] as const

function writeCards(file: string, cards: readonly Card[]): void {
  writeFileSync(file, cards.map((card) => JSON.stringify({ messages: messagesOf(card) })).join('\n'))
}

async function recipeOf(arm: Arm, seed: number, file: string): Promise<Recipe> {
  const name = `${arm}.yaml`
  const recipe = await readRecipe(readFileSync(join('recipes/qlora', name), 'utf8'), name)
  return { ...recipe, seed, data: recipe.data.map((entry) => ({ ...entry, file, seed })) }
}

/** The model that a run ended with: with its adapters, if it has any, added to the weights that they belong to. */
function modelOfRun(arm: Arm, { initial }: Recipe, folder: string): string {
  const final = join(folder, 'final')
  if (arm === 'full') return final
  const merged = join(folder, 'merged')
  const words = ['src/cli/main.ts', 'merge', String(initial), final, merged, '--force']
  const { status, stderr } = spawnSync(process.execPath, words)
  if (status !== 0) throw new Error(`phi merge failed: ${stderr.toString()}`)
  return merged
}

async function measurePart(folder: string, cards: readonly Card[], backend: Backend): Promise<Measured> {
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

async function measureModel(folder: string, cards: MeasuredCards, backend: Backend): Promise<Result> {
  return {
    newWordings: await measurePart(folder, cards.newWordings, backend),
    newAnswers: await measurePart(folder, cards.newAnswers, backend),
  }
}

function digestOf(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(createHash('sha256').update(part).digest())
  return hash.digest('hex').slice(0, 16)
}

/** What was recorded under this name, else what `make` gives. */
async function recorded(record: string, make: () => Promise<Result>): Promise<Result> {
  if (existsSync(record)) return JSON.parse(readFileSync(record, 'utf8')) as Result
  const result = await make()
  writeFileSync(record, `${JSON.stringify(result)}\n`)
  return result
}

interface Experiment {
  readonly work: string
  readonly cards: MeasuredCards
  readonly backend: Backend
}

const weightsOf = (folder: string): Uint8Array => readFileSync(join(folder, 'model.safetensors'))

/** A model as it ships. */
function measureShipped(folder: string, { work, cards, backend }: Experiment): Promise<Result> {
  const digest = digestOf(weightsOf(folder), JSON.stringify(cards))
  return recorded(join(work, `before-${digest}.json`), () => measureModel(folder, cards, backend))
}

/** One arm with one seed. */
async function runArm(arm: Arm, seed: number, { work, cards, backend }: Experiment): Promise<Result> {
  const file = join(work, `cards-${seed}.jsonl`)
  const recipe = await recipeOf(arm, seed, file)
  const weights = weightsOf(String(recipe.initial))
  const { data, ...settings } = recipe
  const entries = data.map((entry) => ({ ...entry, file: undefined }))
  const digest = digestOf(JSON.stringify([settings, entries, cards]), readFileSync(file), weights)
  const folder = join(work, `${arm}-${seed}-${digest}`)
  return await recorded(`${folder}.json`, async () => {
    await train(recipe, { folder, backend, resume: true })
    const result = await measureModel(modelOfRun(arm, recipe, folder), cards, backend)
    rmSync(join(folder, 'checkpoints'), { recursive: true })
    return result
  })
}

/** The mean, and of several the standard deviation of the sample. */
function spread(values: readonly number[], digits: number, factor = 1): string {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const told = (factor * mean).toFixed(digits)
  if (values.length < 2) return told
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return `${told} ± ${(factor * Math.sqrt(squares / (values.length - 1))).toFixed(digits)}`
}

const columns = [
  ['loss', 4, 1],
  ['isWhole', 1, 100],
  ['isCard', 1, 100],
  ['topicIsRight', 1, 100],
  ['countIsRight', 1, 100],
] as const satisfies readonly (readonly [keyof Measured, number, number])[]

function printTable(part: keyof MeasuredCards, results: ReadonlyMap<string, readonly Result[]>): void {
  const rows = [...results].map(([name, of]) => [
    name,
    ...columns.map(([column, digits, factor]) =>
      spread(
        of.map((one) => one[part][column]),
        digits,
        factor,
      ),
    ),
  ])
  const head = ['', 'nats per token', 'topic and count right, %', 'cards, %', 'topic right, %', 'count right, %']
  console.log(`\n${partNames[part]}\n\n${markdownTable(head, rows)}`)
}

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: learnedSeeds.join(',') },
    arms: { type: 'string', default: arms.join(',') },
    work: { type: 'string', default: join(root, 'runs/qlora') },
    'only-cards': { type: 'boolean', default: false },
  },
})
const seeds = values.seeds.split(',').map(Number)
if (!seeds.every((seed) => learnedSeeds.includes(seed))) {
  throw new Error(`Seeds are ${learnedSeeds.join(', ')}: what is measured on is not learned with any of these.`)
}
const chosen = arms.filter((name) => values.arms.split(',').includes(name))
const work = resolve(values.work)
// Recipes name their models from here.
process.chdir(root)
mkdirSync(work, { recursive: true })
for (const seed of seeds) writeCards(join(work, `cards-${seed}.jsonl`), learnedCards(seed))
if (!values['only-cards']) {
  const backend = wasmBackend({ threads: 1, wide: enableWideVectors('training') })
  const experiment: Experiment = { work, cards: measuredCards(), backend }
  const results = new Map<string, Result[]>()
  for (const arm of chosen) {
    const ofArm: Result[] = []
    for (const seed of seeds) {
      const result = await runArm(arm, seed, experiment)
      const { newWordings, newAnswers } = result
      console.log(`${names[arm]}, seed ${seed}: ${newWordings.loss.toFixed(4)} and ${newAnswers.loss.toFixed(4)}`)
      ofArm.push(result)
    }
    results.set(names[arm], ofArm)
  }
  results.set('before, bf16', [await measureShipped('models/phi-nano/master', experiment)])
  results.set('before, 4 bits', [await measureShipped('models/phi-nano', experiment)])
  printTable('newWordings', results)
  printTable('newAnswers', results)
}
