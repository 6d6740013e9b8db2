import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { wasmBackend } from '../backends/wasm/index.ts'
import { Random } from '../base/random.ts'
import { tinyConfig, tinyFiles } from '../engine/tiny-model-harness.ts'
import type { FaultInjector } from '../formats/atomic.ts'
import { memoryFolder, type FileTree } from '../formats/tree.ts'
import type { EvolutionSettings } from './evolution.ts'
import { longPlan } from './plans.ts'
import {
  heldOutGain,
  searchFactors,
  type Finding,
  type SearchOptions,
  type SearchProgress,
  type SearchResult,
} from './search.ts'

const backend = wasmBackend({ mode: 'inline' })
const length = 320
const random = new Random(5)
const document = (): number[] => Array.from({ length }, () => random.integer(3, 300))
const documents = { searched: [document(), document()], heldOut: [document(), document(), document()] }
const evolution: EvolutionSettings = {
  population: 6,
  parents: 3,
  mutations: 2,
  crossovers: 2,
  generations: 2,
  mutationProbability: 0.3,
  seed: 1,
}

let tree: FileTree
let root = ''
beforeAll(async () => {
  tree = memoryFolder(await tinyFiles({ seed: 9 }))
  root = await mkdtemp(join(tmpdir(), 'phi-search-'))
})
afterAll(async () => {
  await rm(root, { recursive: true })
})

async function search(
  name: string,
  options: Partial<SearchOptions> = {},
  startTokens: readonly number[] = [0],
  seed = evolution.seed,
): Promise<SearchResult> {
  const plan = longPlan(tinyConfig(), { length, startTokens })
  const settings = { ...evolution, seed }
  return await searchFactors(tree, plan, documents, settings, { folder: join(root, name), backend, ...options })
}

async function outcome(name: string): Promise<string[]> {
  return await Promise.all(['search.json', 'search.svg'].map((file) => readFile(join(root, name, file), 'utf8')))
}

describe('a search', () => {
  test('finds no worse factors than its seeds, and says how they do on other documents', async () => {
    const progress: SearchProgress[] = []
    const found = await search('plain', { onProgress: (one) => progress.push(one) })
    expect(found.measured).toBe(6 + 2 * 4)
    expect(progress.map(({ measured }) => measured)).toEqual(Array.from({ length: 14 }, (_, index) => index + 1))
    expect(progress.at(-1)).toMatchObject({ generation: 2, generations: 2, total: 14, best: found.best.loss })
    expect(found.seeds.map(({ name }) => name)).toEqual(['PI', 'NTK', 'YaRN'])
    expect(found.best.loss).toBeLessThanOrEqual(Math.min(...found.seeds.map(({ loss }) => loss)))
    expect(found.best.heldOutLoss).not.toBe(found.best.loss)
    expect(new Set(found.best.heldOutLosses).size).toBe(3)
    const bestSeed = found.seeds.reduce((best, seed) => (seed.loss < best.loss ? seed : best))
    expect(heldOutGain(found)).toMatchObject({ seed: bestSeed.name })
    expect(heldOutGain(found).mean).toBeCloseTo(bestSeed.heldOutLoss - found.best.heldOutLoss, 10)
    expect(found.withStartTokens).toBeUndefined()
    expect((await outcome('plain'))[1]).toMatch(/^<svg .*<\/svg>\n$/s)
  })

  test('says how far a gain may be chance', () => {
    const of = (name: string, loss: number, heldOutLosses: readonly number[]): Finding => {
      return { name, factors: [1], startTokens: 0, loss, heldOutLoss: 0, heldOutLosses }
    }
    const seeds = [of('NTK', 3, [9, 9, 9]), of('PI', 2, [1.5, 2.5, 4])]
    const gain = heldOutGain({ best: of('search', 1, [1, 2, 3]), seeds })
    expect(gain).toMatchObject({ seed: 'PI', mean: expect.closeTo(2 / 3), error: expect.closeTo(1 / 6) })
  })

  test('that is broken off again and again ends as an undisturbed one', async () => {
    const undisturbed = await search('undisturbed')
    let found: SearchResult | undefined
    let kills = 0
    for (let resume = false; found === undefined; resume = true) {
      // Dies in the middle of a write, a little later each time.
      let operations = 0
      const faults: FaultInjector = {
        before() {
          operations++
          if (operations === 7 + kills) throw new Error('killed')
        },
      }
      found = await search('broken', { resume, faults }).catch((error: unknown) => {
        expect(String(error)).toContain('killed')
        kills++
        return undefined
      })
    }
    expect(kills).toBeGreaterThan(5)
    expect(found).toEqual(undisturbed)
    expect(await outcome('broken')).toEqual(await outcome('undisturbed'))
  })

  test('that is finished is read again without a measurement of its own', async () => {
    const first = await search('again')
    const before = await outcome('again')
    const faults: FaultInjector = {
      before(operation, path) {
        if (path.includes('search.json')) throw new Error(`${operation} of ${path}`)
      },
    }
    expect(await search('again', { resume: true, faults })).toEqual(first)
    expect(await outcome('again')).toEqual(before)
  })

  test('stops at a signal and goes on', async () => {
    const controller = new AbortController()
    const stopping = search('stopped', {
      signal: controller.signal,
      onProgress: ({ measured }) => {
        if (measured === 4) controller.abort()
      },
    })
    await expect(stopping).rejects.toMatchObject({ code: 'aborted' })
    expect(await search('stopped', { resume: true })).toEqual(await search('whole'))
  })

  test('among numbers of start tokens finds factors that can be written, without them', async () => {
    const { best, withStartTokens } = await search('start', {}, [0, 8, 64], 3)
    expect(best.startTokens).toBe(0)
    // With this seed some start tokens are worth leaving alone.
    expect(withStartTokens?.startTokens).toBeGreaterThan(0)
    expect(withStartTokens?.loss).toBeLessThan(best.loss)
  })

  test('is not mixed with one on other documents', async () => {
    await search('mixed')
    const plan = longPlan(tinyConfig(), { length })
    const others = { searched: documents.heldOut, heldOut: documents.searched }
    const options = { folder: join(root, 'mixed'), backend, resume: true }
    await expect(searchFactors(tree, plan, others, evolution, options)).rejects.toThrow(/changes in documents/)
  })
})
