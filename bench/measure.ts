/** How everything that can be called from JavaScript is measured, in Node as in a page. */
import { firstTokenPrompt, type Round, type Settings } from './rounds.ts'
import type { CacheDType } from '../src/program/ops/cache.ts'

/** A loaded model. Whatever it is asked, nothing of what it read before may help it. */
export interface Contender {
  /** Seconds for reading a prompt of so many tokens; `salt` makes it another prompt. */
  readPrompt(length: number, salt: number): Promise<number>
  /** Seconds for so many tokens of a greedy answer with `depth` tokens before it; the first of them may wait for nothing else. */
  answer(depth: number, tokens: number): Promise<number>
  /** Seconds from a prompt of so many tokens to the first token of its answer. */
  firstToken(length: number, salt: number): Promise<number>
  /** Seconds for a look at a tile of a picture; missing where nothing is seen. */
  readonly lookAtTile?: () => Promise<number>
}

/** Short work is repeated for so long, so that waking up and clocks do not count. */
const leastSeconds = 0.25
/** What is done before anything is measured: compilers that learn while code runs have learnt by then. */
const [warmUpPrompt, warmUpAnswer] = [64, 16]

/** Seconds that some work takes. */
export async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return (performance.now() - start) / 1000
}

async function meanSeconds(once: (repetition: number) => Promise<number>): Promise<number> {
  let total = 0
  let repetitions = 0
  while (total < leastSeconds) total += await once(repetitions++)
  return total / repetitions
}

/** Ids that repeat nothing, so that no prefix is found in a cache. */
export function idsOf(count: number, vocabulary: number, salt = 0): number[] {
  return Array.from({ length: count }, (_, index) => (count + salt * 104_729 + index * 7919) % vocabulary)
}

/** Tokens a second of prompts and of answers, the wait for a first token, and looks at pictures. */
export async function measure(
  contender: Contender,
  { prompts, depths, tokens }: Pick<Settings, 'prompts' | 'depths' | 'tokens'>,
): Promise<Round> {
  await meanSeconds((repetition) => contender.readPrompt(warmUpPrompt, 1000 + repetition))
  await contender.answer(warmUpPrompt, warmUpAnswer)
  const firstTokenSeconds = await meanSeconds((repetition) => contender.firstToken(firstTokenPrompt, 2000 + repetition))
  const round: Round = { prompts: {}, answers: {}, firstTokenSeconds, ...(await measureSight(contender)) }
  for (const length of prompts) {
    round.prompts[length] = length / (await meanSeconds((repetition) => contender.readPrompt(length, repetition)))
  }
  for (const depth of depths) round.answers[depth] = tokens / (await contender.answer(depth, tokens))
  return round
}

async function measureSight({ lookAtTile }: Contender): Promise<Pick<Round, 'tileSeconds'>> {
  return lookAtTile === undefined ? {} : { tileSeconds: await meanSeconds(lookAtTile) }
}

/** What llama.cpp has for a cache type of ours: its own 8 and 4 bits are blocks of 32. */
export function cacheTypeOfLlama(cacheType: CacheDType): 'f16' | 'f32' | 'q8_0' | 'q4_0' {
  if (cacheType === 'kv8') return 'q8_0'
  return cacheType === 'kv4' ? 'q4_0' : cacheType
}
