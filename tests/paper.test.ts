/** The paper in miniature, still smaller: two models of a plan of a few steps, on a corpus that is made here. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Random } from '../src/base/random.ts'
import { differs } from '../scripts/paper/pairs.ts'
import {
  digestOf,
  dpoRecipe,
  phaseRecipe,
  readPlan,
  runsOf,
  sftRecipe,
  usualPlan,
  type PaperRun,
} from '../scripts/paper/plan.ts'
import { dataRecipes } from '../scripts/paper/prepare.ts'
import type { PaperResult } from '../scripts/paper/run.ts'
import { differences, formatInterval, formatSpread, spreadOf } from '../scripts/paper/statistics.ts'
import { textNames } from '../scripts/paper/texts.ts'

const script = fileURLToPath(new URL('../scripts/paper/run.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'phi-paper-'))
const data = join(folder, 'data')

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function writeRows(name: string, rows: readonly object[]): void {
  const file = join(data, `${name}.jsonl.gz`)
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, gzipSync(rows.map((row) => `${JSON.stringify(row)}\n`).join('')))
}

/** Documents of several paragraphs in invented words, so that none has a sentence of another. */
function documents(seed: number, count: number): { readonly text: string }[] {
  const random = new Random(seed)
  const syllables = ['ba', 'do', 'fi', 'gu', 'ke', 'lo', 'mi', 'nu', 'pe', 'ra', 'so', 'ti', 'vu', 'we']
  const word = (): string => Array.from({ length: random.integer(2, 3) }, () => random.pick(syllables)).join('')
  const sentence = (): string =>
    `The ${word()} of the ${word()} is with a ${word()}, and that ${word()} has been ${word()}.`
  const paragraph = (): string => Array.from({ length: 4 }, sentence).join(' ')
  return Array.from({ length: count }, () => ({ text: Array.from({ length: 8 }, paragraph).join('\n\n') }))
}

/** The usual plan with a few steps, models of one size, and what an alignment needs of them. */
function smallPlan(): string {
  const file = join(folder, 'plan.yaml')
  const text = readFileSync(usualPlan, 'utf8')
    .replaceAll(/\bsteps: \d+/g, 'steps: 6')
    .replaceAll(/warmupSteps: \d+/g, 'warmupSteps: 2')
    .replace(/questions: 1200/, 'questions: 16')
    .replace(/^seeds: .*$/m, 'seeds: [1]')
    .replace(/^measures: .*$/m, 'measures: { tokens: 600, questions: 3, oneIn: 100 }')
    .replace(/of: \{ size: 3\.4M/, 'of: { size: 0.4M')
    .replace(/^runs:\n(?: {2}.*\n)+/m, 'runs:\n  0.4M: [raw, synthetic]\n')
    .replace(/everySteps: \d+ \}/, 'everySteps: 2 }')
    .replace(/everySteps: \d+, batches: \d+/, 'everySteps: 3, batches: 1')
  writeFileSync(file, text)
  return file
}

const args = (out: string, work: string): string[] => [
  script,
  ...['--data', data, '--plan', join(folder, 'plan.yaml')],
  ...['--work', join(folder, work), '--out', join(folder, out)],
]

interface Ended {
  readonly output: string
  readonly signal: NodeJS.Signals | null
}

