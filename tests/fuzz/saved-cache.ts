/** Mutants of saved caches: safetensors files with ids, pages of keys and values, and a checksum over all of it. */
import { wasmBackend } from '../../src/backends/wasm/index.ts'
import type { Random } from '../../src/base/random.ts'
import { mostReused } from '../../src/engine/batch.ts'
import { cacheChecksum, cacheParts, signed } from '../../src/engine/cache-file-harness.ts'
import { openCache, saveCache } from '../../src/engine/cache-file.ts'
import { loadCheckpoint } from '../../src/engine/load.ts'
import type { Scheduler } from '../../src/engine/scheduler.ts'
import { someIds, tinyTree } from '../../src/engine/tiny-model-harness.ts'
import { joined } from '../../src/formats/gguf-harness.ts'
import { guardedSource, mustHold, type FuzzFormat } from './format.ts'
import { oddTexts } from './json.ts'
import { draftBytes, mutateMeaning, type Draft, type DraftTensor } from './safetensors.ts'

interface Original {
  readonly engine: Scheduler
  readonly file: Draft
}

/** Tokens of the text: a page and a bit. */
const length = 70

let original: Promise<Original> | undefined

/** An engine, and what it saved. Every mutant is opened in it. */
function madeOnce(): Promise<Original> {
  original ??= make()
  return original
}

async function make(): Promise<Original> {
  const engine = await loadCheckpoint(await tinyTree(), wasmBackend({ threads: 0 }), { context: 128, maxRows: 16 })
  const sequence = await engine.open(someIds(length, 1))
  await sequence.logits()
  const chunks: Uint8Array[] = []
  await saveCache(engine, sequence, async (written) => {
    for await (const chunk of written) chunks.push(Uint8Array.from(chunk))
  })
  sequence.close()
  const { tensors, metadata } = await cacheParts(joined(...chunks))
  return {
    engine,
    file: { tensors: tensors.map((tensor) => ({ ...tensor, shape: [...tensor.shape] })), metadata: { ...metadata } },
  }
}

function copyOf({ tensors, metadata }: Draft): Draft {
  const copies = tensors.map((tensor) => ({
    ...tensor,
    shape: [...tensor.shape],
    data: Uint8Array.from(tensor.data),
  }))
  return { tensors: copies, metadata: { ...metadata } }
}

function tensorOf({ tensors }: Draft, name: string): DraftTensor | undefined {
  return tensors.find((tensor) => tensor.name === name)
}

/** Changes the text, what is computed of it, or what the file says of itself. */
function mutateCache(random: Random, draft: Draft): void {
  const ids = tensorOf(draft, 'ids')
  const picked = random.pick(draft.tensors)
  const { data } = picked
  switch (random.integer(0, 6)) {
    case 0:
      if (ids !== undefined && ids.data.length >= 4) {
        const id = random.pick([0, 1, 2, 299, 319, 320, 2 ** 31 - 1, -1])
        new DataView(ids.data.buffer).setInt32(4 * random.integer(0, ids.data.length >> 2), id, true)
      }
      break
    case 1:
      if (ids !== undefined) replaceIds(draft, ids, random.pick([0, 1, 63, 64, 65, 69, 71, 128, 129]))
      break
    case 2:
      draft.metadata[random.pick([...Object.keys(draft.metadata), 'none'])] = random.pick([
        ...oddTexts,
        'long',
        'short',
        'f32',
        'kv4',
      ])
      break
    case 3:
      delete draft.metadata[random.pick([...Object.keys(draft.metadata), 'none'])]
      break
    case 4:
      draft.tensors = draft.tensors.filter((tensor) => tensor !== picked)
      break
    default:
      if (data.length > 0) data[random.integer(0, data.length)] = random.integer(0, 256)
  }
}

/** A text of another length, whose pages may be too few or too many. */
function replaceIds(draft: Draft, ids: DraftTensor, count: number): void {
  const other = { ...ids, shape: [count], data: new Uint8Array(Int32Array.from(someIds(count, count)).buffer) }
  draft.tensors = draft.tensors.map((tensor) => (tensor === ids ? other : tensor))
}

/** Past the header: that of the safetensors file was accepted. */
export const savedCacheFormat: FuzzFormat = {
  name: 'saved cache',
  share: 60,
  async mutate(random) {
    const draft = copyOf((await madeOnce()).file)
    for (let round = random.integer(0, 3); round > 0 && draft.tensors.length > 0; round--) {
      if (random.integer(0, 4) === 0) mutateMeaning(random, draft)
      else mutateCache(random, draft)
    }
    const isSigned = random.integer(0, 2) === 0
    const { tensors } = isSigned ? signed(draft) : draft
    return draftBytes(random, { tensors: [...tensors], metadata: draft.metadata })
  },
  async load(bytes, passed) {
    const parts = await cacheParts(bytes)
    passed()
    const { engine } = await madeOnce()
    // The header once, the ids twice, all else once.
    const ids = await openCache(engine, guardedSource(bytes, 2))
    const named = new Map(parts.tensors.map(({ name, data }) => [name, data]))
    mustHold(String(cacheChecksum(parts)) === String(named.get('sha256')), 'a file with the checksum of its contents')
    const stored = named.get('ids') ?? new Uint8Array()
    mustHold(String(ids) === String(new Int32Array(stored.slice().buffer)), 'the ids of the file')
    using sequence = await engine.open(ids)
    await sequence.logits()
    const most = Math.min(ids.length - 1, mostReused(ids.length))
    mustHold(sequence.reused === most, 'a text that is found in the cache')
  },
}
