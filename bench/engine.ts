/** The engine as a contender, in Node as in a page. */
import { wasmBackend } from '../src/backends/wasm/index.ts'
import type { Device } from '../src/backends/backend.ts'
import { elementCount } from '../src/base/dtype.ts'
import { present } from '../src/base/errors.ts'
import { Random } from '../src/base/random.ts'
import { f16ToF32 } from '../src/blocks/half.ts'
import { loadCheckpoint } from '../src/engine/load.ts'
import type { Scheduler } from '../src/engine/scheduler.ts'
import type { Sequence } from '../src/engine/sequence.ts'
import type { FileTree } from '../src/formats/tree.ts'
import { cacheNames } from '../src/models/trace.ts'
import { visionIndices, visionProgramName } from '../src/models/trace-vision.ts'
import type { MemoryPlan } from '../src/program/plan.ts'
import type { Value } from '../src/program/program.ts'
import { idsOf, secondsOf, type Contender } from './measure.ts'
import { attentionsOf, cacheBytes, matricesOf, productsOfPass, productsOfRow, weightBytes } from './reads.ts'
import type { EngineFacts, Settings } from './rounds.ts'

export interface LoadedEngine extends AsyncDisposable {
  readonly contender: Contender
  readonly facts: EngineFacts
  readonly loadSeconds: number
}

export async function loadEngine(
  tree: FileTree,
  weightsFile: string | undefined,
  { threads, wide, context, cacheType, depths }: Settings,
): Promise<LoadedEngine> {
  let plan: MemoryPlan | undefined
  const start = performance.now()
  const engine = await loadCheckpoint(tree, wasmBackend({ threads, wide }), {
    context,
    cacheType,
    onPlan: (found) => (plan = found),
    ...(weightsFile === undefined ? {} : { weightsFile }),
  })
  const loadSeconds = (performance.now() - start) / 1000
  await fillCache(engine.device, engine.programs.model.shape.layers)
  return {
    contender: contenderOf(engine),
    facts: factsOf(engine, plan, depths),
    loadSeconds,
    [Symbol.asyncDispose]: () => engine.dispose(),
  }
}

/** Halves that repeat in the pages; many enough that no two heads of a page have the same. */
const patternLength = 2 ** 16

/**
 * Fills the pages of the cache with normal numbers of magnitude 1/8 to 1 of either sign, so that an answer behind many tokens
 * can be measured without reading them first.
 */
export async function fillCache(device: Device, layers: number): Promise<void> {
  const random = new Random(1)
  const pattern = Uint16Array.from({ length: patternLength }, () => {
    const exponent = 12 + Math.floor(random.float() * 3)
    return (random.float() < 0.5 ? 0x8000 : 0) | (exponent << 10) | Math.floor(random.float() * 1024)
  })
  const halves = new Uint8Array(pattern.buffer)
  const floats = new Uint8Array(f16ToF32(pattern).buffer)
  for (let layer = 0; layer < layers; layer++) {
    for (const name of Object.values(cacheNames(layer))) {
      const source = device.typeOf(name).dtype === 'f16' ? halves : floats
      await device.fill(name, (bytes) => {
        for (let at = 0; at < bytes.length; at += source.length) bytes.set(source.subarray(0, bytes.length - at), at)
      })
    }
  }
}

/** A look at a tile of a picture, whatever is on it. */
function lookOf({ device, programs: { model } }: Scheduler): Contender['lookAtTile'] {
  if (model.vision === undefined) return undefined
  const { rows, patchValues } = model.vision
  const inputs = { ...visionIndices(rows), patches: new Float32Array(rows * patchValues).fill(0.5) }
  return () => secondsOf(() => device.run(visionProgramName, inputs))
}

/** The next token of a greedy answer. */
async function likeliest(sequence: Sequence): Promise<readonly number[]> {
  return [...(await sequence.candidates()).ids.subarray(0, 1)]
}

function contenderOf(engine: Scheduler): Contender {
  const lookAtTile = lookOf(engine)
  return {
    ...(lookAtTile === undefined ? {} : { lookAtTile }),
    async readPrompt(length, salt) {
      using sequence = await engine.open(idsOf(length, engine.vocabulary, salt))
      return await secondsOf(() => sequence.logits())
    },
    async firstToken(length, salt) {
      return await secondsOf(async () => {
        using sequence = await engine.open(idsOf(length, engine.vocabulary, salt))
        sequence.append(await likeliest(sequence))
      })
    },
    async answer(depth, tokens) {
      using sequence = await engine.open(idsOf(depth + 1, engine.vocabulary, depth))
      // The pages are full already.
      await engine.adopt(sequence, depth, async () => {})
      return await secondsOf(async () => {
        for (let index = 0; index < tokens; index++) sequence.append(await likeliest(sequence))
      })
    },
  }
}

function factsOf(
  { programs: { programs, model }, device }: Scheduler,
  plan: MemoryPlan | undefined,
  depths: readonly number[],
): EngineFacts {
  const decode = present(programs[0], 'the pass over one row')
  const { layers, vocabulary } = model.shape
  const widest = matricesOf(decode)
    .filter(({ type }) => type.shape[0] !== vocabulary)
    .reduce<Value | undefined>((most, next) => (sizeOf(next) > sizeOf(most) ? next : most), undefined)
  const tower = programs.find(({ name }) => name === visionProgramName)
  const bytesBehind = (depth: number): number =>
    attentionsOf(decode).reduce((sum, attention) => sum + cacheBytes(decode, attention, depth), 0)
  return {
    shape: `${widest?.type.shape[1]} wide, ${layers} layers, vocabulary ${vocabulary}, ${widest?.type.dtype}`,
    kernels: [device.execution.kernels, device.execution.products].filter((part) => part !== undefined).join(' '),
    plannedBytes: plan?.total ?? 0,
    weightBytesPerToken: weightBytes(decode),
    cacheBytesPerToken: Object.fromEntries(depths.map((depth) => [depth, bytesBehind(depth)])),
    productsPerToken: productsOfRow(decode),
    productsPerTile: tower === undefined ? 0 : productsOfPass(tower),
  }
}

function sizeOf(matrix: Value | undefined): number {
  return matrix === undefined ? 0 : elementCount(matrix.type.shape)
}
