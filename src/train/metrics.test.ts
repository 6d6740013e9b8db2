import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openMetrics, plotLoss, readMetrics, type Metric } from './metrics.ts'

let folder = ''
let file = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pocket-phi-metrics-'))
  file = join(folder, 'metrics.jsonl')
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

const row = (step: number): Metric => {
  return {
    step,
    loss: 8 / step,
    learningRate: 0.1,
    gradientNorm: 1,
    tokens: 10 * step,
    tokensPerSecond: 5,
    seconds: step,
  }
}

async function write(from: number, ...steps: number[]): Promise<void> {
  const metrics = await openMetrics(file, from, {})
  for (const step of steps) await metrics.append(row(step))
  await metrics.sync()
  await metrics.close()
}

test('appends one line a row, and reads them back', async () => {
  expect(await readMetrics(file)).toEqual([])
  await write(0, 1, 2, 3)
  expect(readFileSync(file, 'utf8').split('\n').length).toBe(4)
  expect(await readMetrics(file)).toEqual([row(1), row(2), row(3)])
  expect(await readMetrics(file, 2)).toEqual([row(1), row(2)])
})

test('a resumed run keeps the rows up to its checkpoint, and a new one none', async () => {
  await write(0, 1, 2, 3)
  await write(2, 3, 4)
  expect((await readMetrics(file)).map(({ step }) => step)).toEqual([1, 2, 3, 4])
  await write(0, 1)
  expect((await readMetrics(file)).map(({ step }) => step)).toEqual([1])
})

test.each([
  ['half a row', '{"step":3,"lo'],
  ['a line that is no row', '3\n'],
  ['a line that is nothing', 'null\n'],
  ['zeros that a file system left after a power failure', `${'\0'.repeat(50)}\n${JSON.stringify(row(4))}\n`],
])('%s at the end goes when the run is resumed', async (_, torn) => {
  await write(0, 1, 2)
  appendFileSync(file, torn)
  expect(await readMetrics(file)).toEqual([row(1), row(2)])
  await write(2, 3)
  expect(await readMetrics(file)).toEqual([row(1), row(2), row(3)])
})

test('a full disk is a typed error', async () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' })
  let isFull = false
  const metrics = await openMetrics(file, 0, {
    faults: {
      before() {
        if (isFull) throw full
      },
    },
  })
  isFull = true
  await expect(metrics.append(row(1))).rejects.toMatchObject({
    code: 'out-of-memory',
    message: expect.stringMatching(/metrics\.jsonl.*no space.*Free some space/),
  })
  await metrics.close()
})

test('a file that cannot be read is not taken for one that is not there', async () => {
  await expect(readMetrics(folder)).rejects.toThrow('EISDIR')
})

test('the picture shows both losses, scaled to the greatest', () => {
  const metrics = [row(2), { ...row(4), heldOutLoss: 3 }]
  const picture = plotLoss('a run', metrics)
  expect(picture).toContain('a run: loss in nats per token')
  // 760 x 360 with borders: step 2 of 4 lies in the middle, the greatest loss (4) at the top.
  expect(picture).toContain('d="M400.0 36.0L744.0 178.0"')
  expect(picture).toContain('d="M744.0 107.0"')
  expect(plotLoss('nothing yet', [])).not.toContain('NaN')
})

test('the picture of a long run stays small', () => {
  const metrics = Array.from({ length: 200_000 }, (_, step) => row(step + 1))
  expect(plotLoss('a long run', metrics).length).toBeLessThan(20_000)
})
