import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { wasmBackend } from '../backends/wasm/index.ts'
import type { ErrorCode } from '../base/errors.ts'
import { writeHalf } from '../blocks/ggml.ts'
import type { GgufMetadata, GgufValue } from '../formats/gguf-values.ts'
import { ggufBytes, type GgufEntry } from '../formats/gguf-writer.ts'
import { rangeServer } from '../formats/testing.ts'
import { memoryFolder, type FileTree } from '../formats/tree.ts'
import { loadModel, measureModel, type LoadModelOptions, type ModelSource } from './load-model.ts'
import { tinyGguf, type TinyGguf, type TinyGgufOptions } from './tiny-gguf-harness.ts'
import { someIds } from './tiny-model-harness.ts'

const ids = someIds(21, 5)
const small: LoadModelOptions = { backend: 'ref', context: 64, maxRows: 8, cacheType: 'f32' }

async function logitsOf(source: ModelSource, options: LoadModelOptions = {}): Promise<Float32Array> {
  await using model = await loadModel(source, { ...small, ...options })
  return await model.logits(ids)
}

function fileOf({ bytes }: Pick<TinyGguf, 'bytes'>, name = 'tiny.gguf'): File {
  return new File([bytes], name)
}

/** Widths that blocks of 256 divide. */
const wide = { config: { hidden_size: 256, intermediate_size: 256 } }
const smallTypes = ['F32', 'F16', 'BF16', 'Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q8_0'] as const
const largeTypes = ['Q4_K', 'Q5_K', 'Q6_K'] as const

describe('the values of a GGUF file', () => {
  const cases: TinyGgufOptions[] = [
    ...smallTypes.map((type) => ({ type, config: { intermediate_size: 64 } })),
    ...largeTypes.map((type) => ({ type, ...wide })),
    { type: (name) => (/down|embed/.test(name) ? 'Q6_K' : /qkv/.test(name) ? 'Q8_0' : 'Q4_K'), ...wide },
    { type: 'Q8_0', vectors: 'Q8_0', config: { intermediate_size: 64 } },
  ]

  test.each(cases)('$type are those that are computed with', async (options) => {
    const { bytes, twin } = await tinyGguf(options)
    expect(await logitsOf(fileOf({ bytes }), { exact: true })).toEqual(await logitsOf(twin))
  })

  test('meet activations that are not rounded, unless they become our blocks', async () => {
    const kept = await tinyGguf({ type: 'Q5_1', config: { intermediate_size: 64 } })
    expect(await logitsOf(fileOf(kept))).toEqual(await logitsOf(kept.twin))
    const repacked = await tinyGguf({ type: 'Q4_0', config: { intermediate_size: 64 } })
    expect(await logitsOf(fileOf(repacked))).not.toEqual(await logitsOf(repacked.twin))
  })

  test.each([
    ['Q4_0', 32, 20_000],
    ['Q4_1', 32, 20_000],
    ['Q8_0', 32, 20_000],
    ['Q4_K', 256, 100_000],
    ['Q6_K', 256, 150_000],
  ] as const)('%s come into slabs and pieces as into one', async (type, width, maxSlabBytes) => {
    // Only gate and up are larger than a slab; embeddings may not be.
    const { bytes } = await tinyGguf({ type, config: { hidden_size: width, intermediate_size: 1024 } })
    const [whole, cut] = [wasmBackend({ threads: 1 }), wasmBackend({ threads: 1, maxSlabBytes })]
    const expected = await logitsOf(fileOf({ bytes }), { backend: whole })
    expect(await logitsOf(fileOf({ bytes }), { backend: cut })).toEqual(expected)
  })
})

const template =
  '{% for message in messages %}{{ "<|" + message.role + "|>\n" + message.content + "<|end|>\n" }}{% endfor %}'

