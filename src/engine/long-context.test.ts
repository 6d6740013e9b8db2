import { describe, expect, test } from 'vitest'
import { wasmBackend } from '../backends/wasm/index.ts'
import { PocketPhiError } from '../base/errors.ts'
import type { GgufCheckpoint } from '../formats/gguf.ts'
import { modelFromConfig } from '../models/index.ts'
import { publishedConfig } from '../models/published.ts'
import { traceSequences } from '../models/trace.ts'
import type { CacheDType } from '../program/ops/cache.ts'
import type { MemoryPlan } from '../program/plan.ts'
import { loadEngine } from './load.ts'
import type { ModelFiles } from './model-files.ts'

const config = publishedConfig('phi-3-mini-128k')

/** The files of Phi-3-mini with matrices in Q4_0, of which only what loading looks at before it plans is there. */
function headersAlone(): ModelFiles {
  const { parameters } = traceSequences(modelFromConfig(config), 'parameters', 1)
  const shapes = new Map(parameters.map(({ name, shape }) => [name, shape]))
  const unread = async (): Promise<never> => {
    throw new Error('weights are read')
  }
  const weights: GgufCheckpoint = {
    file: 'phi-3-mini.gguf',
    names: () => [...shapes.keys()],
    has: (name) => shapes.has(name),
    info(name) {
      const shape = shapes.get(name) ?? []
      return { name, dtype: shape.length === 2 ? 'Q4_0' : 'F32', shape, bytes: 0 }
    },
    read: unread,
    readFloat32: unread,
    metadata: new Map(),
    close: async () => {},
  }
  return {
    config: async () => config,
    weights: async () => weights,
    text: unread,
    generationConfig: async () => undefined,
    pictureTiles: async () => undefined,
    keepWeights() {},
    close: async () => {},
  }
}

/** What loading plans on a machine of 24 GB, and how it ends: it is aborted once the plan is accepted. */
async function planFor(context: number, cacheType: CacheDType): Promise<{ plan: MemoryPlan; error: PocketPhiError }> {
  const controller = new AbortController()
  const plans: MemoryPlan[] = []
  const onPlan = (plan: MemoryPlan): void => {
    plans.push(plan)
    controller.abort()
  }
  const given = { context, cacheType, memoryLimit: 24e9, onPlan, signal: controller.signal }
  const error: unknown = await loadEngine(headersAlone(), wasmBackend({ threads: 2 }), given).catch((thrown) => thrown)
  if (!(error instanceof PocketPhiError)) throw error
  const plan = plans[0] ?? (error.cause as MemoryPlan)
  return { plan, error }
}

describe('Phi-3-mini with weights in 4 bits on a machine of 24 GB', () => {
  test.each([
    [65_536, 'kv8', 13.4],
    [131_072, 'kv4', 14.5],
  ] as const)('holds %i tokens in %s: %f GB', async (context, cacheType, gigabytes) => {
    const { plan, error } = await planFor(context, cacheType)
    expect(error.code).toBe('aborted')
    expect(plan.states / 1e9).toBeCloseTo(gigabytes, 1)
    expect(plan.parameters / 1e9).toBeCloseTo(2.15, 1)
    expect(plan.total).toBeLessThan(18.5e9)
  })

  test('is refused 65,536 tokens in f16, by the plan', async () => {
    const { plan, error } = await planFor(65_536, 'f16')
    expect(error).toMatchObject({ code: 'out-of-memory', expected: 'at most 24.00 GB' })
    expect(error.found).toMatch(/of weights, 25\.79 GB of cache and/)
    expect(plan.states / 1e9).toBeCloseTo(25.8, 1)
  })
})
