/** Learns from annotations. */
import { PocketPhiError } from '../../../../base/errors.ts'
import { Random } from '../../../../base/random.ts'
import { axes, excerptOf, type Axis } from '../annotation.ts'
import { FeatureReader } from './features.ts'
import { formFigures } from './form.ts'
import { bucketsOf, emptyTensors, modelOf, shapesOf, tensor, type ClassifierKind, type Tensors } from './models.ts'
import { ranges } from './table.ts'

/** A text, and what it is worth on each axis. */
export interface Lesson extends Readonly<Record<Axis, number>> {
  readonly text: string
}

export interface TrainOptions {
  readonly kind: ClassifierKind
  readonly seed: number
}

const passes = 3
/** Errors beyond this teach no more: one strange annotation should not move much. */
const mostError = 2

/**
 * Trains by stochastic gradient descent on squared errors (linear beyond `mostError`), with a rate that falls to nothing. The same lessons and seed give the
 * same bits.
 *
 * @throws PocketPhiError `invalid-argument` without lessons
 */
export function trainTensors(lessons: readonly Lesson[], { kind, seed }: TrainOptions): Tensors {
  if (lessons.length === 0) throw new PocketPhiError('invalid-argument', 'There are no annotations to learn from.')
  const random = new Random(seed)
  const reader = new FeatureReader(bucketsOf(kind))
  const tensors = beginning(lessons, kind, reader, random.fork('beginning'))
  const model = modelOf(kind, tensors)
  const order = random.fork('order')
  const errors = new Float64Array(axes.length)
  const steps = passes * lessons.length
  let step = 0
  for (let pass = 0; pass < passes; pass++) {
    for (const lesson of order.shuffle([...lessons])) {
      const features = reader.read(excerptOf(lesson.text))
      model.predict(features, errors)
      for (const [index, axis] of axes.entries()) {
        errors[index] = Math.max(-mostError, Math.min(mostError, (errors[index] as number) - lesson[axis]))
      }
      model.learn(features, errors, 1 - step++ / steps)
    }
  }
  return tensors
}

function beginning(lessons: readonly Lesson[], kind: ClassifierKind, reader: FeatureReader, random: Random): Tensors {
  const tensors = emptyTensors(kind)
  tensor(tensors, 'bias').set(axes.map((axis) => mean(lessons.map((lesson) => lesson[axis]))))
  tensor(tensors, 'edges').set(edgesOf(lessons, reader))
  for (const name of ['hidden', 'output']) {
    const [, inputs = 1] = shapesOf[kind][name] ?? []
    // Outputs as large as inputs.
    tensors[name]?.set(tensors[name].map(() => random.normal() / Math.sqrt(inputs)))
  }
  return tensors
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** The quantiles of each figure. */
function edgesOf(lessons: readonly Lesson[], reader: FeatureReader): Float32Array {
  const forms = lessons.map(({ text }) => Float64Array.from(reader.read(excerptOf(text)).form))
  const edges = formFigures.flatMap((_, figure) => {
    const values = Float64Array.from(forms, (form) => form[figure] ?? 0).sort()
    return Array.from(
      { length: ranges - 1 },
      (_unused, edge) => values[Math.floor(((edge + 1) * values.length) / ranges)] ?? 0,
    )
  })
  return Float32Array.from(edges)
}
