import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { dequantizeGgml } from '../blocks/ggml-dequantize.ts'
import { quantizeGgml } from '../blocks/ggml-quantize.ts'
import { tinyConfig, tinyTokenizerJson } from '../engine/tiny-model-harness.ts'
import { ggufConfig, ggufName, publishedCheckpoint } from '../formats/gguf-phi3.ts'
import { openGguf, type GgufCheckpoint } from '../formats/gguf.ts'
import { openSafetensors } from '../formats/safetensors.ts'
import { localFolder } from '../formats/tree.ts'
import { parsePhi3Config } from '../models/phi3.ts'
import { publishedConfig, publishedNames } from '../models/published.ts'
import { ggufVocabulary } from '../text/gguf-vocabulary.ts'
import { loadGgufTokenizer } from '../text/tokenizer-gguf.ts'
import { loadTokenizerJson } from '../text/tokenizer-json.ts'
import { ggufTensorType, type GgufFileType } from './gguf-file-type.ts'
import { ggufMetadata, initGguf } from './init-gguf.ts'
import { initModel } from './init.ts'
import { configuredTensors } from './random-weights.ts'

/** Rows of the feed-forward output are whole K blocks, those of the other matrices are not. */
const config = tinyConfig({
  border: 64,
  config: {
    hidden_size: 64,
    intermediate_size: 256,
    vocab_size: 330,
    num_attention_heads: 4,
    rope_scaling: {
      type: 'longrope',
      short_factor: [1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7],
      long_factor: [1.5, 2, 4, 6, 7, 8, 9, 10],
    },
    tie_word_embeddings: false,
  },
})

let root = ''

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pocket-phi-init-gguf-'))
})

afterEach(() => {
  rmSync(root, { recursive: true, force: true })
})

const file = (): string => join(root, 'model.gguf')

async function opened<T>(use: (gguf: GgufCheckpoint) => Promise<T>): Promise<T> {
  const gguf = await openGguf(localFolder(root), 'model.gguf')
  try {
    return await use(gguf)
  } finally {
    await gguf.close()
  }
}

