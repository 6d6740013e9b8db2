/** The page of a run, from folders as the commands leave them. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseHTML } from 'linkedom'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Reporter } from '../../data/pipeline/report.ts'
import type { Metric } from '../../train/metrics.ts'
import { resultsFile } from '../plan.ts'
import { writeMakeRecord, type MadeStage } from '../record.ts'
import { gatherReport } from './gather.ts'
import { reportPage } from './page.ts'

let home = ''
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'phi-report-'))
})
afterEach(() => rm(home, { recursive: true }))

const evil = '<script>alert("1")</script> & "so on"'

/** Writes the metrics of a training whose loss falls from 8 to 4 along a line. */
function writeMetrics(folder: string, steps: number, others: Partial<Metric> = {}): void {
  mkdirSync(folder, { recursive: true })
  const rows = Array.from({ length: steps }, (_, index): Metric => {
    const step = index + 1
    const heldOut = step % 10 === 0 ? { heldOutLoss: 9 - (4 * step) / steps } : {}
    const common = { step, loss: 8 - (4 * step) / steps, learningRate: 1e-3, gradientNorm: 1 }
    return { ...common, tokens: 100 * step, tokensPerSecond: 250, seconds: step / 2, ...heldOut, ...others }
  })
  writeFileSync(join(folder, 'metrics.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
}

const recipe = { name: 'one', description: evil, seed: 77, schedule: { steps: 40 } }

function stage(name: string, kind: MadeStage['kind'], others: Partial<MadeStage> = {}): MadeStage {
  const basis = { settings: { name: evil }, inputs: {}, files: {} }
  return { name, kind, folder: join(home, name), state: 'done', basis, ...others }
}

/** A run of all kinds of stages, of which the second training is in work. */
async function writeRun(): Promise<void> {
  const inputs = { pages: '1' }
  await writeMakeRecord(home, {
    format: 1,
    name: 'test',
    description: evil,
    stages: [
      stage('pages', 'data', { began: '2026-11-30T10:00:00.000Z', seconds: 75, peakBytes: 2e9 }),
      stage('first', 'train', { basis: { settings: { recipe }, inputs, files: {} } }),
      stage('second', 'train', { state: 'begun', error: evil, basis: { settings: { recipe }, inputs: {}, files: {} } }),
      stage('packed', 'quantize', { state: 'waiting' }),
      stage('scores', 'evaluate'),
    ],
  })
  const reporter = new Reporter()
  for (let index = 0; index < 10; index++) {
    const document = { id: `${index}`, source: 's', format: 'text', text: 'A text.' } as const
    if (index < 3) reporter.drop(evil, document)
    else reporter.keep(document, document)
  }
  mkdirSync(join(home, 'pages', 'stages', 'read-1'), { recursive: true })
  const run = { name: 'pages', description: evil, stages: [{ name: 'read', folder: 'read-1', tasks: 1 }] }
  writeFileSync(join(home, 'pages', 'run.json'), JSON.stringify(run))
  const done = { name: 'read', shards: ['0'], report: reporter.report() }
  writeFileSync(join(home, 'pages', 'stages', 'read-1', 'stage.json'), JSON.stringify(done))
  writeMetrics(join(home, 'first'), 40)
  mkdirSync(join(home, 'scores'))
  const kind = { kind: evil, right: 36, count: 101, share: 36 / 101, interval: [0, 1] }
  const summary = { title: 'Task', questions: 9, scores: { accuracy: { mean: 0.25, standardError: 0.031 } } }
  const results = [
    { model: 'a', loss: { loss: 1.5, tokens: 300 }, world: { kinds: [], total: kind } },
    { model: 'b', benchmarks: [summary] },
  ]
  writeFileSync(join(home, 'scores', resultsFile), JSON.stringify(results))
}

test('a run has its stages, curves, counts and scores on one page, and nothing of it can act', async () => {
  await writeRun()
  const report = await gatherReport(home)
  expect(report.isDone).toBe(false)
  const { document } = parseHTML(reportPage(report))
  expect(document.querySelectorAll('script, a, img, iframe, meta[http-equiv=refresh]').length).toBe(0)
  const [stages, data, scores] = [...document.querySelectorAll('table')].map((one) =>
    [...one.querySelectorAll('tr')].map((row) => [...row.children].map((cell) => cell.textContent)),
  )
  expect(stages?.slice(1)).toEqual([
    ['pages', 'data', 'done', '2026-11-30 10:00', '1 min 15 s', '2.00 GB', ''],
    ['first', 'train', 'done', '', '', '', 'pages'],
    ['second', 'train', 'stopped', '', '', '', ''],
    ['packed', 'quantize', 'to be made', '', '', '', ''],
    ['scores', 'evaluate', 'done', '', '', '', ''],
  ])
  expect(data?.[1]).toEqual(['read', '10', '7', '49', `${evil} (3)`])
  expect(scores?.slice(1)).toEqual([
    ['loss, nats per token', '1.5000 (300 tokens)', ''],
    // The square root of p (1 - p) / (n - 1).
    [`world: ${evil}`, '35.6 ± 4.8 % (36 of 101)', ''],
    ['Task: accuracy', '', '25.0 ± 3.1 % (9 questions)'],
  ])
  expect(document.body.textContent).toContain(
    'Step 40 of 40, loss 4.0000, held out 5.0000, 4000 tokens in 20 s, seed 77.',
  )
  expect(document.body.textContent).toContain(`It ended with: ${evil}`)
  expect(document.body.textContent).toContain('No step is done yet.')
})

test('the lines of a curve go through its values', async () => {
  await writeRun()
  const { document } = parseHTML(reportPage(await gatherReport(home)))
  const chart = [...document.querySelectorAll('svg')].find((svg) => svg.getAttribute('aria-label')?.startsWith('Loss'))
  const points = [...(chart?.querySelectorAll('path.line') ?? [])].map((path) =>
    [...(path.getAttribute('d') ?? '').matchAll(/[ML]([\d.]+) ([\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)]),
  )
  const [training = [], heldOut = []] = points
  expect([training.length, heldOut.length]).toEqual([40, 4])
  // The ticks are 4 to 8, from the bottom to the top of the axes.
  expect(training.at(-1)).toEqual([704, 224])
  expect(training[19]?.[1]).toBeCloseTo(224 - 200 * (2 / 4), 1)
  expect(heldOut[0]?.[0]).toBeCloseTo(64 + (640 * 10) / 40, 1)
  expect(heldOut[0]?.[1]).toBeCloseTo(24, 1)
})

test('a long training is drawn with means, and a page that is written again loads itself', async () => {
  writeMetrics(home, 2000)
  mkdirSync(join(home, 'final'))
  const report = await gatherReport(home)
  expect(report.isDone).toBe(true)
  const page = reportPage(report, 5)
  expect(page).toContain('<meta http-equiv="refresh" content="5">')
  const { document } = parseHTML(page)
  const [line] = [...document.querySelectorAll('path.line')].map((path) => path.getAttribute('d') ?? '')
  expect(line?.match(/[ML]/g)?.length).toBe(500)
  expect(document.querySelectorAll('table').length).toBe(0)
})

test('a training by preferences has its rewards, and of an exported one the recipe is beside it', async () => {
  const folder = join(home, 'run')
  writeMetrics(folder, 10, { rewardAccuracy: 0.75 })
  writeFileSync(join(home, 'settings.json'), JSON.stringify({ recipe: { ...recipe, objective: { kind: 'dpo' } } }))
  const report = await gatherReport(folder)
  expect(report.isDone).toBe(false)
  const { document } = parseHTML(reportPage(report))
  const captions = [...document.querySelectorAll('figcaption')].map((caption) => caption.textContent)
  expect(captions.slice(0, 2)).toEqual(['Loss, in nats per pair', 'Share of pairs whose chosen answer is ahead'])
  expect(document.body.textContent).toContain('Step 10 of 40')
})

test('a folder without a run is refused', async () => {
  await expect(gatherReport(home)).rejects.toMatchObject({ code: 'not-found' })
})