describe('a GGUF file is a whole model', () => {
  let tiny: TinyGguf
  let folder: string
  beforeAll(async () => {
    tiny = await tinyGguf({ type: 'Q8_0', tidy: true, chatTemplate: template, config: { intermediate_size: 64 } })
    folder = await mkdtemp(path.join(tmpdir(), 'phi-gguf-'))
    await writeFile(path.join(folder, 'tiny.gguf'), tiny.bytes)
  })
  afterAll(() => rm(folder, { recursive: true }))
  afterEach(() => {
    vi.unstubAllGlobals()
  })

  test('with configuration, tokenizer, template and the ids that end an answer', async () => {
    await using model = await loadModel(fileOf(tiny), small)
    await using other = await loadModel(tiny.twin, { ...small, exact: true })
    expect(model.config).toMatchObject({ model_type: 'phi3', vocab_size: 320, num_key_value_heads: 2 })
    expect(model.tokenizer.encode('the old ship sails')).toEqual(other.tokenizer.encode('the old ship sails'))
    expect(model.template.name).toBe('jinja')
    expect(model.stopIds).toEqual(other.stopIds)
    expect(model.sampling).toEqual({ temperature: 0 })
    const asked = { maxTokens: 8, logprobs: 0 } as const
    const answer = await model.generate('the small phi', asked).result()
    expect(answer.text.length).toBeGreaterThan(3)
    expect(model.tokenizer.decode(answer.ids)).toBe(answer.text)
  })

  test('wherever it is', async () => {
    const expected = await logitsOf(fileOf(tiny))
    const asked: string[] = []
    const serve = rangeServer(tiny.bytes)
    vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
      asked.push(url)
      return serve(url, init)
    })
    const sources: ModelSource[] = [
      path.join(folder, 'tiny.gguf'),
      folder,
      pathToFileURL(path.join(folder, 'tiny.gguf')),
      new Blob([tiny.bytes]),
      [fileOf(tiny, 'ANY NAME.GGUF')],
      new Map([['tiny.gguf', tiny.bytes]]),
      'https://models.example/tiny/resolve/main/tiny.gguf?download=true',
      new URL('https://models.example/tiny.gguf'),
    ]
    for (const [index, source] of sources.entries()) {
      expect(await logitsOf(source), `source ${index}`).toEqual(expected)
    }
    const [remote, url] = sources.slice(-2)
    expect([...new Set(asked)]).toEqual([remote, String(url as URL)])
  })

  test('in parts', async () => {
    const part = async (index: number, entries: readonly GgufEntry[], more: GgufMetadata): Promise<Uint8Array> => {
      const numbers = { 'split.no': index, 'split.count': 2, 'split.tensors.count': tiny.entries.length }
      const split = Object.entries(numbers).map(([key, value]): [string, GgufValue] => [key, { type: 'uint16', value }])
      return await ggufBytes(entries, new Map([...more, ...split]))
    }
    const names = ['tiny-00001-of-00002.gguf', 'tiny-00002-of-00002.gguf'] as const
    const files = new Map([
      [names[0], await part(0, tiny.entries.slice(0, 4), tiny.metadata)],
      [names[1], await part(1, tiny.entries.slice(4), new Map())],
    ])
    const expected = await logitsOf(fileOf(tiny))
    expect(await logitsOf(files)).toEqual(expected)
    expect(await logitsOf(memoryFolder(files), { weightsFile: names[1] })).toEqual(expected)
    const lonely = new Map([[names[0], files.get(names[0]) as Uint8Array]])
    await expect(logitsOf(lonely)).rejects.toMatchObject({ code: 'not-found' })
  })

  test('unless the folder has safetensors, or several files of which none was named', async () => {
    const both = new Map([...tiny.twin, ['tiny.gguf', tiny.bytes]])
    expect(await logitsOf(both)).toEqual(await logitsOf(tiny.twin))
    const two = new Map([
      ['a.gguf', tiny.bytes],
      ['b.gguf', tiny.bytes],
    ])
    await expect(logitsOf(two)).rejects.toMatchObject({ code: 'not-found', found: 'a.gguf, b.gguf' })
    expect(await logitsOf(two, { weightsFile: 'b.gguf' })).toEqual(await logitsOf(fileOf(tiny)))
  })

  test.each(['gguf', 'safetensors'])(
    'whose files are closed when it is loaded, refused or measured: %s',
    async (kind) => {
      const tree = memoryFolder(kind === 'gguf' ? new Map([['tiny.gguf', tiny.bytes]]) : tiny.twin)
      let [opened, closed] = [0, 0]
      const watched: FileTree = {
        ...tree,
        async open(name) {
          const source = await tree.open(name)
          opened += 1
          return { ...source, close: () => source.close().then(() => void (closed += 1)) }
        },
      }
      await logitsOf(watched)
      await measureModel(watched, small)
      await expect(logitsOf(watched, { memoryLimit: 1000 })).rejects.toMatchObject({ code: 'out-of-memory' })
      expect(opened).toBe(3)
      expect(closed).toBe(3)
    },
  )

  test('whose memory is known before it is loaded', async () => {
    await using model = await loadModel(fileOf(tiny), small)
    const { contextTokens, ...plan } = await measureModel(fileOf(tiny), small)
    expect(contextTokens).toBe(64)
    expect(plan).toEqual(model.memory)
  })
})

