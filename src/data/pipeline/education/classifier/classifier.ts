/** Classifiers, and the files that they are kept in: safetensors whose metadata say what was learned from, with a checksum over all of it. */
import { createHash } from 'node:crypto'
import { PocketPhiError } from '../../../../base/errors.ts'
import { writeFileAtomic } from '../../../../formats/atomic.ts'
import { floatEntry, safetensorsBytes, type Metadata } from '../../../../formats/safetensors-writer.ts'
import { openSafetensors, type Checkpoint } from '../../../../formats/safetensors.ts'
import { fileSource } from '../../../../formats/source.ts'
import { axes, excerptOf, highestScore, type Axis } from '../annotation.ts'
import { FeatureReader } from './features.ts'
import { bucketsOf, classifierKinds, modelOf, shapesOf, tensor, type ClassifierKind, type Tensors } from './models.ts'
import { trainTensors, type Lesson } from './train.ts'

/** What a classifier is, and what it learned from. */
export interface ClassifierFacts {
  readonly kind: ClassifierKind
  /** Who annotated: a model, or `rules`. */
  readonly annotator: string
  /** Documents that it learned from. */
  readonly documents: number
  readonly seed: number
}

export interface Classifier {
  readonly facts: ClassifierFacts
  /** The places of a text on the two scales, from 0 to 5. As much is read of it as an annotator reads. */
  score(text: string): Readonly<Record<Axis, number>>
  /** Writes it, whole or not at all. */
  save(file: string): Promise<void>
}

const format = 'pocket-phi-classifier'
/** Counted up when the tensors or the features mean something else than before. */
const version = '1'

class TrainedClassifier implements Classifier {
  readonly facts: ClassifierFacts
  readonly #tensors: Tensors
  readonly #reader: FeatureReader
  readonly #model: ReturnType<typeof modelOf>
  readonly #scores = new Float64Array(axes.length)

  constructor(facts: ClassifierFacts, tensors: Tensors) {
    this.facts = facts
    this.#tensors = tensors
    this.#reader = new FeatureReader(bucketsOf(facts.kind))
    this.#model = modelOf(facts.kind, tensors)
  }

  score(text: string): Record<Axis, number> {
    this.#model.predict(this.#reader.read(excerptOf(text)), this.#scores)
    const scores = axes.map((axis, index) => {
      return [axis, Math.max(0, Math.min(highestScore, this.#scores[index] as number))] as const
    })
    return Object.fromEntries(scores) as Record<Axis, number>
  }

  async save(file: string): Promise<void> {
    const { kind, annotator, documents, seed } = this.facts
    const facts = { format, version, kind, annotator, documents: String(documents), seed: String(seed) }
    const entries = Object.entries(shapesOf[kind]).map(([name, shape]) =>
      floatEntry(name, shape, tensor(this.#tensors, name)),
    )
    const metadata = { ...facts, sha256: checksumOf(facts, this.#tensors) }
    await writeFileAtomic(file, await safetensorsBytes(entries, metadata))
  }
}

/** Learns from annotations; see `trainTensors`. */
export function trainClassifier(lessons: readonly Lesson[], facts: Omit<ClassifierFacts, 'documents'>): Classifier {
  return new TrainedClassifier({ ...facts, documents: lessons.length }, trainTensors(lessons, facts))
}

/**
 * Reads what `save` wrote.
 *
 * @throws PocketPhiError `not-found`; `invalid-file` for a file that is none of a classifier, damaged, or of another version
 */
export async function readClassifier(file: string): Promise<Classifier> {
  const checkpoint = await openSafetensors(await fileSource(file))
  try {
    const { metadata } = checkpoint
    const kind = classifierKinds.find((one) => one === metadata['kind'])
    if (metadata['format'] !== format || metadata['version'] !== version || kind === undefined) {
      throw invalid(
        file,
        `a ${format} of version ${version}`,
        `${metadata['format'] ?? 'no format'} ${metadata['version'] ?? ''}`,
      )
    }
    const tensors = await tensorsOf(checkpoint, kind, file)
    const { sha256, ...facts } = metadata
    if (sha256 !== checksumOf(facts, tensors))
      throw invalid(file, `the checksum ${sha256 ?? ''}`, 'another: it is damaged')
    const { annotator = '', documents = '', seed = '' } = metadata
    return new TrainedClassifier({ kind, annotator, documents: Number(documents), seed: Number(seed) }, tensors)
  } finally {
    await checkpoint.close()
  }
}

async function tensorsOf(checkpoint: Checkpoint, kind: ClassifierKind, file: string): Promise<Tensors> {
  const tensors: Record<string, Float32Array> = {}
  for (const [name, shape] of Object.entries(shapesOf[kind])) {
    const found = checkpoint.has(name) ? `[${checkpoint.info(name).shape.join(', ')}]` : 'none'
    if (found !== `[${shape.join(', ')}]`) throw invalid(file, `"${name}" of shape [${shape.join(', ')}]`, found)
    tensors[name] = await checkpoint.readFloat32(name)
  }
  return tensors
}

function checksumOf(facts: Metadata, tensors: Tensors): string {
  const hash = createHash('sha256')
  for (const [name, fact] of inOrder(facts)) hash.update(`${name} ${fact}\n`)
  for (const [name, values] of inOrder(tensors)) {
    hash.update(name).update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
  }
  return hash.digest('hex')
}

function inOrder<Value>(record: Readonly<Record<string, Value>>): [string, Value][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
}

function invalid(file: string, expected: string, found: string): PocketPhiError {
  return new PocketPhiError('invalid-file', `"${file}" is no classifier that can be read.`, {
    expected,
    found,
    remedy: 'Train it again: phi data classify train.',
  })
}
