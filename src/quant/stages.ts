/**
 * Cuts a model into stages that can be run one after the other, each with its own weights alone in memory: the embeddings,
 * every layer, the head. The stages are slices of one trace of the model, so that the model is not written a second time.
 */
import { type BlockDType } from '../base/dtype.ts'
import { present } from '../base/errors.ts'
import type { Model } from '../models/index.ts'
import { traceSequences, type NumberFormats, type ParameterSpec, type TracedModel } from '../models/trace.ts'
import { tensorType } from '../program/ops/definition.ts'
import { accumulate, crossEntropy, fill, matmul, weightedSum } from '../program/ops/index.ts'
import { printProgram, valueOf, type Operation, type Program, type ValueId } from '../program/program.ts'
import { tensorBytes } from '../program/plan.ts'
import { removeUnused, Trace } from '../program/trace.ts'

/** The input and the output of a stage: what one layer hands to the next, f32 [rows, width]. */
export const hiddenName = 'hidden'
/** The program that turns the input of a stage into its output. */
export const advanceName = 'advance'

/** A matrix that a stage multiplies with. */
export interface StageMatrix {
  /** Its name in the checkpoint. */
  readonly name: string
  /** Columns: the width of the rows that it is multiplied with. */
  readonly inputs: number
  /** The program that adds X^T X of these rows X to the state `moments`. */
  readonly collect: string
  /** The program that sets that state to zero. */
  readonly clear: string
  /** The state, f32 [inputs, inputs]; matrices of the same width share one. */
  readonly moments: string
}

/** A parameter of a stage: stages of the same build call theirs the same, so that one device serves them in turn. */
export interface StageParameter extends ParameterSpec {
  /** Its name in the checkpoint. */
  readonly source: string
}

/** A part of a model, from one tap to the next. */
export interface Stage {
  /** What the model calls its end: `embeddings`, `layer.3` …; `head` behind the last of them. */
  readonly name: string
  readonly programs: readonly Program[]
  /** The same text for stages whose programs differ in the names of the checkpoint alone. */
  readonly build: string
  readonly parameters: readonly StageParameter[]
}

/** A stage whose matrices can be fitted to what they are multiplied with. */
export interface CalibrationStage extends Stage {
  /** In the order in which they are multiplied with. */
  readonly matrices: readonly StageMatrix[]
}

export interface StagedModel<Part extends Stage> {
  readonly stages: readonly Part[]
  /** Float64 tensors that follow from the configuration; every stage may use them, by these names. */
  readonly buffers: ReadonlyMap<string, Float64Array>
}

/** The matrices of which a model takes rows by token id. */
export function embeddingTables(model: Model): string[] {
  const { trace, parameters } = traceSequences(model, 'tables', 1)
  const names = parameterNames(trace, parameters, () => 'f32')
  const tables = trace.operations
    .filter(({ kind }) => kind === 'embedding')
    .map(({ inputs }) => names.get(inputs[0] ?? -1))
  return parameters.map(({ name }) => name).filter((name) => tables.includes(name))
}

/** The parameters of a trace by their values. */
function parameterNames(
  trace: Trace,
  parameters: readonly ParameterSpec[],
  dtypeOf: (name: string) => BlockDType | 'f32',
): Map<ValueId, string> {
  return new Map(
    parameters.map(({ name, shape }) => [trace.bind('parameter', name, { dtype: dtypeOf(name), shape }).id, name]),
  )
}

/** Where a stage ends: the value that it hands on, and how many operations were traced until then. */
interface Border {
  readonly name: string
  readonly operations: number
}

/** A product of rows with a matrix of the checkpoint. */
interface Product {
  readonly matrix: string
  readonly inputs: number
  /** How many operations were traced before it. */
  readonly at: number
}

const momentsOf = (matrix: string): string => `moments of ${matrix}`

