/** Conversations in a file as they are held, so that a measurement that was stopped goes on where it was. */
import { PocketPhiError } from '../base/errors.ts'
import { openJsonLines, readJsonLines } from '../formats/json-lines.ts'
import { isJsonObject } from '../formats/json.ts'
import { differences } from '../train/checkpoint.ts'
import type { Transcript } from './types.ts'

/** Of the first line, so that a file of another making is not taken for one. Its number goes up with what grades mean. */
const formatName = 'pocket-phi-safety-2'

/** What decides transcripts beside the probes. */
export interface TranscriptHeader {
  readonly model: string
  readonly settings: Readonly<Record<string, string | number | boolean>>
  readonly user: string
  readonly grader: string
}

type Line = (TranscriptHeader & { readonly format: string }) | Transcript

/** A line as far as it is whole; its fields are those that this module wrote. */
function takeLine(value: unknown): Line | undefined {
  if (!isJsonObject(value)) return undefined
  const isLine =
    typeof value['format'] === 'string' || (typeof value['id'] === 'string' && Array.isArray(value['messages']))
  return isLine ? (value as unknown as Line) : undefined
}

export interface TranscriptFile {
  readonly known: ReadonlyMap<string, Transcript>
  add(transcript: Transcript): Promise<void>
  close(): Promise<void>
}

/**
 * Opens a file, or begins one. Conversations without a grade are not kept: they are held again.
 *
 * @throws PocketPhiError `invalid-argument` for transcripts of another model, user or grader; `out-of-memory` for a full disk
 */
export async function openTranscripts(file: string, header: TranscriptHeader): Promise<TranscriptFile> {
  const [first, ...rest] = await readJsonLines(file, takeLine)
  const wanted = { format: formatName, ...header }
  const changed = first === undefined ? [] : differences(first, wanted)
  if (changed.length > 0) {
    throw new PocketPhiError(
      'invalid-argument',
      `The conversations in "${file}" were held under other circumstances.`,
      {
        found: changed.join('; '),
        remedy: 'Restore what has changed, or choose another folder.',
      },
    )
  }
  const kept = rest.flatMap((line) => ('messages' in line && line.grade !== undefined ? [line] : []))
  const log = await openJsonLines<Line>(file, [wanted, ...kept])
  return {
    known: new Map(kept.map((line) => [line.id, line])),
    async add(transcript) {
      await log.append(transcript)
      await log.sync()
    },
    close: () => log.close(),
  }
}
