/**
 * Speed of training: steps of a model of four layers against the engine's own f32 matmul on as many threads, and against a
 * peer that trains the same model on the same batch. Round after round in turn, each in a process of its own.
 *
 *     node bench/train.ts [--threads 2] [--rounds 5] [--no-wide] [--peer jax-js=FOLDER] [--json]
 *
 * Ctrl-C ends it, and what was measured until then is printed.
 */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { enableWideVectors } from '../src/cli/wide.ts'
import { defaultThreads } from './options.ts'
import { runChild } from './rounds.ts'
import type { TrainSettings } from './train-model.ts'
import { printTrainReport, type TrainMeasured } from './train-report.ts'

const { values } = parseArgs({
  allowNegative: true,
  options: {
    threads: { type: 'string', default: defaultThreads },
    rounds: { type: 'string', default: '5' },
    wide: { type: 'boolean', default: true },
    peer: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const [peerName, peerFolder = ''] = (values.peer ?? '').split('=')
if (values.peer !== undefined && (peerName !== 'jax-js' || peerFolder === '')) {
  throw new Error('--peer jax-js=FOLDER, the folder that it is installed in')
}
const plain: TrainSettings = { threads: Number(values.threads), wide: false, peer: resolve(peerFolder) }
const wide = values.wide && enableWideVectors('training')
const measured: TrainMeasured = { roofs: [], plain: [], wide: [], jaxJs: [], others: [] }
const controller = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => controller.abort())

async function round<T extends { readonly cpuSeconds: number }>(script: string, argument: string): Promise<T> {
  process.stderr.write(`${script} …\n`)
  const { result, others } = await runChild<T>(script, argument, controller.signal)
  if (others !== undefined) measured.others.push(others)
  return result
}

async function rounds(): Promise<void> {
  for (let index = 0; index < Number(values.rounds); index++) {
    measured.roofs.push(await round('roofs.ts', '1'))
    measured.plain.push(await round('train-round.ts', JSON.stringify(plain)))
    if (wide) measured.wide.push(await round('train-round.ts', JSON.stringify({ ...plain, wide })))
    if (values.peer !== undefined) measured.jaxJs.push(await round('jax-js-round.ts', JSON.stringify(plain)))
  }
}

try {
  await rounds()
} catch (error) {
  if (!controller.signal.aborted) throw error
  process.stderr.write('interrupted; these are the rounds until then\n')
}
if (values.json) console.log(JSON.stringify({ settings: plain, ...measured }))
else printTrainReport(plain.threads, measured)
