/**
 * One round of onnxruntime-node on an ONNX decoder with the inputs and outputs of transformers.js: keys and values go
 * out of each step and, as transformers.js does it, into the next.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { present } from '../../src/base/errors.ts'
import { greatestIndex } from '../../src/engine/sampling.ts'
import { idsOf, measure, secondsOf, type Contender } from '../measure.ts'
import { costs, MemoryWatch } from '../processes.ts'
import { readPeerSettings } from '../rounds.ts'

interface Tensor {
  readonly data: Float32Array
  readonly dims: readonly number[]
}

type Tensors = Readonly<Record<string, Tensor>>

/** What is used of it. */
interface Runtime {
  readonly Tensor: new (
    type: 'int64' | 'float32',
    data: BigInt64Array | Float32Array,
    dims: readonly number[],
  ) => Tensor
  readonly InferenceSession: {
    create(file: string, options: Readonly<Record<string, unknown>>): Promise<Session>
  }
}

interface Session {
  readonly inputMetadata: readonly { readonly name: string; readonly shape: readonly (number | string)[] }[]
  run(feeds: Tensors): Promise<Tensors>
}

/** Ids of ordinary tokens, in every vocabulary of the family. */
const vocabulary = 32_000

const settings = readPeerSettings()
const { threads, peer } = settings
const runtime = createRequire(join(peer.path, 'package.json'))('onnxruntime-node') as Runtime
const watch = new MemoryWatch()
const start = performance.now()
const session = await runtime.InferenceSession.create(peer.onnx, {
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  graphOptimizationLevel: 'all',
  logSeverityLevel: 3,
})
const loadSeconds = (performance.now() - start) / 1000

const pasts = session.inputMetadata.filter(({ name }) => name.startsWith('past_key_values.'))
/** Keys and values of no token; free dimensions are the batch, of one, and the tokens before. */
const nothing: Tensors = Object.fromEntries(
  pasts.map(({ name, shape: [, heads, , size] }) => {
    return [name, new runtime.Tensor('float32', new Float32Array(0), [1, Number(heads), 0, Number(size)])]
  }),
)

class Text {
  #past = nothing
  #length = 0

  /** Reads ids; the greatest logit behind the last of them. */
  async read(ids: readonly number[]): Promise<number> {
    this.#length += ids.length
    const integers = (values: readonly number[]): Tensor =>
      new runtime.Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length])
    const attended = new Array<number>(this.#length).fill(1)
    const feeds = { input_ids: integers(ids), attention_mask: integers(attended), ...this.#past }
    const results = await session.run(feeds)
    this.#past = Object.fromEntries(
      pasts.map(({ name }) => {
        const key = name.replace('past_key_values', 'present')
        return [name, present(results[key], key)]
      }),
    )
    const { data, dims } = present(results['logits'], 'logits')
    return greatestIndex(data.subarray(data.length - (dims.at(-1) ?? 0)))
  }
}

const contender: Contender = {
  readPrompt: (length, salt) => secondsOf(() => new Text().read(idsOf(length, vocabulary, salt))),
  firstToken: (length, salt) => contender.readPrompt(length, salt),
  async answer(depth, tokens) {
    const text = new Text()
    if (depth > 0) await text.read(idsOf(depth, vocabulary))
    return await secondsOf(async () => {
      let id = 7
      for (let index = 0; index < tokens; index++) id = await text.read([id])
    })
  },
}
const round = await measure(contender, settings)
console.log(JSON.stringify({ ...round, loadSeconds, ...costs(watch.end()) }))
process.exit(0)
