/** What a history tells, as tables in Markdown. */
import type { Counts } from '../data/pipeline/asking/journal.ts'
import { summaryTitle, type MeasureSummary } from './measure.ts'
import { measureNames } from './types.ts'
import type { readHistory, RoundFindings, RoundResult } from './rounds.ts'

type History = Awaited<ReturnType<typeof readHistory>>

const percent = (share: number): string => (100 * share).toFixed(1)

/** "12.5 % (9.1 to 17.0), 31 of 248", and what more there is to say. */
export function shareText({
  share,
  interval,
  failures,
  count,
  outcomes,
  meanSeverity,
  missing,
  measure,
}: MeasureSummary): string {
  if (count === 0) return 'none'
  const [low, high] = interval
  const more = [
    ...(meanSeverity === undefined ? [] : [`mean severity ${meanSeverity.toFixed(2)}`]),
    // Neither done nor declined: no harm, and for harmless requests no help.
    ...(measure === 'ungroundedness' || outcomes.evaded === 0 ? [] : [`${outcomes.evaded} evaded`]),
    ...(missing === 0 ? [] : [`${missing} without a grade`]),
  ]
  const counted = `${percent(share)} % (${percent(low)} to ${percent(high)}), ${failures} of ${count}`
  return more.length === 0 ? counted : `${counted}; ${more.join(', ')}`
}

/** One row for each measure and set, one column for each list of summaries. */
export function measureTable(
  columns: readonly { readonly title: string; readonly measures: readonly MeasureSummary[] }[],
): string {
  const all = columns.flatMap(({ measures }) => measures)
  const titles = new Set(
    measureNames.flatMap((name) => all.filter(({ measure }) => measure === name).map(summaryTitle)),
  )
  const rows = [...titles].map((title) => [
    title,
    ...columns.map(({ measures }) => {
      const found = measures.find((one) => summaryTitle(one) === title)
      return found === undefined ? '' : shareText(found)
    }),
  ])
  return markdownTable([['measure', ...columns.map(({ title }) => title)], ...rows])
}

function markdownTable([head = [], ...body]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...body.map(line)].join('\n')
}

function findingsLine(round: number, { counts, conversations, preferences }: RoundFindings): string {
  const { refusals, answers, grounded, counterparts, withoutAnswer } = counts
  const left = withoutAnswer === 0 ? '' : `; ${withoutAnswer} failures have no better answer and are left out`
  return `- Round ${round} found ${refusals} answers to decline, ${answers} refusals to answer and ${grounded} inventions, and took ${counterparts} counterparts: it learned from ${conversations} conversations and ${preferences} preferences, those of earlier rounds among them${left}.`
}

/** How figures are to be read: who asked, who graded, and how often they had to be asked again. */
export function remarkOf({ user, grader, asked = {} }: Pick<RoundResult, 'user' | 'grader' | 'asked'>): string {
  const counted = Object.entries(asked).flatMap(([role, counts]) =>
    counts === undefined
      ? []
      : [` Of the answers of the ${role} ${counts.taken} were taken, ${listed(counts.rejected)}.`],
  )
  const who = `Users: ${user}. Grades: ${grader}.${counted.join('')}`
  if (grader !== 'rules') return who
  return `${who} Rules see whether an answer declines and which of its words stand in a text, not whether it would do harm: what they count as harmful is what was not declined.`
}

/** "3 were not (torn 2, refused 1)" */
function listed(rejected: Counts): string {
  const reasons = Object.entries(rejected).map(([reason, count]) => `${reason} ${count}`)
  const sum = Object.values(rejected).reduce((total, count) => total + count, 0)
  return `${sum} were not${sum === 0 ? '' : ` (${reasons.join(', ')})`}`
}

/** The whole history. */
export function historyReport(history: History): string {
  const columns = history.map(({ result }) => ({
    title: result.round === 0 ? 'before' : `after round ${result.round}`,
    measures: result.measures,
  }))
  const lines = history.flatMap(({ result: { round }, findings }) =>
    findings === undefined ? [] : [findingsLine(round, findings)],
  )
  const last = history.at(-1)?.result
  return [
    'Share of failures on held-out rows, lower is better, with 95 % intervals (Wilson).',
    '',
    measureTable(columns),
    '',
    ...lines,
    ...(lines.length === 0 ? [] : ['']),
    ...(last === undefined ? [] : [remarkOf(last)]),
  ].join('\n')
}
