/** Has a sample of documents judged by a model, or by rules, and writes what it was told with an account of it. */
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { present } from '../../../base/errors.ts'
import { inLanes } from '../../../base/lanes.ts'
import type { Endpoint } from '../../../endpoint/endpoint.ts'
import { writeFileAtomic } from '../../../formats/atomic.ts'
import { isJsonObject, type JsonObject } from '../../../formats/json.ts'
import { axes, highestScore, type Annotation, type Axis, type Judgement } from './annotation.ts'
import { Asker, type AskingCounts, type AskingOptions, type Question } from '../asking/asker.ts'
import { askInFolder, makeFolder } from '../asking/folder.ts'
import { oneMore, type Counts, type Journal } from '../asking/journal.ts'
import { answerKey, heldSchema, promptOf, readAnswer } from './prompt.ts'
import { annotateByRules } from './rules.ts'
import type { Sample, SampledDocument } from './sample.ts'

/** A row of what is written: a document as far as it was judged, by whom, and how. */
export interface AnnotatedDocument extends SampledDocument, Annotation {
  /** The name of a model, or `rules`. */
  readonly annotator: string
}

/** The name of the annotator that needs no model. */
export const rulesAnnotator = 'rules'

const rulesRemark =
  'No server was given: rules judged in the place of a language model. They see form and turns of phrase, not truth or sense.'

export interface AnnotationReport {
  readonly annotator: string
  /** What a reader has to know of the annotator. */
  readonly remark?: string
  /** Documents that the sample was drawn from, and those of them that repeat one of the sample. */
  readonly read: number
  readonly duplicates: number
  readonly sampled: number
  readonly annotated: number
  /** Documents without a usable answer, by what was wrong with the last one. */
  readonly unanswered: Counts
  /** Documents whose reasons are word for word those of another: a sign of answers that do not look at the text. */
  readonly sameReasons: number
  /** How many documents have each score, from 0 to 5. */
  readonly scores: Readonly<Record<Axis, readonly number[]>>
  /** Documents of which opinions of the model are two points or more apart. */
  readonly disputed?: number
  /** Of a model, all runs on the same folder together. */
  readonly answers?: AnswerCounts
}

export interface AnswerCounts extends AskingCounts {
  /** Documents that needed no question any more. */
  readonly known: number
}

export interface AnnotationProgress {
  readonly done: number
  readonly total: number
  readonly answers: AnswerCounts
}

export interface ModelAnnotationOptions extends AskingOptions {
  /** Documents that are asked about at a time. */
  readonly parallel: number
  /** Answers that are taken for a document: the median counts. */
  readonly opinions: number
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: AnnotationProgress) => void) | undefined
}

export const annotationsFile = (folder: string): string => join(folder, 'annotations.jsonl')
export const annotationReportFile = (folder: string): string => join(folder, 'report.json')

/** Room for two sentences and the numbers, several times over. */
const mostAnswerTokens = 600

/** Where the likeliest answer is there already. */
const otherTemperature = 0.5

/** Judges by rules, which see form and turns of phrase. */
export async function annotateWithRules(sample: Sample, folder: string): Promise<AnnotationReport> {
  await makeFolder(folder)
  const rows = sample.documents.map((document): AnnotatedDocument => {
    return { ...document, annotator: rulesAnnotator, ...annotateByRules(document) }
  })
  return await writeResult(folder, { annotator: rulesAnnotator, sample, rows, unanswered: {} })
}

/**
 * Asks a model about every document whose answer is not in the folder yet. Each answer is kept as it comes; whenever the run ends, also when it is
 * stopped, `annotations.jsonl` has all that was taken, in the order of the sample.
 *
 * @throws PocketPhiError `aborted`; `invalid-argument` where another run has the folder; `no-access`, `not-found` and `not-supported` of the server;
 * `network` and `invalid-file` where one document after the other gets no answer, or none that can be used
 */
export async function annotateWithModel(
  sample: Sample,
  endpoint: Endpoint,
  folder: string,
  options: ModelAnnotationOptions,
): Promise<AnnotationReport> {
  const isValue = ({ education, reasoning }: JsonObject): boolean => isJsonObject(education) && isJsonObject(reasoning)
  return await askInFolder<Annotation, AnnotationReport>(
    folder,
    { name: 'The annotation', isValue, signal: options.signal },
    (journal) => {
      const run = new ModelRun(sample, endpoint, journal, options)
      return { ask: () => run.askAll(), write: () => writeResult(folder, run.result()) }
    },
  )
}

/** What there is to tell. */
interface Result {
  readonly annotator: string
  readonly sample: Sample
  readonly rows: readonly AnnotatedDocument[]
  readonly unanswered: Counts
  readonly disputed?: number
  readonly answers?: AnswerCounts
}

