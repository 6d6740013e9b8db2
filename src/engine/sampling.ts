/** From logits to a token. The order of the steps is that of the transformers library's `generate`. */
import { PocketPhiError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'

/** How a token is chosen; a loaded model has its own values for what is left out (`PhiModel.sampling`). */
export interface SamplingOptions {
  /** What logits are divided by; 0 (the default) takes the most likely token and ignores the limits below. */
  readonly temperature?: number
  /** Only the k most likely tokens, and those as likely as the last of them; 0 or left out: all. */
  readonly topK?: number
  /** Only the most likely tokens that together reach this probability; 1 or left out: all. */
  readonly topP?: number
  /** Only tokens at least this share as likely as the most likely one; 0 or left out: all. */
  readonly minP?: number
  /**
   * Divides positive and multiplies negative logits of tokens that the prompt or the answer contains already (once each);
   * 1 or left out: none.
   */
  readonly repetitionPenalty?: number
}

/** How the tokens of one answer are chosen. */
export interface ChoiceOptions extends SamplingOptions {
  /** Added to the logits of these ids before all else; -100 in effect forbids a token, and 100 leaves no other. */
  readonly logitBias?: ReadonlyMap<number, number>
}

/** The greatest logits of a row and their ids, in descending order, of equals the lower id first; NaN is the greatest. */
export interface Candidates {
  readonly ids: Int32Array
  readonly logits: Float32Array
}

/** The tokens that may be drawn, in order of id. */
export interface Distribution {
  readonly ids: Int32Array
  /** Logits after penalty and temperature. */
  readonly scores: Float64Array
  /** They add up to 1. */
  readonly probabilities: Float64Array
}

/**
 * @param vocabulary how many ids there are
 * @throws PocketPhiError `invalid-argument` naming an option that is out of range
 */
export function checkSampling(options: ChoiceOptions, vocabulary: number): void {
  const check = (name: keyof SamplingOptions, fits: (value: number) => boolean, expected: string): void => {
    const value = options[name]
    if (value === undefined || (Number.isFinite(value) && fits(value))) return
    throw new PocketPhiError('invalid-argument', `The option "${name}" cannot be used.`, {
      expected,
      found: String(value),
    })
  }
  check('temperature', (value) => value >= 0, 'a number of at least 0')
  check('topK', (value) => value >= 0 && Number.isInteger(value), 'an integer of at least 0')
  check('topP', (value) => value > 0 && value <= 1, 'a number above 0, at most 1')
  check('minP', (value) => value >= 0 && value <= 1, 'a number from 0 to 1')
  check('repetitionPenalty', (value) => value > 0, 'a positive number')
  for (const [id, bias] of options.logitBias ?? []) {
    if (Number.isInteger(id) && id >= 0 && id < vocabulary && Number.isFinite(bias)) continue
    throw new PocketPhiError('invalid-argument', 'The option "logitBias" cannot be used.', {
      expected: `a finite number for each of some ids from 0 to ${vocabulary - 1}`,
      found: `${bias} for ${id}`,
    })
  }
}

/** Logits as float64, biased, then with the penalty for tokens that came before (Keskar et al., 2019). */
function adjusted(
  logits: ArrayLike<number>,
  previous: Iterable<number>,
  { logitBias, repetitionPenalty: penalty = 1 }: ChoiceOptions,
): Float64Array {
  const scores = new Float64Array(logits)
  for (const [id, bias] of logitBias ?? []) scores[id] = (scores[id] as number) + bias
  if (penalty === 1) return scores
  for (const id of new Set(previous)) {
    const score = scores[id]
    if (score !== undefined) scores[id] = score < 0 ? score * penalty : score / penalty
  }
  return scores
}

/** The index of the greatest value, the first of equals. */
export function greatestIndex(values: ArrayLike<number>): number {
  let best = 0
  for (let index = 1; index < values.length; index++) {
    if ((values[index] as number) > (values[best] as number)) best = index
  }
  return best
}

/**
 * The distribution that these options leave of one row of logits: bias, repetition penalty, temperature, top-k, top-p, min-p,
 * in that order. `previous` are the ids of prompt and answer so far. With temperature 0 it is one token.
 *
 * @param allowed the ids that may be drawn, in ascending order; all when left out
 * @throws PocketPhiError `invalid-file` for logits that are not numbers; `invalid-argument` for a temperature or penalty so
 * extreme that logits overflow
 */
export function distributionOf(
  logits: ArrayLike<number>,
  previous: Iterable<number>,
  options: ChoiceOptions,
  allowed?: Int32Array,
): Distribution {
  checkLogits(logits)
  const scores = scaled(adjusted(logits, previous, options), options)
  if (allowed === undefined) return distributionOfScores(scores, options)
  return withIds(distributionOfScores(pick(scores, allowed), options), allowed)
}

/** The distribution over places whose scores these are, after penalty and temperature. */
function distributionOfScores(scores: Float64Array, options: SamplingOptions): Distribution {
  const { temperature = 0, topK = 0 } = options
  if (temperature === 0) return only(greatestIndex(scores), scores)
  const isLimited = topK > 0 && topK < scores.length
  const places = isLimited ? placesFrom(scores, kthGreatest(scores, topK)) : everyPlace(scores.length)
  return distributionAt(limited(scores, places, options), scores)
}

/** Whether so many candidates have all that these options ask for, unless equal logits are among the last of them. */
export function candidatesAreEnough(options: ChoiceOptions, count: number): boolean {
  const { temperature = 0, topK = 0, repetitionPenalty = 1, logitBias } = options
  const isAdjusted = repetitionPenalty !== 1 || (logitBias?.size ?? 0) > 0
  return !isAdjusted && (temperature === 0 || (topK > 0 && topK < count))
}

/**
 * What `distributionOf` leaves of a row, to the last bit, from its candidates alone: for options of which they are enough.
 * Undefined where tokens as likely as the last that counts may be missing among them.
 *
 * @throws PocketPhiError as `distributionOf`
 */
export function distributionOfCandidates(candidates: Candidates, options: SamplingOptions): Distribution | undefined {
  const { temperature = 0, topK = 0 } = options
  checkLogits(candidates.logits)
  const descending = scaled(Float64Array.from(candidates.logits), options)
  if (temperature === 0) return withIds(only(0, descending), candidates.ids)
  const [threshold, least] = [descending[topK - 1], descending.at(-1)]
  if (threshold === undefined || least === threshold) return undefined
  // In order of id, in which weights are summed up.
  const order = placesFrom(descending, threshold).sort(
    (left, right) => idAt(candidates, left) - idAt(candidates, right),
  )
  const [scores, ids] = [pick(descending, order), order.map((place) => idAt(candidates, place))]
  return withIds(distributionAt(limited(scores, everyPlace(scores.length), options), scores), ids)
}

function idAt({ ids }: Candidates, place: number): number {
  return ids[place] as number
}

/** Scores divided by the temperature, in place. @throws PocketPhiError `invalid-argument` when the greatest overflows */
function scaled(scores: Float64Array, { temperature = 0, repetitionPenalty = 1 }: SamplingOptions): Float64Array {
  if (temperature !== 0 && temperature !== 1) {
    for (let place = 0; place < scores.length; place++) scores[place] = (scores[place] as number) / temperature
  }
  if (hasFiniteGreatest(scores)) return scores
  throw new PocketPhiError('invalid-argument', 'The logits leave the range of numbers when they are scaled.', {
    found: `temperature ${temperature}, repetitionPenalty ${repetitionPenalty}`,
    remedy: 'Use a temperature of 0 for the most likely token, and a penalty closer to 1.',
  })
}

/** The places that top-p and min-p leave of these. */
function limited(scores: Float64Array, places: Int32Array, { topP = 1, minP = 0 }: SamplingOptions): Int32Array {
  const likely = topP < 1 ? keepTopP(scores, places, topP) : places
  return minP > 0 ? keepMinP(scores, likely, minP) : likely
}

/** The distribution over these places, whose ids they are. */
function distributionAt(places: Int32Array, scores: Float64Array): Distribution {
  const kept = pick(scores, places)
  const weights = weightsOf(kept)
  const total = sumOf(weights)
  return { ids: places, scores: kept, probabilities: weights.map((weight) => weight / total) }
}

/** The distribution of which one place is all. */
function only(place: number, scores: Float64Array): Distribution {
  return { ids: Int32Array.of(place), scores: scores.slice(place, place + 1), probabilities: Float64Array.of(1) }
}

/** A distribution over places among these ids, as one over the ids. */
function withIds(distribution: Distribution, ids: Int32Array): Distribution {
  return { ...distribution, ids: distribution.ids.map((place) => ids[place] as number) }
}

function checkLogits(logits: ArrayLike<number>): void {
  if (hasFiniteGreatest(logits)) return
  throw new PocketPhiError('invalid-file', 'The model gave no usable logits.', {
    expected: 'finite numbers',
    remedy: 'The weights are probably damaged; fetch them again.',
  })
}

// Loops instead of callbacks below: they run over the whole vocabulary for every token.

function everyPlace(count: number): Int32Array {
  const places = new Int32Array(count)
  for (let place = 0; place < count; place++) places[place] = place
  return places
}

function pick(scores: Float64Array, ids: Int32Array): Float64Array {
  const picked = new Float64Array(ids.length)
  for (let at = 0; at < ids.length; at++) picked[at] = scores[ids[at] as number] as number
  return picked
}

function greatestOf(scores: Float64Array): number {
  let greatest = -Infinity
  for (let at = 0; at < scores.length; at++) if ((scores[at] as number) > greatest) greatest = scores[at] as number
  return greatest
}

/** Whether there is a greatest value, and none that is no number: those compare as less than nothing and would be passed by. */
function hasFiniteGreatest(scores: ArrayLike<number>): boolean {
  let greatest = -Infinity
  for (let at = 0; at < scores.length; at++) {
    const score = scores[at] as number
    if (Number.isNaN(score)) return false
    if (score > greatest) greatest = score
  }
  return Number.isFinite(greatest)
}

function sumOf(values: Float64Array): number {
  let sum = 0
  for (let at = 0; at < values.length; at++) sum += values[at] as number
  return sum
}

/** Probabilities up to a common factor: that of the likeliest is 1. */
function weightsOf(scores: Float64Array): Float64Array {
  const greatest = greatestOf(scores)
  const weights = new Float64Array(scores.length)
  for (let at = 0; at < scores.length; at++) weights[at] = Math.exp((scores[at] as number) - greatest)
  return weights
}

/** The places whose score is at least this, in order; ties with the k-th greatest stay, as in the reference. */
function placesFrom(scores: Float64Array, threshold: number): Int32Array {
  const kept: number[] = []
  for (let place = 0; place < scores.length; place++) if ((scores[place] as number) >= threshold) kept.push(place)
  return Int32Array.from(kept)
}

/** The k-th greatest value: a heap of the k greatest seen so far, whose root is the least of them. */
function kthGreatest(values: Float64Array, k: number): number {
  const heap = values.slice(0, k)
  for (let root = (k >> 1) - 1; root >= 0; root--) sink(heap, root)
  for (let index = k; index < values.length; index++) {
    const value = values[index] as number
    if (value <= (heap[0] as number)) continue
    heap[0] = value
    sink(heap, 0)
  }
  return heap[0] as number
}

/** Restores the heap below `root`: no value is less than the one above it. */
function sink(heap: Float64Array, root: number): void {
  const moving = heap[root] as number
  let at = root
  while (true) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && (heap[child + 1] as number) < (heap[child] as number)) child++
    if ((heap[child] as number) >= moving) break
    heap[at] = heap[child] as number
    at = child
  }
  heap[at] = moving
}

