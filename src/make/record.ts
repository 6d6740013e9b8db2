/** What the folder of a run says of its stages, while it goes on and after it. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { PocketPhiError } from '../base/errors.ts'
import { writeFileAtomic } from '../formats/atomic.ts'

export const recordFile = 'make.json'

/** What decides what a stage makes: another basis makes something else. */
const basisSchema = z.strictObject({
  settings: z.record(z.string(), z.json()),
  /** Fingerprints of the stages whose results it reads, by their names. */
  inputs: z.record(z.string(), z.string()),
  /** Digests of other files and folders that it reads, by their paths. */
  files: z.record(z.string(), z.string()),
})

const stageRecordSchema = z.strictObject({
  name: z.string(),
  kind: z.enum(['data', 'train', 'merge', 'quantize', 'evaluate']),
  folder: z.string(),
  /** `begun` is also what a run was killed in, or what failed. */
  state: z.enum(['waiting', 'begun', 'done']),
  basis: basisSchema,
  /** In ISO 8601. */
  began: z.string().optional(),
  ended: z.string().optional(),
  /** All times that it was worked on together, but for calls that were killed: nothing is left to say when. */
  seconds: z.number().min(0).optional(),
  /** The largest that the process was until the end of it. */
  peakBytes: z.number().min(0).optional(),
  /** Why it is not done. */
  error: z.string().optional(),
})

const recordSchema = z.strictObject({
  format: z.literal(1),
  name: z.string(),
  description: z.string(),
  stages: z.array(stageRecordSchema),
})

export type StageBasis = Readonly<z.infer<typeof basisSchema>>
export type MadeStage = Readonly<z.infer<typeof stageRecordSchema>>
export type MakeRecord = Readonly<z.infer<typeof recordSchema>>

/**
 * The record of a run's folder; undefined where there is none.
 *
 * @throws PocketPhiError `invalid-file` for one that is damaged
 */
export async function readMakeRecord(folder: string): Promise<MakeRecord | undefined> {
  const file = join(folder, recordFile)
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  try {
    return recordSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new PocketPhiError('invalid-file', `The record of the run, "${file}", is damaged.`, {
      found: cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause),
      remedy:
        'Remove it. Trainings and runs of data then go on from what their folders hold; other stages that are there are done again with --again.',
      cause,
    })
  }
}

export async function writeMakeRecord(folder: string, record: MakeRecord): Promise<void> {
  await writeFileAtomic(join(folder, recordFile), `${JSON.stringify(record, undefined, 2)}\n`)
}
