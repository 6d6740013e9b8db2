/** The two kinds of classifiers, which differ in what they make of a text's sum of rows. */
import { present } from '../../../../base/errors.ts'
import { axes } from '../annotation.ts'
import type { Features } from './features.ts'
import { formFigures } from './form.ts'
import { ranges, Table } from './table.ts'

/** The kinds, the first of which is the smaller and faster one. */
export const classifierKinds = ['linear', 'embeddings'] as const
export type ClassifierKind = (typeof classifierKinds)[number]

const width = 8
const hiddenUnits = 8
const shared = { edges: [formFigures.length, ranges - 1], bias: [axes.length] }

/** What each kind consists of: names of tensors, and their shapes. */
export const shapesOf: Readonly<Record<ClassifierKind, Readonly<Record<string, readonly number[]>>>> = {
  linear: { ...shared, tokens: [1 << 16, axes.length], form: [formFigures.length * ranges, axes.length] },
  embeddings: {
    ...shared,
    tokens: [1 << 15, width],
    form: [formFigures.length * ranges, width],
    hidden: [hiddenUnits, width],
    hiddenBias: [hiddenUnits],
    output: [axes.length, hiddenUnits],
  },
}

/** Buckets that tokens are hashed into. */
export function bucketsOf(kind: ClassifierKind): number {
  return shapesOf[kind]['tokens']?.[0] ?? 0
}

/** Numbers by name, all that a model is. */
export type Tensors = Readonly<Record<string, Float32Array>>

/** All zeros. */
export function emptyTensors(kind: ClassifierKind): Tensors {
  const entries = Object.entries(shapesOf[kind]).map(([name, shape]): [string, Float32Array] => {
    return [name, new Float32Array(shape.reduce((product, size) => product * size, 1))]
  })
  return Object.fromEntries(entries)
}

/** A model over tensors of the shapes of its kind, which learning changes in place. */
export function modelOf(kind: ClassifierKind, tensors: Tensors): Model {
  return kind === 'linear' ? new LinearModel(tensors) : new EmbeddingModel(tensors)
}

/** Gives a score for each axis, and learns to. */
export interface Model {
  predict(features: Features, into: Float64Array): void
  /** A step down the gradient, behind `predict` of the same features. @param errors by which each prediction is too high */
  learn(features: Features, errors: Float64Array, rate: number): void
}

/** Linear regression: rows have a column for each axis. */
class LinearModel implements Model {
  readonly #table: Table
  readonly #bias: Float32Array

  constructor(tensors: Tensors) {
    this.#table = new Table(tensors, axes.length)
    this.#bias = tensor(tensors, 'bias')
  }

  predict(features: Features, into: Float64Array): void {
    this.#table.sum(features, into)
    for (let axis = 0; axis < into.length; axis++) into[axis] = (into[axis] as number) + (this.#bias[axis] as number)
  }

  learn(features: Features, errors: Float64Array, rate: number): void {
    this.#table.learn(features, errors, rate)
  }
}

const layerRate = 0.02

/** The mean of embeddings (as in fastText: Joulin et al., 2016) through a layer of hyperbolic tangents. */
class EmbeddingModel implements Model {
  readonly #table: Table
  readonly #hidden: Float32Array
  readonly #hiddenBias: Float32Array
  readonly #output: Float32Array
  readonly #bias: Float32Array
  /** Of the text that was predicted last. */
  readonly #sum = new Float64Array(width)
  readonly #active = new Float64Array(hiddenUnits)
  readonly #gradient = new Float64Array(width)

  constructor(tensors: Tensors) {
    this.#table = new Table(tensors, width)
    this.#hidden = tensor(tensors, 'hidden')
    this.#hiddenBias = tensor(tensors, 'hiddenBias')
    this.#output = tensor(tensors, 'output')
    this.#bias = tensor(tensors, 'bias')
  }

  predict(features: Features, into: Float64Array): void {
    this.#table.sum(features, this.#sum)
    for (let unit = 0; unit < hiddenUnits; unit++) {
      let total = this.#hiddenBias[unit] as number
      for (let column = 0; column < width; column++) {
        total += (this.#hidden[unit * width + column] as number) * (this.#sum[column] as number)
      }
      this.#active[unit] = Math.tanh(total)
    }
    for (let axis = 0; axis < into.length; axis++) {
      let total = this.#bias[axis] as number
      for (let unit = 0; unit < hiddenUnits; unit++) {
        total += (this.#output[axis * hiddenUnits + unit] as number) * (this.#active[unit] as number)
      }
      into[axis] = total
    }
  }

  learn(features: Features, errors: Float64Array, rate: number): void {
    const [hidden, output] = [this.#hidden, this.#output]
    const step = rate * layerRate
    this.#gradient.fill(0)
    for (let unit = 0; unit < hiddenUnits; unit++) {
      const active = this.#active[unit] as number
      let slope = 0
      for (let axis = 0; axis < errors.length; axis++) {
        const error = errors[axis] as number
        slope += error * (output[axis * hiddenUnits + unit] as number)
        output[axis * hiddenUnits + unit] = (output[axis * hiddenUnits + unit] as number) - step * error * active
      }
      slope *= 1 - active * active
      this.#hiddenBias[unit] = (this.#hiddenBias[unit] as number) - step * slope
      for (let column = 0; column < width; column++) {
        this.#gradient[column] = (this.#gradient[column] as number) + slope * (hidden[unit * width + column] as number)
        hidden[unit * width + column] =
          (hidden[unit * width + column] as number) - step * slope * (this.#sum[column] as number)
      }
    }
    this.#table.learn(features, this.#gradient, rate)
  }
}

export function tensor(tensors: Tensors, name: string): Float32Array {
  return present(tensors[name], `tensor "${name}"`)
}
