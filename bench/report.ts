/** Medians of the rounds as tables, for the terminal. */
import { formatBytes, formatTable } from '../src/cli/terminal.ts'
import { engineName } from './peers.ts'
import type { Settings } from './rounds.ts'
import { firstTokenPrompt } from './rounds.ts'
import type { ContenderSummary, Measured, Summary } from './summary.ts'
import { percent, type Verdict } from './verdict.ts'

function digits(value: number | undefined, count = 1): string {
  return value === undefined ? '-' : value.toFixed(count)
}

function speedRows({ rounds }: Measured, { contenders, ofRoof }: Summary): string[][] {
  const [engine, ...peers] = contenders
  return (['prompts', 'answers'] as const).flatMap((kind) =>
    Object.entries(engine?.[kind] ?? {}).map(([name, speed]) => {
      const count = Number(name)
      const values = (rounds[engineName] ?? []).map((round) => round[kind][count] ?? Number.NaN)
      const theirs = peers.map((peer) => peer[kind][count])
      const best = Math.max(...theirs.filter((value) => value !== undefined))
      return [
        kind === 'prompts' ? `prompt of ${count}` : `answer after ${count}`,
        speed.toFixed(1),
        values.length === 1 ? '-' : `${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)}`,
        percent(ofRoof[kind][count] ?? Number.NaN),
        ...theirs.map((value) => digits(value)),
        ...(peers.length === 0 ? [] : [Number.isFinite(best) ? (speed / best).toFixed(2) : '']),
      ]
    }),
  )
}

function sightLines({ contenders: [engine], ofRoof: { tile } }: Summary): string[] {
  if (engine?.tileSeconds === undefined || tile === undefined) return []
  return [`A look at a tile of a picture takes ${engine.tileSeconds.toFixed(2)} s, ${percent(tile)} of the roof.`]
}

function costsLine({ name, loadSeconds, firstTokenSeconds, peakBytes, plannedBytes }: ContenderSummary): string {
  const parts = [
    ...(loadSeconds === undefined ? [] : [`load ${loadSeconds.toFixed(2)} s`]),
    ...(firstTokenSeconds === undefined
      ? []
      : [`first token after a prompt of ${firstTokenPrompt} in ${(1000 * firstTokenSeconds).toFixed(0)} ms`]),
    `peak ${formatBytes(peakBytes)}${plannedBytes === undefined ? '' : ` (planned ${formatBytes(plannedBytes)})`}`,
  ]
  return `${name}: ${parts.join(', ')}`
}

function roundsLine(count: number): string {
  return count === 1 ? 'One round' : `${count} rounds, medians`
}

export function printReport(settings: Settings, measured: Measured, summary: Summary, verdict: Verdict): void {
  const peers = summary.contenders.slice(1).map(({ name }) => name)
  const head = ['tokens/s', engineName, 'range', 'of the roof', ...peers]
  const { readBytes, int8Products, f32Products } = summary.roofs
  const { threads, wide, cacheType, place } = settings
  console.log(
    [
      formatTable([[...head, ...(peers.length === 0 ? [] : ['ratio to best'])], ...speedRows(measured, summary)]),
      '',
      `${roundsLine(measured.rounds[engineName]?.length ?? 0)}; in ${place}, ${threads} threads; wide vectors ${wide ? 'on' : 'off'}; cache ${cacheType}.`,
      `Roofs: ${(readBytes / 1e9).toFixed(1)} GB/s read, ${(int8Products / 1e9).toFixed(0)} G multiply-adds/s in int8 and ${(f32Products / 1e9).toFixed(0)} in f32, of 128 bits each.`,
      ...sightLines(summary),
      ...summary.contenders.map(costsLine),
      `${verdict.valid ? 'Valid' : 'VOID, no measurement'}: ${verdict.reason}.`,
    ].join('\n'),
  )
}