describe('initGguf', () => {
  it.each(['f16', 'q4_0', 'q8_0', 'q4_k_m'] as const)(
    '%s: holds the bf16 checkpoint of the same seed, rounded to the types of the mixture',
    async (type) => {
      await initModel(config, join(root, 'plain'), { seed: 5 })
      const { bytes, parameters } = await initGguf(config, file(), { seed: 5, type })
      expect(statSync(file()).size).toBeGreaterThan(bytes)
      const plain = await openSafetensors(localFolder(join(root, 'plain')))
      await opened(async (gguf) => {
        const checkpoint = publishedCheckpoint(gguf)
        expect(checkpoint.names()).toEqual(plain.names())
        let elements = 0
        for (const name of plain.names()) {
          const values = await plain.readFloat32(name)
          const { dtype, shape } = checkpoint.info(name)
          expect(dtype, name).toBe(ggufTensorType(type, ggufName(name) as string, shape, 2, false))
          expect(shape, name).toEqual(plain.info(name).shape)
          const expected = dequantizeGgml(dtype, quantizeGgml(dtype as 'F32', values))
          expect(await checkpoint.readFloat32(name), name).toEqual(expected)
          elements += values.length
        }
        expect(parameters).toBe(elements)
      })
      await plain.close()
    },
  )

  it.each([
    {},
    { tie_word_embeddings: true, sliding_window: 100 },
    { rope_scaling: null, max_position_embeddings: 64 },
  ])('says what the configuration says: %j', async (changes) => {
    await initGguf({ ...config, ...changes }, file(), { seed: 1, type: 'q8_0' })
    await opened(async (gguf) => {
      expect(parsePhi3Config(await ggufConfig(gguf))).toEqual(parsePhi3Config({ ...config, ...changes }))
    })
  })

  it('makes a tensor of more values than are held at a time, piece by piece', async () => {
    const large = { ...config, vocab_size: 17_000, tie_word_embeddings: true }
    await initGguf(large, file(), { seed: 4, type: 'q8_0' })
    const tensor = configuredTensors(large, 4).find(({ name }) => name === 'model.embed_tokens.weight')
    expect(tensor?.elements).toBeGreaterThan(1 << 20)
    const values = tensor?.start()(17_000 * 64) ?? new Float32Array()
    await opened(async (gguf) => {
      const expected = dequantizeGgml('Q8_0', quantizeGgml('Q8_0', values))
      expect(await gguf.readFloat32('token_embd.weight')).toEqual(expected)
    })
  })

  it('refuses factors of attention that differ between short and long sequences', async () => {
    const scaling = { ...(config['rope_scaling'] as object), short_mscale: 1.1, long_mscale: 1.2 }
    await expect(
      initGguf({ ...config, rope_scaling: scaling }, file(), { seed: 1, type: 'f16' }),
    ).rejects.toMatchObject({ code: 'not-supported', found: '1.1 and 1.2' })
  })

  it('carries a vocabulary', async () => {
    const vocabulary = ggufVocabulary(tinyTokenizerJson, { rows: 330, bosId: 1, endIds: [2] })
    await initGguf(config, file(), { seed: 1, type: 'f16', vocabulary })
    await opened(async (gguf) => {
      const { tokenizer } = loadGgufTokenizer(gguf.metadata)
      const text = 'the small phi reads a story'
      expect(tokenizer.encode(text)).toEqual(loadTokenizerJson(tinyTokenizerJson).encode(text))
      expect(await ggufConfig(gguf)).toMatchObject({ vocab_size: 330, bos_token_id: 1, eos_token_id: 2 })
    })
  })

  it('asks for room on the disk before anything is written', async () => {
    const { bytes } = await initGguf(config, file(), { seed: 1, type: 'q4_0' })
    rmSync(file())
    const work = initGguf(config, file(), { seed: 1, type: 'q4_0', freeBytes: async () => bytes })
    await expect(work).rejects.toMatchObject({ code: 'out-of-memory' })
    expect(readdirSync(root)).toEqual([])
  })

  it('leaves the old file or the new one when the disk dies, and nothing else', async () => {
    writeFileSync(file(), 'old')
    for (let last = 0; ; last++) {
      let operations = 0
      const before = (operation: string): void => {
        operations++
        if (operations > last && operation !== 'remove') throw new Error('the disk died')
      }
      const failed = await initGguf(config, file(), { seed: 1, type: 'q4_0', faults: { before } }).then(
        () => false,
        () => true,
      )
      expect(readdirSync(root)).toEqual(['model.gguf'])
      if (!failed) break
      if (statSync(file()).size > 3) expect(await opened(async (gguf) => gguf.names().length)).toBeGreaterThan(10)
    }
    expect(statSync(file()).size).toBeGreaterThan(50_000)
  })

  it('stops when it is aborted, and leaves nothing', async () => {
    const controller = new AbortController()
    const onProgress = (): void => controller.abort()
    const work = initGguf(config, file(), { seed: 1, type: 'f16', signal: controller.signal, onProgress })
    await expect(work).rejects.toMatchObject({ code: 'aborted' })
    expect(readdirSync(root)).toEqual([])
  })
})

/** Those of the architecture that our GGUF files are of. */
const phi3Names = publishedNames.filter((name) => publishedConfig(name)['model_type'] === 'phi3')

describe('ggufMetadata', () => {
  it.each(phi3Names)('has numbers of the types that llama.cpp reads, for %s', (name) => {
    const metadata = ggufMetadata(parsePhi3Config(publishedConfig(name)), 'q4_k_m' satisfies GgufFileType)
    for (const [key, value] of metadata) {
      const isText = key === 'general.architecture' || key === 'general.name'
      const isFraction = /epsilon|freq_base|attn_factor/.test(key)
      expect(value.type, key).toBe(isText ? 'string' : isFraction ? 'float32' : 'uint32')
    }
    expect(metadata.get('general.file_type')).toEqual({ type: 'uint32', value: 15 })
    expect(metadata.has('phi3.rope.scaling.attn_factor')).toBe(/128k|3\.5|4-mini/.test(name))
  })
})
