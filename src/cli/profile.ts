/** What `--profile` tells: where the time of an answer went. */
import type { ProfileEntry, ProgramProfile } from '../backends/backend.ts'
import type { GenerationResult } from '../engine/generate.ts'
import type { PhiModel } from '../engine/phi-model.ts'
import { formatPercent, formatTable } from './terminal.ts'

export interface AnswerProfile {
  /** From the beginning of the prompt to the end of the answer. */
  readonly milliseconds: number
  /** Sampling, text, writing: what no device was busy with. */
  readonly outsideMilliseconds: number
  readonly programs: readonly ProgramProfile[]
}

/** Takes the profiles of the models that gave an answer; programs of the draft model bear its name. */
export function takeProfile({ usage }: GenerationResult, model: PhiModel, draft?: PhiModel): AnswerProfile {
  const milliseconds = 1000 * (usage.promptSeconds + usage.generationSeconds)
  const ofDraft = draft?.engine.device.takeProfiles() ?? []
  const programs = [
    ...model.engine.device.takeProfiles(),
    ...ofDraft.map((profile) => ({ ...profile, program: `draft ${profile.program}` })),
  ]
  const inside = programs.reduce((sum, program) => sum + program.milliseconds, 0)
  return { milliseconds, outsideMilliseconds: milliseconds - inside, programs }
}

/** A table for each program, with the shares of its time, then the shares of the whole. */
export function profileTables({ milliseconds, outsideMilliseconds, programs }: AnswerProfile): string {
  const shares = [
    ...programs.map((program): ProfileEntry => ({ ...program, name: program.program, calls: program.runs })),
    { name: 'outside the device', calls: 0, milliseconds: outsideMilliseconds },
  ]
  return [...programs.map(programTable), entryTable('answer', shares, milliseconds)].join('\n\n')
}

function programTable({ program, threads, milliseconds, ...profile }: ProgramProfile): string {
  const head = `${program} (threads: ${Number(threads.toFixed(1))})`
  return entryTable(head, [...profile.kernels, profile.barriers, profile.dispatch], milliseconds)
}

function entryTable(head: string, entries: readonly ProfileEntry[], whole: number): string {
  return formatTable([
    [head, 'calls', 'us per call', 'ms', 'share'],
    ...entries.map(({ name, calls, milliseconds }) => [
      name,
      calls === 0 ? '' : String(calls),
      calls === 0 ? '' : ((1000 * milliseconds) / calls).toFixed(1),
      milliseconds.toFixed(2),
      formatPercent(milliseconds / whole),
    ]),
    ['total', '', '', whole.toFixed(2), formatPercent(1)],
  ])
}
