import type { ChatMessage } from '../../data/world/types.ts'

/** A machine-checkable rule for an answer. */
export type Check =
  /** The last number of the answer equals `value`. */
  | { readonly type: 'number'; readonly value: number }
  /**
   * Of every group at least one string occurs, and none of `none`; whole words, upper and lower case alike. An answer
   * that abstains or refuses is wrong. With `cites` the answer names the sources of these numbers, and no other: `[2]`.
   */
  | {
      readonly type: 'contains'
      readonly all: readonly (readonly string[])[]
      readonly none?: readonly string[]
      readonly cites?: readonly number[]
    }
  /** The answer refuses in one of the forms of refusal. */
  | { readonly type: 'refuse' }
  /** The answer says that it does not know. */
  | { readonly type: 'abstain' }

/** One line of an evaluation file; exactly one of `question` and `messages` is there. */
export interface EvaluationRow {
  readonly id: string
  readonly kind: string
  readonly question?: string
  readonly messages?: readonly ChatMessage[]
  readonly check: Check
}

export interface Verdict {
  readonly right: boolean
  /** Why: "4 of 4 groups found", "abstained", "last number is 12, not 13". */
  readonly reason: string
}

export interface ScoredRow {
  readonly row: EvaluationRow
  readonly answer: string
  readonly verdict: Verdict
}
