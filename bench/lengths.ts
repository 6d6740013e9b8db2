/** Which of the lengths that are asked for a model can take. */
import { PocketPhiError } from '../src/base/errors.ts'
import type { Settings } from './rounds.ts'

/** In whole pages of the cache and more. */
const contextStep = 512

export interface Lengths extends Pick<Settings, 'prompts' | 'depths' | 'context'> {
  /** What was left out and why; undefined where all fit. */
  readonly note?: string
}

/**
 * Leaves out the lengths for which, with an answer behind them, a model has too few positions.
 *
 * @param positions tokens that the model takes
 * @throws PocketPhiError `invalid-argument` when nothing is left
 */
export function fittingLengths(
  { prompts, depths, tokens }: Pick<Settings, 'prompts' | 'depths' | 'tokens'>,
  positions: number,
): Lengths {
  const asked = [...prompts, ...depths]
  const most = positions - tokens - 2
  const fits = (length: number): boolean => length <= most
  const kept = asked.filter(fits)
  if (kept.length === 0 && asked.length > 0) {
    throw new PocketPhiError('invalid-argument', `The model takes ${positions} tokens, and none of the lengths fits.`, {
      expected:
        most < 0 ? `at most ${Math.max(1, positions - 2)} --tokens` : `--prompts and --depths of at most ${most}`,
      found: `${asked.join(', ')}, each with ${tokens} tokens of an answer`,
    })
  }
  const left = Math.max(0, ...kept) + tokens + 2
  const context = Math.min(positions, Math.max(contextStep, Math.ceil(left / contextStep) * contextStep))
  const lengths = { prompts: prompts.filter(fits), depths: depths.filter(fits), context }
  if (kept.length === asked.length) return lengths
  const parts = [leftOut('prompts', prompts, fits), leftOut('depths', depths, fits)].filter((part) => part !== '')
  return { ...lengths, note: `The model takes ${positions} tokens: left out are ${parts.join(' and ')}.` }
}

function leftOut(kind: string, lengths: readonly number[], fits: (length: number) => boolean): string {
  const long = lengths.filter((length) => !fits(length))
  return long.length === 0 ? '' : `${kind} of ${long.join(', ')}`
}