describe('a GGUF file is refused', () => {
  const options: TinyGgufOptions = { type: 'Q8_0', config: { intermediate_size: 64 } }

  /** The file with another tensor or other metadata. */
  async function changed(change: {
    readonly entries?: (entries: readonly GgufEntry[]) => readonly GgufEntry[]
    readonly metadata?: Readonly<Record<string, string>>
    readonly options?: TinyGgufOptions
  }): Promise<File> {
    const { entries, metadata } = await tinyGguf(change.options ?? options)
    const more = Object.entries(change.metadata ?? {}).map(([key, value]): [string, GgufValue] => [
      key,
      { type: 'string', value },
    ])
    const bytes = await ggufBytes(change.entries?.(entries) ?? entries, new Map([...metadata, ...more]))
    return fileOf({ bytes: Uint8Array.from(bytes) })
  }

  const editing =
    (name: string, edit: (bytes: Uint8Array) => void) =>
    (entries: readonly GgufEntry[]): GgufEntry[] =>
      entries.map((entry) => {
        if (entry.name !== name || !(entry.data instanceof Uint8Array)) return entry
        const data = entry.data.slice()
        edit(data)
        return { ...entry, data }
      })

  const faults: Record<string, [ErrorCode, Parameters<typeof changed>[0], RegExp]> = {
    'for another architecture': ['not-supported', { metadata: { 'general.architecture': 'llama' } }, /architecture/],
    'for a vocabulary that is not built': ['not-supported', { metadata: { 'tokenizer.ggml.model': 'bert' } }, /model/],
    'without a tensor': ['invalid-file', { entries: (all) => all.slice(0, -1) }, /lacks tensors/],
    'with a tensor too many': [
      'not-supported',
      { entries: (all) => [...all, { ...(all[0] as GgufEntry), name: 'blk.0.extra' }] },
      /blk.0.extra|does not have/,
    ],
    'for -128 among integers of 8 bits': [
      'not-supported',
      { entries: editing('blk.1.ffn_down.weight', (bytes) => bytes.fill(0x80, 36, 37)) },
      /model\.layers\.1\.mlp\.down_proj\.weight/,
    ],
    'for a scale that is no number, repacked': [
      'invalid-file',
      { entries: editing('blk.1.ffn_down.weight', (bytes) => writeHalf(bytes, 34, 0x7e00)) },
      /down_proj.*not finite/,
    ],
    'for a scale that is no number, kept': [
      'invalid-file',
      {
        options: { ...options, type: 'Q4_1' },
        entries: editing('blk.1.ffn_down.weight', (bytes) => writeHalf(bytes, 22, 0x7c00)),
      },
      /down_proj.*block 1,/,
    ],
  }

  test.each(Object.entries(faults))('%s', async (_, [code, change, message]) => {
    const error: unknown = await logitsOf(await changed(change)).catch((cause: unknown) => cause)
    expect(error).toMatchObject({ code })
    expect((error as Error).message).toMatch(message)
  })

  test('when it is no GGUF file, is torn, or is not there', async () => {
    const { bytes } = await tinyGguf(options)
    await expect(logitsOf(new Blob(['no model']))).rejects.toMatchObject({ code: 'invalid-file' })
    await expect(logitsOf(new Blob([bytes.slice(0, -100)]))).rejects.toMatchObject({ code: 'invalid-file' })
    await expect(logitsOf('/nowhere/model.gguf')).rejects.toMatchObject({ code: 'not-found' })
  })

  test('without a vocabulary only for text', async () => {
    await using model = await loadModel(await changed({ metadata: { 'tokenizer.ggml.model': 'none' } }), small)
    expect(() => model.tokenizer).toThrow(expect.objectContaining({ code: 'not-found' }))
    expect((await model.generate([5, 6], { maxTokens: 2 }).result()).ids).toHaveLength(2)
  })
})