/** One run over a sample. */
class ModelRun {
  #unanswered: Counts = {}
  readonly #sample: Sample
  readonly #endpoint: Endpoint
  readonly #journal: Journal<Annotation>
  readonly #options: ModelAnnotationOptions
  readonly #asker: Asker<Annotation>
  readonly #known: number

  constructor(sample: Sample, endpoint: Endpoint, journal: Journal<Annotation>, options: ModelAnnotationOptions) {
    this.#sample = sample
    this.#endpoint = endpoint
    this.#journal = journal
    this.#options = options
    this.#known = sample.documents.length - this.#open().length
    this.#asker = new Asker(endpoint, journal, options)
  }

  async askAll(): Promise<void> {
    const total = this.#sample.documents.length
    let done = this.#known
    const tell = (): void => this.#options.onProgress?.({ done, total, answers: this.answers() })
    tell()
    await inLanes(
      this.#open(),
      this.#options.parallel,
      async (document, signal) => {
        await this.#ask(document, signal)
        done++
        tell()
      },
      this.#options.signal,
    )
  }

  /** What was taken so far, in the order of the sample. */
  result(): Result {
    const annotator = this.#endpoint.model
    let disputed = 0
    const rows = this.#sample.documents.flatMap((document) => {
      const opinions = this.#opinions(document)
      if (opinions.length < this.#options.opinions) return []
      if (isDisputed(opinions)) disputed++
      return [
        { ...document, annotator, education: median(opinions, 'education'), reasoning: median(opinions, 'reasoning') },
      ]
    })
    const answers = this.answers()
    return { annotator, sample: this.#sample, rows, unanswered: this.#unanswered, disputed, answers }
  }

  answers(): AnswerCounts {
    return { ...this.#asker.counts(), known: this.#known }
  }

  /** As many as are wanted, or fewer. */
  #opinions({ text }: SampledDocument): readonly Annotation[] {
    return this.#journal.taken(answerKey(this.#endpoint.model, text)).slice(0, this.#options.opinions)
  }

  #open(): SampledDocument[] {
    return this.#sample.documents.filter((document) => this.#opinions(document).length < this.#options.opinions)
  }

  async #ask(document: SampledDocument, signal: AbortSignal): Promise<void> {
    for (let had = this.#opinions(document).length; had < this.#options.opinions; had++) {
      const temperature = had === 0 ? 0 : otherTemperature
      const rejected = await this.#asker.ask(questionOf(this.#endpoint.model, document, temperature), signal)
      if (rejected === undefined) continue
      this.#unanswered = oneMore(this.#unanswered, rejected.rejected)
      return
    }
  }
}

function questionOf(model: string, { text }: SampledDocument, temperature: number): Question<Annotation> {
  const key = answerKey(model, text)
  return {
    key,
    messages: promptOf(text),
    maxTokens: mostAnswerTokens,
    temperature,
    schema: heldSchema,
    seed: crc32(key),
    read: (answer) => readAnswer(answer, text),
  }
}

async function writeResult(folder: string, result: Result): Promise<AnnotationReport> {
  const report = reportOf(result)
  await writeFileAtomic(annotationsFile(folder), result.rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  await writeFileAtomic(annotationReportFile(folder), `${JSON.stringify(report, undefined, 2)}\n`)
  return report
}

function reportOf({ annotator, sample, rows, unanswered, disputed, answers }: Result): AnnotationReport {
  const { documents, read, duplicates } = sample
  const reasons = new Set(rows.map(({ education, reasoning }) => `${education.reason}\n${reasoning.reason}`))
  const scores = axes.map((axis): [Axis, number[]] => {
    const counts = new Array<number>(highestScore + 1).fill(0)
    for (const row of rows) {
      const score = Math.round(row[axis].score)
      counts[score] = (counts[score] ?? 0) + 1
    }
    return [axis, counts]
  })
  return {
    annotator,
    ...(answers === undefined && { remark: rulesRemark }),
    read,
    duplicates,
    sampled: documents.length,
    annotated: rows.length,
    unanswered,
    sameReasons: rows.length - reasons.size,
    scores: Object.fromEntries(scores) as Record<Axis, number[]>,
    ...(disputed !== undefined && { disputed }),
    ...(answers !== undefined && { answers }),
  }
}

/** The judgement in the middle; of an even number the lower of the two. */
function median(opinions: readonly Annotation[], axis: Axis): Judgement {
  const judgements = opinions.map((opinion) => opinion[axis]).sort((a, b) => a.score - b.score)
  return present(judgements[(judgements.length - 1) >> 1], 'opinion')
}

function isDisputed(opinions: readonly Annotation[]): boolean {
  return axes.some((axis) => {
    const scores = opinions.map((opinion) => opinion[axis].score)
    return Math.max(...scores) - Math.min(...scores) >= 2
  })
}
