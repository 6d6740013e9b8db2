/** What a search has measured, in a file: all that a broken search needs to go on, and to end as an undisturbed one. */
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { PocketPhiError } from '../base/errors.ts'
import { systemError, writeFileAtomic, type AtomicOptions } from '../formats/atomic.ts'
import { differences } from '../train/checkpoint.ts'
import { keyOf, type Candidate } from './candidates.ts'
import type { Measured } from './evolution.ts'

const recordSchema = z.strictObject({
  /** What decides the search; a changed one is refused. */
  settings: z.record(z.string(), z.json()),
  /** In the order in which they were made. */
  measured: z.array(
    z.strictObject({
      generation: z.int().min(0),
      startTokens: z.int().min(0),
      factors: z.array(z.number().positive()),
      loss: z.number(),
    }),
  ),
})

type RecordJson = z.infer<typeof recordSchema>

/** The settings of a search as they are compared: plain JSON. */
export type RecordedSettings = RecordJson['settings']

/** One measurement for each line, so that a person can read it. */
function textOf({ settings, measured }: RecordJson): string {
  const lines = measured.map((row) => `    ${JSON.stringify(row)}`).join(',\n')
  return `{\n  "settings": ${JSON.stringify(settings)},\n  "measured": [\n${lines}\n  ]\n}\n`
}

/** Takes measurements in order. Those that are in the file are not made again. */
export class SearchRecord {
  readonly #file: string
  readonly #options: AtomicOptions
  readonly #json: RecordJson
  #told = 0

  private constructor(file: string, json: RecordJson, options: AtomicOptions) {
    this.#file = file
    this.#json = json
    this.#options = options
  }

  /**
   * Opens the record of a search, or begins one.
   *
   * @throws PocketPhiError `invalid-argument` when there is one and it is not to be resumed, `invalid-config` when it is of another
   * search, `invalid-file` when it is damaged
   */
  static async open(
    file: string,
    settings: RecordedSettings,
    { resume, ...options }: AtomicOptions & { readonly resume: boolean },
  ): Promise<SearchRecord> {
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw systemError(file, error)
    })
    if (text === undefined) return new SearchRecord(file, { settings, measured: [] }, options)
    if (!resume) {
      throw new PocketPhiError('invalid-argument', `"${file}" is of a search that was begun already.`, {
        expected: 'a folder without a search, or "resume"',
        remedy: 'Resume the search, choose another folder, or remove that file to begin anew.',
      })
    }
    return new SearchRecord(file, checked(file, text, settings), options)
  }

  /** Measurements in the file. */
  get length(): number {
    return this.#json.measured.length
  }

  /**
   * The loss of a candidate: the next one in the file, or what `measure` says, which is in the file before it is told.
   *
   * @throws PocketPhiError `invalid-file` when the file tells of another candidate
   */
  async lossOf(candidate: Candidate, generation: number, measure: () => Promise<number>): Promise<number> {
    const known = this.#json.measured[this.#told]
    this.#told++
    if (known !== undefined) {
      if (keyOf(known) === keyOf(candidate) && known.generation === generation) return known.loss
      throw new PocketPhiError('invalid-file', `"${this.#file}" is not the record of this search.`, {
        expected: `measurement ${this.#told} of ${JSON.stringify(candidate)}`,
        found: JSON.stringify(known),
        remedy: 'Resume with the version of pocket-phi that the search began with, or begin anew in another folder.',
      })
    }
    const loss = await measure()
    const { factors, startTokens } = candidate
    this.#json.measured.push({ generation, startTokens, factors: [...factors], loss } satisfies Measured)
    await writeFileAtomic(this.#file, textOf(this.#json), this.#options)
    return loss
  }
}

function checked(file: string, text: string, settings: RecordedSettings): RecordJson {
  let json: RecordJson
  try {
    json = recordSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new PocketPhiError('invalid-file', `The record of the search "${file}" cannot be read.`, {
      found: cause instanceof Error ? cause.message : String(cause),
      remedy: 'Remove it to begin the search anew.',
      cause,
    })
  }
  const changed = differences(json.settings, settings)
  if (changed.length === 0) return json
  throw new PocketPhiError('invalid-config', `"${file}" is of a search with other settings.`, {
    found: `changes in ${changed.join('; ')}`,
    remedy: 'Restore the settings that it was begun with, or search in another folder.',
  })
}