interface Whole {
  readonly traced: TracedModel
  readonly program: Program
  readonly borders: readonly Border[]
  readonly products: readonly Product[]
}

/** Traces the whole model, with the second moments of the input of every dense matrix as states. */
function traceWhole(model: Model, rows: number, tables: ReadonlyMap<string, BlockDType>): Whole {
  const borders: Border[] = []
  const dtypeOf = (name: string): BlockDType | 'f32' => tables.get(name) ?? 'f32'
  const traced = traceSequences(model, 'calibration', rows, {
    dtypeOf,
    activations: 'f32',
    tap(name, tensor) {
      borders.push({ name, operations: tensor.trace.operations.length })
      tensor.trace.output(name, tensor)
    },
  })
  const { trace, parameters } = traced
  const names = parameterNames(trace, parameters, dtypeOf)
  const products: Product[] = []
  trace.operations.forEach(({ kind, inputs: [x = -1, weight = -1] }, at) => {
    const matrix = names.get(weight)
    if (kind !== 'matmul' || matrix === undefined) return
    products.push({ matrix, inputs: present(trace.tensor(x).type.shape[1], 'width'), at })
  })
  for (const { matrix, inputs, at } of products) {
    const x = trace.tensor(present(trace.operations[at]?.inputs[0], 'rows'))
    const state = trace.bind('state', momentsOf(matrix), tensorType('f32', inputs, inputs))
    accumulate(state, matmul(x, x, { transposeLeft: true }))
  }
  return { traced, program: trace.finish(), borders, products }
}

/** What a slice of a program starts from, and what it is for. */
interface Slice {
  readonly name: string
  /** The value that becomes the input `hidden`; none for a slice from the beginning. */
  readonly from: ValueId | undefined
  readonly outputs: Readonly<Record<string, ValueId>>
  /** The state that is accumulated; none for a slice without effects. */
  readonly state?: string
}

/** The part of a program that its outputs and one state depend on, when the value `from` is given. */
function slice(program: Program, { name, from, outputs, state }: Slice): Program {
  const isWanted = ({ kind, inputs, outputs: results }: Operation): boolean => {
    if (from !== undefined && results.includes(from)) return false
    return kind !== 'accumulate' || valueOf(program, inputs[0] ?? -1).name === state
  }
  const values = program.values.map((value) =>
    value.id === from ? { ...value, origin: 'input' as const, name: hiddenName } : value,
  )
  return removeUnused({ name, values, operations: program.operations.filter(isWanted), outputs })
}

/** A program under the names that all stages of its build use. */
function renamed(program: Program, names: ReadonlyMap<string, string>): Program {
  return {
    ...program,
    values: program.values.map((value) => ({ ...value, name: names.get(value.name) ?? value.name })),
    operations: program.operations.map((operation) => ({ ...operation, scope: '' })),
  }
}

function clearProgram(inputs: number): Program {
  const trace = new Trace(`clear.${inputs}`)
  fill(trace.bind('state', `moments.${inputs}`, tensorType('f32', inputs, inputs)), 0)
  return trace.finish()
}

/**
 * The stages of a model over batches of `rows` rows. Products with dense matrices can be calibrated; embedding tables are
 * read in the block format that `tables` names, and so is a head that is tied to one.
 */
export function stagesOf(
  model: Model,
  rows: number,
  tables: ReadonlyMap<string, BlockDType>,
): StagedModel<CalibrationStage> {
  const whole = traceWhole(model, rows, tables)
  const { program, borders, products, traced } = whole
  const stages: CalibrationStage[] = []
  let from: ValueId | undefined
  let before = 0
  for (const border of [...borders, { name: 'head', operations: Infinity }]) {
    const own = products.filter(({ at }) => at >= before && at < border.operations)
    // The embeddings have no product; what lies between the last layer and the head has nothing of its own either.
    if (own.length === 0 && from !== undefined) continue
    const to = program.outputs[border.name]
    stages.push(stageOf(whole, border.name, own, from, to))
    from = to
    before = border.operations
  }
  return { stages, buffers: traced.buffers }
}