/** Runs the script until it ends, or is killed when it has said so. */
async function run(out: string, work: string, killAt?: RegExp): Promise<Ended> {
  const child = spawn(process.execPath, args(out, work), { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const hear = (chunk: Buffer): void => {
    output += chunk.toString()
    if (killAt?.test(output) === true) child.kill('SIGKILL')
  }
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  if (code !== 0 && signal !== 'SIGKILL') throw new Error(output)
  return { output, signal }
}

function results(out: string): PaperResult[] {
  const at = join(folder, out)
  return readdirSync(at).map((name) => JSON.parse(readFileSync(join(at, name), 'utf8')) as PaperResult)
}

describe('a plan of a few steps', () => {
  beforeAll(async () => {
    writeRows('corpus/stories', documents(71, 300))
    writeRows('corpus/openstax-economics', documents(72, 6))
    writeRows('corpus/wikitext-2-articles', documents(73, 6))
    const question = { question: 'What is 2 plus 3?', answer: '2 + 3 = <<2+3=5>>5\n#### 5' }
    writeRows('benchmarks/gsm8k/test', [question, question])
    const choices = ['A dog.', 'A stone.', 'A chair.']
    writeRows('benchmarks/arc-easy/test', [{ question: 'What can bark?', choices, answer: 0 }])
    smallPlan()
    await run('whole', 'work')
  })

  it('records every model with everything that is measured', () => {
    const [raw, synthetic] = results('whole')
    expect(raw).toMatchObject({ size: '0.4M', arm: 'raw', seed: 1, parameters: 393_696, tokens: 12 * 1024 })
    expect(Object.keys(raw?.stages ?? {})).toEqual(['pretrained'])
    expect(Object.keys(synthetic?.stages ?? {})).toEqual(['pretrained', 'tuned', 'preferred'])
    expect(synthetic?.pairs).toBeGreaterThan(0)
    const { full, fourBits } = synthetic?.stages.preferred ?? {}
    expect(Object.keys(full?.texts ?? {})).toEqual([...textNames])
    for (const name of textNames) {
      // Guessing among 2,048 tokens takes 11 bits for each, which is a byte at least.
      expect(full?.texts[name]).toBeGreaterThan(1)
      expect(full?.texts[name]).toBeLessThan(11)
      expect(fourBits?.texts[name]).not.toBe(full?.texts[name])
      expect(fourBits?.texts[name]).toBeCloseTo(full?.texts[name] ?? 0, 2)
    }
  })

  it('ends in the same numbers when it was killed, and shared with another process', { timeout: 240_000 }, async () => {
    for (const moment of [/synthetic-1-\w+-first 3/, /synthetic-1-\w+-second 3/, /synthetic-1-\w+-dpo 3/]) {
      expect((await run('killed', 'work-killed', moment)).signal).toBe('SIGKILL')
    }
    await Promise.all([run('killed', 'work-killed'), run('killed', 'work-killed')])
    const stagesOf = (out: string): unknown[] => results(out).map((result) => ({ ...result, minutes: 0 }))
    expect(stagesOf('killed')).toEqual(stagesOf('whole'))
  })

  it('records anew what another plan has changed', async () => {
    const file = join(folder, 'plan.yaml')
    const before = readFileSync(file, 'utf8')
    const digests = (): string[] => {
      const plan = readPlan(file)
      return runsOf(plan).map((one) => digestOf(plan, one, []))
    }
    const recorded = digests()
    writeFileSync(file, before.replace('weightDecay: 0.1', 'weightDecay: 0.2'))
    expect(digests().filter((digest) => recorded.includes(digest))).toEqual([])
    writeFileSync(file, before)
    expect(digests()).toEqual(recorded)
  })
})

describe('the plan', () => {
  const plan = readPlan()

  it('learns from recipes of data that can be read', async () => {
    expect((await dataRecipes()).map(({ name }) => name)).toEqual(['best', 'facts', 'filtered', 'raw', 'reasoning'])
  })

  it('has valid recipes, which differ between arms in their data alone', () => {
    const runs = runsOf(plan)
    expect(new Set(runs.map(({ size, arm, seed }) => `${size} ${arm} ${seed}`)).size).toBe(runs.length)
    /** What all arms have in common. */
    const common = (one: PaperRun): object => {
      const recipe = phaseRecipe(plan, one, 'first', 'work')
      return { ...recipe, data: [], name: '', description: '' }
    }
    for (const one of runs) {
      expect(common(one)).toEqual(common({ ...one, arm: 'raw' }))
      expect(phaseRecipe(plan, one, 'second', 'work').initial).toContain('first')
    }
    const aligned = { ...plan.alignment.of, seed: 2 }
    expect(sftRecipe(plan, aligned, 'work').seed).not.toBe(sftRecipe(plan, { ...aligned, seed: 3 }, 'work').seed)
    expect(dpoRecipe(plan, aligned, 'pairs.jsonl', 'work').objective).toEqual({ kind: 'dpo', beta: 0.1 })
  })

  it('takes other random numbers for every seed', () => {
    const seeds = plan.seeds.map((seed) => phaseRecipe(plan, { size: '0.4M', arm: 'raw', seed }, 'first', 'work'))
    expect(new Set(seeds.map(({ seed }) => seed)).size).toBe(seeds.length)
    expect(new Set(seeds.map(({ data: [entry] }) => entry?.seed)).size).toBe(seeds.length)
  })

  it('refuses a size that it does not have', () => {
    expect(() => phaseRecipe(plan, { size: '7B', arm: 'raw', seed: 1 }, 'first', 'work')).toThrow('no size "7B"')
  })
})

describe('pairs', () => {
  it.each([
    ['I cannot help with that.', 'You need flour.', true],
    ['I do not know.', 'It is red.', true],
    ['3 + 4 = 7. So the answer is 7.', '3 + 4 = 7. The answer is 7.', false],
    ['3 + 4 = 8. So the answer is 8.', '3 + 4 = 7. So the answer is 7.', true],
    ['A hammer is used to hit nails.', 'You hit nails with a hammer.', false],
    ['A hammer is an animal.', 'You hit nails with it.', true],
  ])('%j against %j', (answer, wanted, expected) => expect(differs(answer, wanted)).toBe(expected))
})

it('tells means and spreads', () => {
  expect(spreadOf([1, 2, 3])).toEqual({ mean: 2, deviation: 1 })
  expect(formatSpread([0.1, 0.2, 0.3], 1, 100)).toBe('20.0 ± 10.0')
  expect(formatSpread([2], 2)).toBe('2.00')
  // Of three values the 95 % interval is 4.303 standard errors to either side.
  expect(formatInterval([1, 2, 3], 2)).toBe('2.00 ± 2.48')
  const left = [
    { seed: 1, value: 5 },
    { seed: 2, value: 7 },
  ]
  const right = [{ seed: 2, value: 4 }]
  expect(differences(left, right, ({ value }) => value)).toEqual([3])
})
