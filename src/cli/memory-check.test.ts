import { assert, asyncProperty, integer } from 'fast-check'
import { expect, test } from 'vitest'
import { wasmBackend } from '../backends/wasm/index.ts'
import { PocketPhiError } from '../base/errors.ts'
import { loadCheckpoint, measureCheckpoint, type LoadOptions } from '../engine/load.ts'
import type { MachineMemory } from '../engine/machine-memory.ts'
import { tinyTree } from '../engine/tiny-model-harness.ts'
import type { FileTree } from '../formats/tree.ts'
import { mega, measure } from './memory-check-harness.ts'
import { explainRefusal, largestContext, memoryOf } from './memory-check.ts'

test('what the backend refuses is a row; any other error is one', async () => {
  expect(await memoryOf(1_000_000, measure)).toEqual({ context: 1_000_000, plan: undefined, refusal: 'Too much.' })
  const slabs = (): Promise<never> => Promise.reject(new PocketPhiError('not-supported', 'Too many slabs.'))
  expect(await memoryOf(512, slabs)).toMatchObject({ refusal: 'Too many slabs.' })
  const broken = (): Promise<never> => Promise.reject(new PocketPhiError('invalid-file', 'Torn.'))
  await expect(memoryOf(512, broken)).rejects.toThrow('Torn.')
})

test('the largest context that fits is found to the page', async () => {
  await assert(
    asyncProperty(
      integer({ min: 1, max: 200_000 }),
      integer({ min: 0, max: 2500 }),
      async (maxPositions, megabytes) => {
        const bytes = Math.min(megabytes, 2000) * mega
        const pages = Math.floor((bytes - 100 * mega) / 640_000) - 1
        const expected = pages < 1 ? undefined : Math.min(maxPositions, pages * 64)
        const some = [512, maxPositions].filter((context) => context <= maxPositions)
        const rows = await Promise.all(some.map((context) => memoryOf(context, measure)))
        for (const known of [rows, []]) {
          expect(await largestContext({ maxPositions }, megabytes * mega, known, measure)).toBe(expected)
        }
      },
    ),
  )
})

const backend = wasmBackend({ threads: 0 })

/** The same files; every byte that is read of the weights is counted. */
function counted(tree: FileTree): { tree: FileTree; ends: number[] } {
  const ends: number[] = []
  const open: FileTree['open'] = async (name) => {
    const source = await tree.open(name)
    if (name !== 'model.safetensors') return source
    return {
      ...source,
      size: source.size,
      async read(offset, length, into) {
        ends.push(offset + length)
        return await source.read(offset, length, into)
      },
    }
  }
  return { tree: { ...tree, open }, ends }
}

/** What is said where a machine has so much. */
async function refusal(tree: FileTree, options: LoadOptions, machine: MachineMemory): Promise<unknown> {
  const limited = { ...options, memoryLimit: machine.available }
  try {
    await (await loadCheckpoint(tree, backend, limited)).dispose()
  } catch (error) {
    return await explainRefusal(error, tree, backend, limited, machine)
  }
  return undefined
}

test('a context that is too large is refused with the plan and the largest one that fits, and no weights are read', async () => {
  const { tree, ends } = counted(await tinyTree())
  const room = await measureCheckpoint(tree, backend, { context: 128 })
  const machine = { available: room.total + 10, total: 2 * room.total }
  const asked = await measureCheckpoint(tree, backend, { context: 256 })
  ends.length = 0
  const error = await refusal(tree, { context: 256 }, machine)
  const header = Math.max(...ends)
  expect(error).toMatchObject({
    code: 'out-of-memory',
    message: expect.stringContaining('The model with a context of 256 tokens does not fit into memory.'),
    expected: expect.stringMatching(/^at most [\d.]+ MB, which is what is free of the [\d.]+ MB of this machine$/),
    found: expect.stringMatching(/^weights +\d.* kB\ncache +\d.* kB\nwork +\d.* MB\ntotal +\d.* MB$/),
    remedy: 'The largest context for which there is room is 128 tokens; ask for it with --context 128.',
    cause: expect.objectContaining({ total: asked.total }),
  })
  expect(await refusal(tree, { context: 128 }, machine)).toBeUndefined()
  // The last load has read weights, which lie behind the header.
  expect(Math.max(...ends)).toBeGreaterThan(header)
})

test('without a wish contexts go down to 256 tokens, and below that it is said which one fits', async () => {
  const tree = await tinyTree({ config: { max_position_embeddings: 1024 } })
  const { total: of512 } = await measureCheckpoint(tree, backend, { context: 512 })
  const { total: of256 } = await measureCheckpoint(tree, backend, { context: 256 })
  expect((await measureCheckpoint(tree, backend, { memoryLimit: of512 - 1 })).contextTokens).toBe(256)
  expect(await refusal(tree, {}, { available: of256 - 1, total: of512 })).toMatchObject({
    message: expect.stringContaining('The model does not fit into memory.'),
    remedy: expect.stringMatching(/is (?:64|128|192) tokens; ask for it with --context (?:64|128|192)\.$/),
  })
})

test('where no context fits, that is said; without a wish none is named', async () => {
  const tree = await tinyTree()
  const machine = { available: 1000, total: 2000 }
  const error = await refusal(tree, {}, machine)
  expect(error).toMatchObject({ remedy: expect.stringMatching(/^No context fits.*a machine with more memory/) })
  expect(String(error)).toContain('The model does not fit')
  const limited = { memoryLimit: 900 }
  const refused: unknown = await loadCheckpoint(tree, backend, limited).catch((thrown: unknown) => thrown)
  expect(await explainRefusal(refused, tree, backend, limited, machine)).toMatchObject({
    remedy: expect.stringMatching(/^No context fits.*raise the limit/),
  })
})

test('a limit that is not the machine is called so, and other errors stay what they are', async () => {
  const tree = await tinyTree()
  const { total } = await measureCheckpoint(tree, backend, { context: 64 })
  const error: unknown = await loadCheckpoint(tree, backend, { context: 128, memoryLimit: total }).catch(
    (thrown) => thrown,
  )
  const options = { context: 128, memoryLimit: total }
  expect(await explainRefusal(error, tree, backend, options, undefined)).toMatchObject({
    expected: expect.stringContaining('the limit that was set'),
    remedy: expect.stringContaining('64 tokens'),
  })
  for (const other of [new PocketPhiError('invalid-file', 'Torn.'), new Error('defect')]) {
    expect(await explainRefusal(other, tree, backend, options, undefined)).toBe(other)
  }
})