function stageOf(
  { program, traced }: Whole,
  name: string,
  products: readonly Product[],
  from: ValueId | undefined,
  to: ValueId | undefined,
): CalibrationStage {
  const slices = products.map(({ matrix }, index) =>
    slice(program, { name: `collect.${index}`, from, outputs: {}, state: momentsOf(matrix) }),
  )
  if (to !== undefined) slices.push(slice(program, { name: advanceName, from, outputs: { [hiddenName]: to } }))
  const states = new Map(products.map(({ matrix, inputs }) => [momentsOf(matrix), `moments.${inputs}`]))
  const widths = [...new Set(products.map(({ inputs }) => inputs))]
  return {
    ...underOwnNames(name, slices, traced, states, widths.map(clearProgram)),
    matrices: products.map(({ matrix, inputs }, index) => ({
      name: matrix,
      inputs,
      collect: `collect.${index}`,
      clear: `clear.${inputs}`,
      moments: `moments.${inputs}`,
    })),
  }
}

/**
 * A stage of slices, whose parameters get names that stages of the same build share.
 * @param states what their states are called from now on
 * @param others programs that bind no parameters
 */
function underOwnNames(
  name: string,
  slices: readonly Program[],
  traced: TracedModel,
  states: ReadonlyMap<string, string>,
  others: readonly Program[],
): Stage {
  const names = new Map(states)
  const parameters: StageParameter[] = []
  for (const value of slices.flatMap(({ values }) => values)) {
    const specification = traced.parameters.find((parameter) => parameter.name === value.name)
    if (value.origin !== 'parameter' || specification === undefined || names.has(value.name)) continue
    const own = `parameter.${parameters.length}`
    names.set(value.name, own)
    parameters.push({ ...specification, name: own, source: value.name })
  }
  const programs = [...slices.map((part) => renamed(part, names)), ...others]
  return { name, programs, build: programs.map(printProgram).join('\n'), parameters }
}

export interface StagedLoss extends StagedModel<Stage> {
  /** Of the whole model. */
  readonly parameters: readonly ParameterSpec[]
  /** Bytes of what one stage hands to the next, at most. */
  readonly handedOn: number
}

/**
 * The stages that lead from ids to the output `loss` of the last one (see `addLoss`), over batches of `rows` rows. Each has one
 * program, `advanceName`.
 * @param formats of the weights as they are stored
 */
export function lossStages(model: Model, rows: number, formats: NumberFormats): StagedLoss {
  const borders: string[] = []
  const traced = traceSequences(model, 'loss', rows, {
    ...formats,
    tap(name, tensor) {
      borders.push(name)
      tensor.trace.output(name, tensor)
    },
  })
  addLoss(traced, rows)
  const program = traced.trace.finish()
  let from: ValueId | undefined
  const stages = [...borders, 'head'].map((name) => {
    const to = program.outputs[name]
    const outputs = to === undefined ? { loss: present(program.outputs['loss'], 'loss') } : { [hiddenName]: to }
    const stage = underOwnNames(name, [slice(program, { name: advanceName, from, outputs })], traced, new Map(), [])
    from = to
    return stage
  })
  const handedOn = Math.max(...borders.map((name) => tensorBytes(valueOf(program, program.outputs[name] ?? -1).type)))
  return { stages, buffers: traced.buffers, parameters: traced.parameters, handedOn }
}

/** Adds the output `loss` to a pass over sequences: the mean of -ln p of the inputs `targets`, weighted with `weights`. */
export function addLoss({ trace, logits }: TracedModel, rows: number): void {
  const targets = trace.bind('input', 'targets', tensorType('i32', rows))
  const weights = trace.bind('input', 'weights', tensorType('f32', rows))
  trace.output('loss', weightedSum(crossEntropy(logits, targets), weights))
}
