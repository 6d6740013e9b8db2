/** Runs published references on a loaded model. */
import { PocketPhiError, present } from '../../base/errors.ts'
import type { OnProgress } from '../../base/progress.ts'
import type { ModelText } from '../../engine/load-text.ts'
import type { PhiModel } from '../../engine/phi-model.ts'
import { renderChat } from '../../text/templates.ts'
import { judgeContinuation, judgeLogits, type Step, type Tolerance, type Verdict } from './judge.ts'
import type { ContinuationReference, LogitsReference, PublishedReference } from './references.ts'

export interface VerifyOptions {
  readonly tolerance: Tolerance
  /** With the model's own tokenizer and template the prompts of conversations are checked as well. */
  readonly text?: ModelText
  readonly signal?: AbortSignal
  readonly onProgress?: OnProgress
}

interface ResultParts extends Verdict {
  readonly reference: string
}

export interface LogitsResult extends ResultParts {
  readonly kind: 'logits'
  readonly expected: readonly (readonly number[])[]
  readonly found: readonly (readonly number[])[]
}

export interface ContinuationResult extends ResultParts {
  readonly kind: 'continuation'
  readonly expected: readonly number[]
  /** What the model holds likeliest at each step, each after the expected tokens before it. */
  readonly found: readonly number[]
  /** Leading tokens that are the expected ones; what greedy decoding would have in common with the reference. */
  readonly agreeing: number
  /** What this model makes of the conversation, where that is not the published prompt; then nothing has passed. */
  readonly otherPrompt?: readonly number[]
}

export type VerifyResult = LogitsResult | ContinuationResult

/** Tokens that the context must hold to run a reference. */
export function tokensOf(reference: PublishedReference): number {
  return reference.kind === 'logits' ? reference.ids.length : reference.prompt.length + reference.answer.length
}

/**
 * Runs one reference.
 *
 * @throws PocketPhiError `invalid-argument` for a reference that cannot be of this model, `context-full`, `aborted`
 */
export async function verifyReference(
  model: PhiModel,
  reference: PublishedReference,
  options: VerifyOptions,
): Promise<VerifyResult> {
  return reference.kind === 'logits'
    ? await verifyLogits(model, reference, options)
    : await verifyContinuation(model, reference, options)
}

async function verifyLogits(
  model: PhiModel,
  { name, ids, logits: expected }: LogitsReference,
  { tolerance, ...options }: VerifyOptions,
): Promise<LogitsResult> {
  const width = model.engine.vocabulary
  if (expected.length === 0 || expected.length > ids.length)
    throw misshapen(name, `1 to ${ids.length} rows`, expected.length)
  for (const { length } of expected) {
    if (length === 0 || length > width) throw misshapen(name, `rows of 1 to ${width} logits`, length)
  }
  const logits = await model.logits(ids, options)
  const found = expected.map((row, index) => [...logits.subarray(index * width, index * width + row.length)])
  return { reference: name, kind: 'logits', expected, found, ...judgeLogits(expected, found, tolerance) }
}

function misshapen(name: string, expected: string, found: number): PocketPhiError {
  return new PocketPhiError('invalid-argument', `The reference ${name} does not have the shape of this model.`, {
    expected,
    found: String(found),
  })
}

async function verifyContinuation(
  model: PhiModel,
  reference: ContinuationReference,
  { tolerance, text, ...options }: VerifyOptions,
): Promise<ContinuationResult> {
  const { name, answer } = reference
  if (answer.length === 0) throw misshapen(name, 'an answer', 0)
  const own = ownPrompt(reference, text)
  const steps = await stepThrough(model, reference, options)
  const verdict = judgeContinuation(steps, tolerance)
  const found = steps.map(({ likeliest }) => likeliest)
  const first = found.findIndex((id, index) => id !== answer[index])
  const isOther = own !== undefined && String(own) !== String(reference.prompt)
  return {
    reference: name,
    kind: 'continuation',
    expected: answer,
    found,
    agreeing: first < 0 ? found.length : first,
    ...verdict,
    ...(isOther ? { otherPrompt: own, passed: false } : {}),
  }
}

/** What the model's own template and tokenizer make of the conversation; undefined where one of the three is missing. */
function ownPrompt({ messages }: ContinuationReference, text: ModelText | undefined): readonly number[] | undefined {
  if (messages === undefined || text?.tokenizer === undefined || text.template === undefined) return undefined
  return text.tokenizer.encode(renderChat(text.template, messages, { addGenerationPrompt: true }))
}

/** Decodes token by token, as an answer is written, but goes on with the expected tokens. */
async function stepThrough(
  model: PhiModel,
  { prompt, answer }: ContinuationReference,
  options: Pick<VerifyOptions, 'signal' | 'onProgress'>,
): Promise<Step[]> {
  const { signal, onProgress } = options
  const sequence = await model.engine.open(prompt, { reserve: prompt.length + answer.length, signal })
  try {
    const steps: Step[] = []
    for (const expected of answer) {
      const logits = await sequence.logits(steps.length === 0 ? { signal, onProgress } : { signal })
      const likeliest = greatestOf(logits)
      steps.push({
        expected,
        expectedLogit: logits[expected] ?? Number.NaN,
        likeliest,
        likeliestLogit: present(logits[likeliest], 'the greatest logit'),
      })
      onProgress?.({ stage: 'decoding', done: steps.length, total: answer.length, unit: 'tokens' })
      if (steps.length < answer.length) sequence.append([expected])
    }
    return steps
  } finally {
    sequence.close()
  }
}

function greatestOf(logits: Float32Array): number {
  return logits.reduce((best, value, id) => (value > (logits[best] ?? -Infinity) ? id : best), 0)
}
