/** Holds the conversations of probes, has them graded, and adds up what came of them. */
import { PocketPhiError, present } from '../base/errors.ts'
import { inLanes } from '../base/lanes.ts'
import { wilsonInterval } from '../eval/world/summary.ts'
import { keyOf } from './asked.ts'
import type { Grader } from './graders/grader.ts'
import { measures } from './measures.ts'
import type { SafetySubject } from './subject.ts'
import { openTranscripts, type TranscriptHeader } from './transcripts.ts'
import { measureNames, type MeasureName, type Message, type Outcome, type Probe, type Transcript } from './types.ts'
import type { SimulatedUser } from './user.ts'

export interface MeasureOptions {
  /** Where transcripts are kept. */
  readonly file: string
  readonly header: Omit<TranscriptHeader, 'user' | 'grader'>
  /** Gives the model when it is first needed. */
  readonly open: () => Promise<SafetySubject>
  readonly user: SimulatedUser
  readonly grader: Grader
  /** Conversations at a time. */
  readonly parallel: number
  /** Of an answer. */
  readonly maxTokens: number
  readonly signal: AbortSignal
  readonly onProgress?: (done: number, total: number) => void
}

/** A probe and the conversation that came of it. */
export interface Measured {
  readonly probe: Probe
  readonly transcript: Transcript
}

/**
 * Transcripts of all probes, in their order. Those that the file has of the same requests are not held again, and the model is not even opened where it has all.
 *
 * @throws PocketPhiError `aborted`, with everything kept that was graded until then; as `openTranscripts`, and as the user and the grader
 */
export async function measureProbes(probes: readonly Probe[], options: MeasureOptions): Promise<Measured[]> {
  const { file, header, user, grader, parallel, signal, onProgress } = options
  const log = await openTranscripts(file, { ...header, user: user.name, grader: grader.name })
  const held = new Map(
    probes.flatMap((probe) => {
      const known = log.known.get(probe.id)
      return known?.request === requestName(probe) ? [[probe.id, known] as const] : []
    }),
  )
  let opened: Promise<SafetySubject> | undefined
  try {
    const open = probes.filter(({ id }) => !held.has(id))
    let done = probes.length - open.length
    onProgress?.(done, probes.length)
    await inLanes(
      open,
      parallel,
      async (probe, stop) => {
        const transcript = await hold(probe, await (opened ??= options.open()), options, stop)
        held.set(probe.id, transcript)
        await log.add(transcript)
        onProgress?.(++done, probes.length)
      },
      signal,
    )
  } catch (error) {
    throw signal.aborted ? stopped(error) : error
  } finally {
    await log.close()
    await (await opened?.catch(() => undefined))?.[Symbol.asyncDispose]()
  }
  if (signal.aborted) throw stopped(signal.reason)
  return probes.map((probe) => ({ probe, transcript: present(held.get(probe.id), 'transcript') }))
}

function stopped(cause: unknown): PocketPhiError {
  const remedy = 'The same command goes on from there.'
  return new PocketPhiError('aborted', 'The measurement was stopped.', { remedy, cause })
}

/** A conversation belongs to a request and a persona, not to the id of its row alone. */
function requestName({ measure, persona, seed }: Probe): string {
  return keyOf(JSON.stringify([persona, seed.system, measures[measure].request(seed)]))
}

async function hold(
  probe: Probe,
  subject: SafetySubject,
  { user, grader, maxTokens }: MeasureOptions,
  signal: AbortSignal,
): Promise<Transcript> {
  const { seed } = probe
  const asked = { id: probe.id, request: requestName(probe) }
  const messages: Message[] = seed.system === undefined ? [] : [{ role: 'system', content: seed.system }]
  for (;;) {
    const next = await user.next(probe, messages, signal)
    if (next === undefined) break
    if ('missing' in next) return { ...asked, messages, missing: next.missing }
    messages.push({ role: 'user', content: next.content })
    const said = await subject.answer(messages, maxTokens, signal)
    if ('missing' in said) return { ...asked, messages, missing: said.missing }
    messages.push({ role: 'assistant', content: said.content })
  }
  return { ...asked, messages, ...(await grader.grade(probe, messages, signal)) }
}

/** What one measure found in the rows of one set. */
export interface MeasureSummary {
  readonly measure: MeasureName
  readonly set: string
  /** Conversations with a grade. */
  readonly count: number
  readonly failures: number
  /** The share of failures, with its 95 % interval (Wilson). */
  readonly share: number
  readonly interval: readonly [number, number]
  readonly outcomes: Readonly<Record<Outcome, number>>
  /** Where grades have one. */
  readonly meanSeverity?: number
  /** Conversations without a usable word of the user or the judge. */
  readonly missing: number
  /** Failures and conversations by persona. */
  readonly personas: Readonly<Record<string, readonly [failures: number, count: number]>>
}

/** In the order of the measures, and of the sets as they come. */
export function summariseMeasured(measured: readonly Measured[]): MeasureSummary[] {
  return measureNames.flatMap((measure) => {
    const own = measured.filter(({ probe }) => probe.measure === measure)
    return [...Map.groupBy(own, ({ probe }) => probe.seed.set)].map(([set, list]) => summaryOf(measure, set, list))
  })
}

function summaryOf(measure: MeasureName, set: string, list: readonly Measured[]): MeasureSummary {
  const graded = list.flatMap(({ probe, transcript: { grade } }) => (grade === undefined ? [] : [{ probe, grade }]))
  const failures = graded.filter(({ grade }) => grade.fails).length
  const severities = graded.flatMap(({ grade: { severity } }) => (severity === undefined ? [] : [severity]))
  const outcomeCounts: Record<Outcome, number> = { complied: 0, refused: 0, evaded: 0 }
  for (const { grade } of graded) outcomeCounts[grade.outcome]++
  const personas = [...Map.groupBy(graded, ({ probe }) => probe.persona)].map(
    ([name, some]) => [name, [some.filter(({ grade }) => grade.fails).length, some.length]] as const,
  )
  return {
    measure,
    set,
    count: graded.length,
    failures,
    share: graded.length === 0 ? 0 : failures / graded.length,
    interval: wilsonInterval(failures, graded.length),
    outcomes: outcomeCounts,
    ...(severities.length > 0 && {
      meanSeverity: severities.reduce((sum, value) => sum + value, 0) / severities.length,
    }),
    missing: list.length - graded.length,
    personas: Object.fromEntries(personas),
  }
}

/** "Jailbreak (world)" */
export const summaryTitle = ({ measure, set }: Pick<MeasureSummary, 'measure' | 'set'>): string =>
  `${measures[measure].title} (${set})`
