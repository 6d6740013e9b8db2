/** The table that `--logprobs` prints. */
import type { GeneratedLogProbability } from '../engine/generate.ts'
import { formatTable } from './terminal.ts'

/** Three digits; what rounds to nothing has no sign. */
function formatLogprob(value: number): string {
  const text = value.toFixed(3)
  return Number(text) === 0 ? '0.000' : text
}

/** One line for each token: its natural log-probability, its spelling, and the likeliest tokens at its place. */
export function logprobTable(
  logprobs: readonly GeneratedLogProbability[],
  pieceOf: (id: number) => string | undefined,
): string {
  const spelled = (id: number): string => JSON.stringify(pieceOf(id) ?? '')
  const withTop = logprobs.some(({ top }) => top.length > 0)
  return formatTable([
    ['ln p', 'token', ...(withTop ? ['likeliest'] : [])],
    ...logprobs.map(({ id, logprob, top }) => [
      formatLogprob(logprob),
      spelled(id),
      ...(withTop ? [top.map((other) => `${spelled(other.id)} ${formatLogprob(other.logprob)}`).join('  ')] : []),
    ]),
  ])
}
