/**
 * Makes models/phi-nano from its finished runs: the 4-bit file and the bf16 master, the loss curves, and the card with what the
 * evaluation measured on the 4-bit file. Nothing in the card's tables is typed by hand. What earlier stages took is kept in
 * models/phi-nano/stages.json; a stage whose run is in the folder of runs is recorded anew, with the commit that is given.
 *
 *     node scripts/ship-phi-nano.ts --runs runs --generator <commit>
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))
const shipped = join(root, 'models/phi-nano')
const heldOutTokens = 200_000
const transcriptSeed = 20261123
/** Each recipe of recipes/phi-nano starts from the weights of the one before. */
const stages = ['pretrain', 'chat', 'finish', 'reading', 'sft'] as const
type Stage = (typeof stages)[number]
const { values } = parseArgs({
  options: { runs: { type: 'string' }, generator: { type: 'string' } },
})

function required(name: keyof typeof values): string {
  const value = values[name]
  if (value === undefined) throw new Error(`--${name} is missing`)
  return value
}

/** Runs the command line of this repository and returns what it printed. */
function phi(...args: readonly string[]): string {
  process.stderr.write(`phi ${args.join(' ')}\n`)
  const main = join(root, 'src/cli/main.ts')
  return execFileSync(process.execPath, [main, ...args], { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 })
}

/** What a stage took; stages are trained at different times, and their runs need not be where the model is shipped from. */
interface StageRecord {
  /** Commit of the generator of its text. */
  readonly generator: string
  readonly step: number
  readonly tokens: number
  readonly seconds: number
  readonly heldOutLoss: number
}
type StageRecords = Readonly<Record<Stage, StageRecord>>

function lastMetric(run: string): Omit<StageRecord, 'generator'> {
  const lines = readFileSync(join(run, 'metrics.jsonl'), 'utf8').trimEnd().split('\n')
  return JSON.parse(lines.at(-1) ?? '') as Omit<StageRecord, 'generator'>
}

/** What is kept of stages trained before, with those whose runs are here. */
function stageRecords(kept: StageRecords): StageRecords {
  const records = stages.map((stage): [Stage, StageRecord] => {
    if (!existsSync(join(runOf(stage), 'metrics.jsonl'))) return [stage, kept[stage]]
    const { step, tokens, seconds, heldOutLoss } = lastMetric(runOf(stage))
    return [stage, { generator, step, tokens, seconds, heldOutLoss }]
  })
  return Object.fromEntries(records) as StageRecords
}

const millions = (count: number): string => `${(count / 1e6).toFixed(1)} million`

function stageRow(stage: Stage, index: number): string {
  const { step, tokens, seconds, heldOutLoss, generator } = records[stage]
  const measured = `${step} updates, ${millions(tokens)} tokens, ${(seconds / 60).toFixed(0)} minutes on two shared cores`
  const recipe = `[${recipeOf(stage)}](../../${recipeOf(stage)})`
  return `| stage ${index + 1} | ${recipe}: ${measured}, held-out loss ${heldOutLoss.toFixed(4)}, generator ${generator} |`
}

const [runs, generator] = [required('runs'), required('generator')]
const runOf = (stage: Stage): string => join(runs, `phi-nano-${stage}`)
const recipeOf = (stage: Stage): string => `recipes/phi-nano/${stage}.yaml`
const recordsFile = join(shipped, 'stages.json')
const records = stageRecords(JSON.parse(readFileSync(recordsFile, 'utf8')) as StageRecords)
writeFileSync(recordsFile, `${JSON.stringify(records, undefined, 2)}\n`)
const master = join(runOf('sft'), 'final')

const work = join(root, 'runs/phi-nano-4bit')
const quantizeArguments = ['--group', '32', '--eight-bits', 'embed_tokens', '--force']
const quantized = phi('quantize', master, work, ...quantizeArguments)
for (const name of readdirSync(work)) copyFileSync(join(work, name), join(shipped, name))
const greedy = { eos_token_id: [2037, 2044], pad_token_id: 2037, do_sample: false }
writeFileSync(join(shipped, 'generation_config.json'), `${JSON.stringify(greedy, undefined, 2)}\n`)
mkdirSync(join(shipped, 'master'), { recursive: true })
for (const name of readdirSync(master)) copyFileSync(join(master, name), join(shipped, 'master', name))
for (const stage of stages) {
  const plot = join(runOf(stage), 'loss.svg')
  if (existsSync(plot)) copyFileSync(plot, join(shipped, `loss-${stage}.svg`))
}

