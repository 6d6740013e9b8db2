/** The webgpu backend in a real browser, whose GPU is SwiftShader. */
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { passes } from '../../scripts/goldens/compare.ts'
import { sessionIn } from '../../scripts/goldens/in-chromium.ts'
import type { Choice, Compared } from '../../scripts/goldens/session.ts'
import { drawnKinds } from '../../src/backends/op-cases-harness.ts'
import { hasBrowser } from '../browser/chromium.ts'
import type { Files } from '../browser/server.ts'
import { filesBelow } from '../browser/site.ts'
import { goldenFolder, goldenIds } from '../goldens-harness.ts'
import { openGpuPage, type GpuPage } from './gpu-page.ts'

/** Cases of each operation; all of them run in Node. */
const casesOfOperation = 4

let opened: GpuPage
let goldens: Files

const modelName = path.basename(goldenFolder)

describe.skipIf(!hasBrowser)('in a browser with WebGPU', () => {
  beforeAll(async () => {
    const model = await filesBelow(goldenFolder)
    goldens = new Map([...model].map(([file, content]) => [`${modelName}/${file}`, content]))
    opened = await openGpuPage({ goldens })
  })
  afterAll(() => opened[Symbol.asyncDispose]())

  it.each(drawnKinds)('%s agrees with the oracle, on the GPU', { timeout: 300_000 }, async (kind) => {
    const { faults, cases, dispatches } = await opened.page.evaluate(
      ([name, most]) => globalThis.gpuScenarios.operationFaults(name, most),
      [kind, casesOfOperation] as const,
    )
    expect(faults).toEqual([])
    expect(cases).toBe(casesOfOperation)
    if (kind !== 'ropeTable') expect(dispatches).toBeGreaterThanOrEqual(cases)
  })

  /** What comes of comparing the folder with the model. */
  async function compare(perturb: boolean): Promise<Compared> {
    const choice: Choice = { backend: 'webgpu', simd: 'auto', wide: false, perturb }
    const session = await sessionIn(opened.page, choice, [...goldens.keys()])
    return await session.compare(modelName)
  }

  it('a model has the numbers of the reference implementation', { timeout: 300_000 }, async () => {
    const { rows, backend, runs, dispatches } = await compare(false)
    expect(backend).toBe('webgpu')
    expect(dispatches).toBeGreaterThan(runs)
    expect(rows.map(({ name }) => name)).toEqual(['long'])
    expect(rows.filter((row) => !passes(row))).toEqual([])
  })

  it('a model whose head is one per cent too large has not', { timeout: 300_000 }, async () => {
    expect((await compare(true)).rows.filter(passes)).toEqual([])
  })

  it('is not chosen by itself, since this GPU is software', async () => {
    const ids = (await goldenIds()).slice(0, 4)
    const found = await opened.page.evaluate(
      ([prompt, name]) => globalThis.gpuScenarios.answeringBackend(`../goldens/${name}`, prompt),
      [ids, modelName] as const,
    )
    expect(found).toMatchObject({ backend: 'wasm', chosen: expect.stringContaining('software') })
  })

  // Last, because it is about the page above.
  it('leaves nothing to complain about', () => {
    expect(opened.heard).toEqual([])
  })
})
