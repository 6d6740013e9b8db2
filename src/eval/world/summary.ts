import { abstains } from './score.ts'
import type { ScoredRow } from './types.ts'

export interface KindScore {
  readonly kind: string
  readonly right: number
  readonly count: number
  readonly share: number
  /** 95 % Wilson interval of the share. */
  readonly interval: readonly [number, number]
}

/** Answerable and unanswerable questions, each abstained from or not. */
export interface AbstentionTable {
  readonly answerableAnswered: number
  readonly answerableAbstained: number
  readonly unanswerableAnswered: number
  readonly unanswerableAbstained: number
}

export interface Summary {
  readonly kinds: readonly KindScore[]
  readonly total: KindScore
  readonly abstention: AbstentionTable
}

/** The 95 % interval of a share (Wilson, 1927); [0, 1] of nothing. */
export function wilsonInterval(right: number, count: number): [number, number] {
  if (count === 0) return [0, 1]
  const z = 1.959963984540054
  const share = right / count
  const denominator = 1 + (z * z) / count
  const middle = (share + (z * z) / (2 * count)) / denominator
  const half = (z * Math.sqrt((share * (1 - share)) / count + (z * z) / (4 * count * count))) / denominator
  return [Math.max(0, middle - half), Math.min(1, middle + half)]
}

function scoreOf(kind: string, rows: readonly ScoredRow[]): KindScore {
  const right = rows.filter((row) => row.verdict.right).length
  const count = rows.length
  return { kind, right, count, share: count === 0 ? 0 : right / count, interval: wilsonInterval(right, count) }
}

/** Per-kind scores in the order of first appearance, their total, and the abstention table over all rows. */
export function summarise(rows: readonly ScoredRow[]): Summary {
  const kinds = new Map<string, ScoredRow[]>()
  for (const row of rows) {
    const list = kinds.get(row.row.kind)
    if (list === undefined) kinds.set(row.row.kind, [row])
    else list.push(row)
  }
  const table = { answerableAnswered: 0, answerableAbstained: 0, unanswerableAnswered: 0, unanswerableAbstained: 0 }
  for (const { row, answer } of rows) {
    if (row.check.type === 'refuse') continue
    const abstained = abstains(answer)
    if (row.check.type === 'abstain') table[abstained ? 'unanswerableAbstained' : 'unanswerableAnswered']++
    else table[abstained ? 'answerableAbstained' : 'answerableAnswered']++
  }
  return {
    kinds: [...kinds].map(([kind, list]) => scoreOf(kind, list)),
    total: scoreOf('total', rows),
    abstention: table,
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

/** The summary as a Markdown table. */
export function formatSummary(summary: Summary): string {
  const line = (score: KindScore): string =>
    `| ${score.kind} | ${score.right} / ${score.count} | ${percent(score.share)} | ${percent(score.interval[0])} to ${percent(score.interval[1])} |`
  const { abstention } = summary
  return [
    '| kind | right | share | 95 % interval |',
    '| --- | --- | --- | --- |',
    ...summary.kinds.map(line),
    line(summary.total),
    '',
    '| | answered | abstained |',
    '| --- | --- | --- |',
    `| answerable | ${abstention.answerableAnswered} | ${abstention.answerableAbstained} |`,
    `| unanswerable | ${abstention.unanswerableAnswered} | ${abstention.unanswerableAbstained} |`,
  ].join('\n')
}