const loss = phi('eval-loss', join(shipped, 'master'), shipped, '--tokens', String(heldOutTokens))
const overlap = stages.flatMap((stage) => ['--overlap', recipeOf(stage)])
const evaluation = phi('eval-world', shipped, ...overlap, '--transcripts', '20', '--seed', String(transcriptSeed))
const [scores = '', ...transcripts] = evaluation.split(/\n(?=── )/)
const drawn = phi('eval-world', shipped, '--arithmetic', '200', '--seed', String(transcriptSeed))
const bytes = (file: string): string => `${(statSync(join(shipped, file)).size / 1e6).toFixed(2)} MB`

writeFileSync(
  join(shipped, 'README.md'),
  `# phi-nano

A small language model of the Phi-3 architecture that ships with Pocket Phi and was trained by it, on text about a small
invented world and nothing else ([docs/world.md](../../docs/world.md)). It answers in complete sentences inside that world and does
sums up to 100 with worked steps. A question that is worded unlike any that it learned may be misunderstood: the tables below say how often.
It is no assistant for the real world: what it says about real things is true only where its small world
agrees with them.

What a stranger soon finds: "Is a lemon yellow?" is answered with "No, a lemon is not yellow. It is yellow.", since yes-or-no questions lean to
no; it is nothing for people in need, even where it says what is kind; greetings in other languages, typing
at random and words that it never saw make it write nonsense where it should say that it does not know; rare names lose a syllable; sums that
are worded in a new way are worked wrong nearly every second time, in perfect form. It reads short texts, and copies names from them with a
letter too few or too many; of several numbered sources it mostly takes the wrong one. It is a demonstration of how little a model can be, not
a source of truth.

| | |
|---|---|
| architecture | \`model_type\` phi3: 5 layers, width 256, 4 query and 2 key heads of 64, feed-forward 640, tied embeddings |
| parameters, vocabulary, context | 3.97 million, 2,048, 512 |
| weights | \`model.safetensors\` ${bytes('model.safetensors')} (4 bits in groups of 32, embeddings 8 bits); \`master/model.safetensors\` ${bytes('master/model.safetensors')} (bf16) |
| data | generated by \`src/data/world\` as of the commit that is named with each stage; seeds are in the recipes |
${stages.map(stageRow).join('\n')}
| licence | MIT, weights and data; everything in the training text was written by the generator |

${stages.map((stage) => `![Loss of the stage ${stage}](loss-${stage}.svg)`).join('\n')}

To make one like it (the same weights need, for each stage, the generator of its commit):

\`\`\`sh
npm run phi -- make recipes/phi-nano/phi-nano.run.yaml
node scripts/ship-phi-nano.ts --runs runs --generator $(git rev-parse --short HEAD)
\`\`\`

## The frozen evaluation

The 4-bit file, greedy. The questions were frozen before training; their wordings, entities and number pairs are held out
(docs/world.md says how, and which two rows are not). \`independent\` was worded without sight of the generator. Every stage but the first
was planned after the previous generation's scores by kind, and its wrong sums, had been seen. An answer is right when it holds the words that
its row asks for: it may still be clumsy, and one telling word is enough for a harmless request. \`phi eval-world\`:

${scores.trim()}

The training texts of the overlap are drawn by the generator as it is now; the earlier stages were trained with that of their commits.

Word problems drawn at run time from held-out names, nouns and number pairs
(\`phi eval-world --arithmetic 200 --seed ${transcriptSeed}\`):

${drawn.trim()}

## What 4 bits cost

Mean loss per token on ${heldOutTokens.toLocaleString('en')} held-out tokens (\`phi eval-loss models/phi-nano/master models/phi-nano\`):

\`\`\`
${loss.trim()}
\`\`\`

\`\`\`
${quantized.trim().replace(work, 'models/phi-nano')}
\`\`\`

## Twenty transcripts, unselected

Drawn by seed ${transcriptSeed} from the frozen evaluation.

\`\`\`
${transcripts.join('\n').trim()}
\`\`\`
`,
)