/** Classes of likelihood that top-p sorts tokens into, and how wide they are in nats. */
const classes = 2048
const classWidth = 1 / 64

/**
 * Nucleus sampling (Holtzman et al., 2020): tokens from the most likely on, until what came before a token reaches `p`; of
 * equals the later id first, which is the order of the reference's ascending sort. Only the class of likelihood in which
 * `p` is reached has to be sorted.
 */
function keepTopP(scores: Float64Array, ids: Int32Array, p: number): Int32Array {
  const candidates = pick(scores, ids)
  const weights = weightsOf(candidates)
  const wanted = p * sumOf(weights)
  const greatest = greatestOf(candidates)
  const classOf = (at: number): number =>
    Math.min(classes - 1, Math.floor((greatest - (candidates[at] as number)) / classWidth))
  const masses = new Float64Array(classes)
  for (let at = 0; at < ids.length; at++)
    masses[classOf(at)] = (masses[classOf(at)] as number) + (weights[at] as number)
  let last = 0
  let mass = 0
  while (last < classes - 1 && mass + (masses[last] as number) < wanted) mass += masses[last++] as number
  const kept: number[] = []
  const border: number[] = []
  for (let at = 0; at < ids.length; at++) {
    const found = classOf(at)
    if (found < last) kept.push(ids[at] as number)
    else if (found === last) border.push(at)
  }
  border.sort((left, right) => (candidates[right] as number) - (candidates[left] as number) || right - left)
  for (const at of border) {
    if (mass >= wanted && kept.length > 0) break
    kept.push(ids[at] as number)
    mass += weights[at] as number
  }
  return Int32Array.from(kept).sort()
}

