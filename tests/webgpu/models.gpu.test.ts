/** Whole models on the GPU of the tests: what the other backends answer, it answers. */
import { describe, expect, it } from 'vitest'
import { webgpuBackend } from '../../src/backends/webgpu/backend.ts'
import { candidateTests } from '../../src/engine/candidates-harness.ts'
import { loadModel } from '../../src/index.ts'
import { goldenTests } from '../goldens-harness.ts'
import { trainingGoldenTests } from '../training-goldens-harness.ts'
import { hasSoftwareGpu } from './software-gpu.ts'

describe.skipIf(!hasSoftwareGpu)('on webgpu', () => {
  goldenTests('webgpu')
  trainingGoldenTests(webgpuBackend)
  candidateTests('webgpu', 1)

  it.each([
    ['in exact mode', true],
    ['with activations of int8', false],
  ])('phi-nano answers as on wasm, %s', async (_title, exact) => {
    const answers: string[] = []
    for (const backend of ['wasm', 'webgpu'] as const) {
      await using model = await loadModel('phi-nano', { backend, exact, context: 128, maxRows: 32 })
      expect(model.backend).toBe(backend)
      const { text } = await model.chat().send('What colour is a lemon?', { maxTokens: 24, temperature: 0 }).result()
      answers.push(text)
    }
    expect(answers[0]).not.toBe('')
    expect(answers[1]).toBe(answers[0])
  })

  it('what the device holds can be filled and read right after a greedy answer, of which a pass may be left', async () => {
    await using model = await loadModel('phi-nano', { backend: 'webgpu', context: 128, maxRows: 32 })
    const { finish } = await model.chat().send('What colour is a lemon?', { temperature: 0 }).result()
    expect(finish).toBe('stop')
    const { device } = model.engine
    const name = device.names()[0] ?? ''
    await device.fill(name, (bytes) => void bytes.fill(1))
    expect((await device.readBytes(name)).every((byte) => byte === 1)).toBe(true)
  })
})
