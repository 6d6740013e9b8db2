/**
 * One round of jax-js on its WebAssembly backend: the rate of its f32 matmul, then steps of the model of train-model.ts with the
 * same weights and the same batch. It is installed outside of this project:
 *
 *     mkdir peer && cd peer && npm init -y && npm install @jax-js/jax
 *
 * In Node it computes in one thread as it comes, because it looks for the workers of a browser; it is given those.
 */
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { modelFromConfig } from '../src/models/index.ts'
import { traceSequences } from '../src/models/trace.ts'
import { initializeWeights } from '../src/train/step/weights.ts'
import {
  batch,
  config,
  headSize,
  optimizer,
  rows,
  shape,
  steps,
  tokens,
  type TrainRound,
  type TrainSettings,
} from './train-model.ts'
import { provideWebWorkers } from './web-workers.ts'

/** What is used of its arrays. A method takes ownership of its operands; `ref` counts one owner more. */
interface Tensor {
  readonly ref: Tensor
  add(other: Operand): Tensor
  sub(other: Operand): Tensor
  mul(other: Operand): Tensor
  div(other: Operand): Tensor
  sum(axis?: number): Tensor
  mean(axis: number, options: { keepdims: boolean }): Tensor
  reshape(shape: readonly number[]): Tensor
  transpose(): Tensor
  data(): Promise<Float32Array>
  blockUntilReady(): Promise<Tensor>
  dispose(): void
}
type Operand = Tensor | number
type Tensors = Record<string, Tensor>

interface Jax {
  init(device: string): Promise<readonly string[]>
  defaultDevice(device: string): string
  jit<F>(work: F): F
  valueAndGrad(
    loss: (weights: Tensors, embedded: Tensor, ...rest: Tensor[]) => Tensor,
    options: { argnums: readonly number[] },
  ): (weights: Tensors, embedded: Tensor, ...rest: Tensor[]) => [loss: Tensor, gradients: [Tensors, Tensor]]
  vjp(work: (table: Tensor) => Tensor, primals: [Tensor]): [result: Tensor, towards: (gradient: Tensor) => [Tensor]]
  readonly tree: { ref<T>(tree: T): T }
  readonly numpy: {
    readonly int32: unknown
    array(values: Float32Array | Int32Array, options?: { dtype?: unknown; shape?: readonly number[] }): Tensor
    matmul(left: Tensor, right: Tensor): Tensor
    take(table: Tensor, ids: Tensor, axis: number): Tensor
    split(x: Tensor, at: readonly number[] | number, axis: number): Tensor[]
    concatenate(parts: readonly Tensor[], axis: number): Tensor
    sqrt(x: Tensor): Tensor
    reciprocal(x: Tensor): Tensor
    minimum(x: Operand, y: Operand): Tensor
    zerosLike(x: Tensor): Tensor
  }
  readonly nn: {
    silu(x: Tensor): Tensor
    logSoftmax(x: Tensor, axis: number): Tensor
    oneHot(x: Tensor, classes: number): Tensor
    dotProductAttention(q: Tensor, k: Tensor, v: Tensor, options: { isCausal: boolean }): Tensor
  }
}

/** What jax-js says beside the figures of training. */
export interface JaxTrainRound extends TrainRound {
  /** Multiply-adds a second of its f32 matmul at 1024^3. */
  readonly products: number
}

const { threads, peer } = JSON.parse(process.argv[2] ?? '{}') as TrainSettings
if (threads > 1) provideWebWorkers(threads)
const entry = createRequire(join(resolve(peer), 'package.json'))
  .resolve('@jax-js/jax')
  .replace(/\.cjs$/, '.js')
const jax = (await import(pathToFileURL(entry).href)) as Jax
const { numpy: np, nn } = jax
await jax.init('wasm')
jax.defaultDevice('wasm')

