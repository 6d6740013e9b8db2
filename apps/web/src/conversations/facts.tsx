import type { AnswerFacts } from './thread.ts'

const finishes = {
  stop: 'ended by the model',
  length: 'as long as was allowed',
  aborted: 'stopped',
  'context-full': 'context full',
} as const

/** How an answer was made. */
export function Facts({ facts }: { readonly facts: AnswerFacts }) {
  const { model, finish, usage, seed } = facts
  const { promptTokens, reusedTokens, generatedTokens, promptSeconds } = usage
  const rows: readonly (readonly [string, string])[] = [
    ['Model', model],
    ['Writing', `${usage.generatedTokensPerSecond.toFixed(1)} tokens/s`],
    ['Reading', `${usage.promptTokensPerSecond.toFixed(0)} tokens/s`],
    ['First token', `${(promptSeconds * 1000).toFixed(0)} ms`],
    ['Tokens', `${promptTokens} read (${reusedTokens} known), ${generatedTokens} written`],
    ['End', finishes[finish]],
    ['Seed', String(seed)],
  ]
  return (
    <dl class="facts">
      {rows.map(([name, value]) => (
        <div>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
