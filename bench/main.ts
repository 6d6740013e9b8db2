/**
 * Speed of a model against the roofs of the machine, and against peers: round after round in turn, each in a process of its own.
 *
 *     npm run bench -- MODEL [--peer node-llama-cpp=FOLDER] [--rounds 5] [--threads 2] [--prompts 32,128,512,2048]
 *         [--depths 0,512,2048,4000] [--tokens 32] [--cache-type f16] [--no-wide] [--save FILE] [--json]
 *
 * Ctrl-C ends it; with the same --save FILE it goes on with the rounds that are missing.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { enableWideVectors } from '../src/cli/wide.ts'
import { printReport, type Measured } from './report.ts'
import type { Roofs } from './roofs.ts'
import { runChild, type EngineFacts, type Round, type RoundCosts, type Settings } from './rounds.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: {
    peer: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: String(Math.min(8, availableParallelism())) },
    prompts: { type: 'string', default: '32,128,512,2048' },
    depths: { type: 'string', default: '0,512,2048,4000' },
    tokens: { type: 'string', default: '32' },
    'cache-type': { type: 'string', default: 'f16' },
    wide: { type: 'boolean', default: true },
    save: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const [model] = positionals
if (model === undefined) throw new Error('npm run bench -- MODEL [--peer node-llama-cpp=FOLDER]')

function numbers(text: string): number[] {
  const list = text.split(',').map(Number)
  if (list.every((value) => Number.isSafeInteger(value) && value >= 0)) return list
  throw new Error(`"${text}" is no list of whole numbers`)
}

const [peerName, peerFolder = ''] = (values.peer ?? '').split('=')
if (values.peer !== undefined && (peerName !== 'node-llama-cpp' || peerFolder === '')) {
  throw new Error('--peer node-llama-cpp=FOLDER, the folder that it is installed in')
}
const [prompts, depths, tokens] = [numbers(values.prompts), numbers(values.depths), Number(values.tokens)]
const longest = Math.max(...prompts, ...depths) + tokens + 2
const settings: Settings = {
  model: existsSync(model) ? resolve(model) : model,
  threads: Number(values.threads),
  ...{ prompts, depths, tokens },
  cacheType: values['cache-type'] === 'f32' ? 'f32' : 'f16',
  wide: values.wide && enableWideVectors('answers'),
  context: Math.max(512, Math.ceil(longest / 512) * 512),
  peer: { folder: peerFolder, flash: false },
}

/** Rounds that there are, in the order in which each is run. */
interface Saved {
  readonly settings: Settings
  readonly measured: Measured
}

function load(): Measured {
  const empty: Measured = { roofs: [], rounds: {}, others: [] }
  if (values.save === undefined || !existsSync(values.save)) return empty
  const saved = JSON.parse(readFileSync(values.save, 'utf8')) as Saved
  if (JSON.stringify(saved.settings) === JSON.stringify(settings)) return saved.measured
  throw new Error(`${values.save} has rounds of other settings; name another file, or remove it`)
}

function save(measured: Measured): void {
  if (values.save === undefined) return
  writeFileSync(`${values.save}.tmp`, JSON.stringify({ settings, measured } satisfies Saved, null, 1))
  renameSync(`${values.save}.tmp`, values.save)
}

const controller = new AbortController()
process.once('SIGINT', () => controller.abort())

async function round(name: string, script: string, measured: Measured, own: Settings): Promise<void> {
  process.stderr.write(`${name} …\n`)
  const { result, others } = await runChild<Round & RoundCosts & Partial<EngineFacts>>(
    script,
    JSON.stringify(own),
    controller.signal,
  )
  ;(measured.rounds[name] ??= []).push(result)
  if (others !== undefined) measured.others.push(others)
  save(measured)
}

const contenders: { name: string; script: string; settings: Settings }[] = [
  { name: 'pocket-phi', script: 'engine-round.ts', settings },
]
if (values.peer !== undefined) {
  for (const flash of [true, false]) {
    const name = `node-llama-cpp, flash attention ${flash ? 'on' : 'off'}`
    const own = { ...settings, peer: { folder: resolve(peerFolder), flash } }
    contenders.push({ name, script: 'node-llama-cpp-round.ts', settings: own })
  }
}

const measured = load()
try {
  for (let index = 0; index < Number(values.rounds); index++) {
    if (measured.roofs.length <= index) {
      const { result } = await runChild<Roofs & { cpuSeconds: number }>(
        'roofs.ts',
        String(settings.threads),
        controller.signal,
      )
      measured.roofs.push(result)
      save(measured)
    }
    for (const { name, script, settings: own } of contenders) {
      if ((measured.rounds[name]?.length ?? 0) <= index) await round(name, script, measured, own)
    }
  }
} catch (error) {
  if (!controller.signal.aborted) throw error
  process.stderr.write(values.save === undefined ? 'interrupted\n' : `interrupted; go on with --save ${values.save}\n`)
  process.exitCode = 130
}
if (values.json) console.log(JSON.stringify({ settings, ...measured }))
else printReport(settings, measured)