/** The cosines and sines of rotary positions, [tokens, 1, headSize / 2] each. */
function rotations(): [cosines: Tensor, sines: Tensor] {
  const half = headSize / 2
  const angle = (index: number) => Math.floor(index / half) / shape.ropeTheta ** ((index % half) / half)
  const table = (of: (angle: number) => number) =>
    np.array(
      Float32Array.from({ length: batch.tokens * half }, (_, index) => of(angle(index))),
      {
        shape: [batch.tokens, 1, half],
      },
    )
  return [table(Math.cos), table(Math.sin)]
}

function rotate(x: Tensor, cosines: Tensor, sines: Tensor): Tensor {
  const [left, right] = np.split(x, 2, -1) as [Tensor, Tensor]
  const first = left.ref.mul(cosines.ref).sub(right.ref.mul(sines.ref))
  return np.concatenate([first, right.mul(cosines).add(left.mul(sines))], -1)
}

function rmsNorm(x: Tensor, weight: Tensor): Tensor {
  const scale = np.sqrt(x.ref.mul(x.ref).mean(-1, { keepdims: true }).add(shape.normEpsilon))
  return x.div(scale).mul(weight)
}

/**
 * The mean cross-entropy of the batch; embedded [rows, width], targets [rows], weights stored [outputs, inputs]. Rows are
 * embedded outside, and targets are found by a product with their one-hot form, since it cannot compile the derivative of a gather.
 */
function lossOf(weights: Tensors, embedded: Tensor, targets: Tensor, cosines: Tensor, sines: Tensor): Tensor {
  const take = (name: string): Tensor => weights[`${name}.weight`] as Tensor
  const linear = (x: Tensor, name: string): Tensor => np.matmul(x, take(name).transpose())
  const heads = [batch.sequences, batch.tokens, shape.heads, headSize]
  let x = embedded
  for (let index = 0; index < shape.layers; index++) {
    const layer = `model.layers.${index}`
    const qkv = linear(rmsNorm(x.ref, take(`${layer}.input_layernorm`)), `${layer}.self_attn.qkv_proj`)
    const [query, key, value] = np.split(qkv, 3, -1).map((part) => part.reshape(heads)) as [Tensor, Tensor, Tensor]
    const turned = [query, key].map((part) => rotate(part, cosines.ref, sines.ref)) as [Tensor, Tensor]
    const mixed = nn.dotProductAttention(...turned, value, { isCausal: true }).reshape([rows, shape.width])
    x = x.add(linear(mixed, `${layer}.self_attn.o_proj`))
    const gateUp = linear(rmsNorm(x.ref, take(`${layer}.post_attention_layernorm`)), `${layer}.mlp.gate_up_proj`)
    const [gate, up] = np.split(gateUp, 2, -1) as [Tensor, Tensor]
    x = x.add(linear(nn.silu(gate).mul(up), `${layer}.mlp.down_proj`))
  }
  cosines.dispose()
  sines.dispose()
  const logits = linear(rmsNorm(x, take('model.norm')), 'lm_head')
  return nn
    .logSoftmax(logits, -1)
    .mul(nn.oneHot(targets, shape.vocabulary))
    .sum()
    .mul(-1 / rows)
}

const embeddings = 'model.embed_tokens.weight'

interface State {
  readonly weights: Tensors
  readonly first: Tensors
  readonly second: Tensors
}

/** Clips by the global norm and steps AdamW; `schedule` [2]: 1 - beta1^t, 1 - beta2^t. */
function update({ weights, first, second }: State, gradients: Tensors, [bias1, bias2]: [Tensor, Tensor]): State {
  const { beta1, beta2, epsilon, weightDecay, clip, rate } = optimizer
  const names = Object.keys(weights)
  const squares = names.map((name) => (gradients[name] as Tensor).ref).map((x) => x.ref.mul(x).sum())
  const norm = np.sqrt(squares.reduce((sum, square) => sum.add(square)))
  const factor = np.minimum(np.reciprocal(norm).mul(clip), 1)
  const next: State = { weights: {}, first: {}, second: {} }
  for (const name of names) {
    const gradient = (gradients[name] as Tensor).mul(factor.ref)
    const m = (first[name] as Tensor).mul(beta1).add(gradient.ref.mul(1 - beta1))
    const v = (second[name] as Tensor).mul(beta2).add(gradient.ref.mul(gradient).mul(1 - beta2))
    const change = m.ref.div(bias1.ref).div(np.sqrt(v.ref.div(bias2.ref)).add(epsilon))
    next.weights[name] = (weights[name] as Tensor).mul(1 - rate * weightDecay).sub(change.mul(rate))
    next.first[name] = m
    next.second[name] = v
  }
  for (const used of [factor, bias1, bias2]) used.dispose()
  return next
}