/** Tokens at least `share` as likely as the most likely (Nguyen et al., 2024). */
function keepMinP(scores: Float64Array, ids: Int32Array, share: number): Int32Array {
  const weights = weightsOf(pick(scores, ids))
  return ids.filter((_, at) => (weights[at] as number) >= share)
}

/** Draws a token. Two equal generators draw equal tokens from equal logits; greedy choices draw no number. */
export function draw({ ids, probabilities }: Distribution, random: Random): number {
  const last = ids.length - 1
  if (last === 0) return ids[0] as number
  let left = random.float()
  for (let index = 0; index < last; index++) {
    left -= probabilities[index] as number
    if (left < 0) return ids[index] as number
  }
  return ids[last] as number
}

/** A token and the natural logarithm of its probability. */
export interface TokenLogProbability {
  readonly id: number
  /** In nats. */
  readonly logprob: number
}

/**
 * Log-probabilities of the model's own distribution, before penalties, temperature and limits: of the chosen token, and of
 * the `top` most likely ones, the greatest first (of equals the lower id first).
 */
export function logProbabilities(
  logits: ArrayLike<number>,
  chosen: number,
  top: number,
): { chosen: TokenLogProbability; top: readonly TokenLogProbability[] } {
  const scores = new Float64Array(logits)
  const logTotal = greatestOf(scores) + Math.log(sumOf(weightsOf(scores)))
  const of = (id: number): TokenLogProbability => ({ id, logprob: (scores[id] as number) - logTotal })
  const count = Math.min(top, scores.length)
  const best = count === 0 ? [] : [...placesFrom(scores, kthGreatest(scores, count))]
  best.sort((left, right) => (scores[right] as number) - (scores[left] as number) || left - right)
  return { chosen: of(chosen), top: best.slice(0, count).map(of) }
}
