import { PocketPhiError } from '../base/errors.ts'
import type { EnginePrograms } from './programs.ts'

/** What does not fit, and what of it can be said. */
export interface Excess {
  readonly problem: string
  /** Tokens for which there is room. */
  readonly most: number
  readonly found: string
}

/** The error for a text that does not fit the context. A larger one is advised only where the model takes it. */
export function contextFullError(
  { context, model }: Pick<EnginePrograms, 'context' | 'model'>,
  { problem, most, found }: Excess,
): PocketPhiError {
  return new PocketPhiError('context-full', problem, {
    expected: `at most ${most} tokens`,
    found,
    remedy:
      context < model.shape.maxPositions
        ? 'Shorten it, or load the model with a larger context.'
        : 'Shorten it: the model takes no longer context.',
  })
}