async function rateOfProducts(): Promise<number> {
  const edge = 1024
  const values = Float32Array.from({ length: edge * edge }, (_, index) => ((index * 7919) % 4099) / 4099 / edge)
  const matrix = np.array(values, { shape: [edge, edge] })
  const product = jax.jit((left: Tensor, right: Tensor) => np.matmul(left, right))
  const times: number[] = []
  for (let run = 0; run < 5; run++) {
    const begin = performance.now()
    const result = await product(matrix.ref, matrix.ref).blockUntilReady()
    times.push((performance.now() - begin) / 1000)
    result.dispose()
  }
  matrix.dispose()
  return edge ** 3 / (times.slice(2).sort((a, b) => a - b)[1] ?? Number.NaN)
}

function initialState(): State {
  const weights: Tensors = {}
  const { parameters } = traceSequences(modelFromConfig(config), 'parameters', 1)
  const shapes = new Map(parameters.map(({ name, shape: extents }) => [name, extents]))
  const write = (name: string, values: Float32Array | Float64Array): void => {
    weights[name] = np.array(Float32Array.from(values), { shape: shapes.get(name) ?? [] })
  }
  initializeWeights({ write }, parameters, shape.layers, 1)
  const zeros = () => Object.fromEntries(Object.entries(weights).map(([name, x]) => [name, np.zerosLike(x.ref)]))
  return { weights, first: zeros(), second: zeros() }
}

async function train(): Promise<Pick<TrainRound, 'stepSeconds' | 'losses'>> {
  const { ids, targets } = tokens()
  const integers = (values: Int32Array) => np.array(values, { dtype: np.int32 })
  const indices = integers(ids)
  const constants = [integers(targets), ...rotations()]
  const differentiate = jax.jit(jax.valueAndGrad(lossOf, { argnums: [0, 1] }))
  const optimize = jax.jit(update)
  let state = initialState()
  const losses: number[] = []
  let begin = performance.now()
  for (let step = 0; step < steps.untimed + steps.timed; step++) {
    if (step === steps.untimed) begin = performance.now()
    const { [embeddings]: table, ...others } = state.weights as Tensors & { [embeddings]: Tensor }
    const [embedded, towardsTable] = jax.vjp((rowsOf) => np.take(rowsOf, indices.ref, 0), [table.ref])
    const [loss, [gradients, towardsRows]] = differentiate(jax.tree.ref(others), embedded, ...jax.tree.ref(constants))
    const [gradient] = towardsTable(towardsRows)
    const bias = (beta: number): Tensor => np.array(Float32Array.of(1 - beta ** (step + 1)))
    state = optimize(state, { ...gradients, [embeddings]: gradient }, [bias(optimizer.beta1), bias(optimizer.beta2)])
    losses.push((await loss.data())[0] ?? Number.NaN)
    await Promise.all(Object.values(state.weights).map((weight) => weight.blockUntilReady()))
  }
  return { stepSeconds: (performance.now() - begin) / 1000 / steps.timed, losses }
}

const products = await rateOfProducts()
const trained = await train()
const { user, system } = process.cpuUsage()
const round: JaxTrainRound = { ...trained, products, cpuSeconds: (user + system) / 1e6 }
console.log(JSON.stringify(round))
process.exit(0)
