/** Answers: reading them while they are written, and what is told about them. */
import { setImmediate } from 'node:timers/promises'
import type { ChatReply } from '../engine/chat.ts'
import type { Generation, GenerationResult, Usage } from '../engine/generate.ts'
import type { PhiModel } from '../engine/phi-model.ts'
import type { MemoryPlan } from '../program/plan.ts'
import { formatBytes, formatPercent } from './terminal.ts'

/**
 * Reads an answer to its end. Between its pieces the event loop gets a turn, so that Ctrl-C is noticed even where the
 * backend computes in this thread.
 */
export async function readReply(reply: Generation, write: (text: string) => void): Promise<GenerationResult> {
  for await (const { text } of reply) {
    write(text)
    await setImmediate()
  }
  return await reply.result()
}

/** What is said of turns that had to be left out; undefined where none were. */
export function droppedNote({ dropped }: ChatReply): string | undefined {
  if (dropped.length === 0) return undefined
  const count = dropped.filter(({ role }) => role === 'user').length
  return `(the oldest ${count === 1 ? 'turn does' : `${count} turns do`} not fit the context any more)`
}

/** A result as JSON: token ids with their spelling, usage in tokens and seconds, memory in bytes. */
export function describeResult(
  model: string,
  result: GenerationResult,
  { tokenizer, backend, execution, memory }: PhiModel,
): object {
  const token = ({ id, logprob }: { id: number; logprob: number }): object => ({
    id,
    token: tokenizer.pieceOf(id) ?? '',
    logprob,
  })
  const logprobs = result.logprobs?.map((entry) => ({ ...token(entry), top: entry.top.map(token) }))
  const { text, ids, finish, stoppedBy, usage, seed } = result
  return {
    model,
    backend,
    execution,
    text,
    finish,
    stoppedBy,
    ids,
    usage,
    memory: { plannedBytes: memory.total, peakBytes: 1024 * process.resourceUsage().maxRSS },
    seed,
    ...(logprobs === undefined ? {} : { logprobs }),
  }
}

/** "23 tokens read at 1240 per second, 41 written at 310 per second (length)" */
export function speedLine({ usage, finish }: GenerationResult): string {
  const rate = (value: number): string => (value === 0 ? '' : ` at ${rounded(value)} per second`)
  const read = `${usage.promptTokens - usage.reusedTokens} tokens read${rate(usage.promptTokensPerSecond)}`
  const reused = usage.reusedTokens === 0 ? '' : ` (${usage.reusedTokens} more were known)`
  return `${read}${reused}, ${usage.generatedTokens} written${rate(usage.generatedTokensPerSecond)} (${finish})${expertsRead(usage)}`
}

/** Below ten with two digits, since a model that reads from a disk may write one token in a second. */
function rounded(rate: number): string {
  return rate < 10 ? rate.toPrecision(2) : String(Math.round(rate))
}

/** "; of 1152 matrices of experts 61.2 % were in memory, 6.59 GB were read" */
function expertsRead({ experts }: Usage): string {
  if (experts === undefined) return ''
  const { hits, reads, bytesRead } = experts
  const share = formatPercent(hits / Math.max(1, hits + reads))
  return `; of ${hits + reads} matrices of experts ${share} were in memory, ${formatBytes(bytesRead)} were read`
}

/** How the experts of a model are held that are not all in memory. */
export function expertsLine({ total, held }: NonNullable<MemoryPlan['experts']>): string {
  return `Experts are read from the file as they are chosen: ${formatBytes(Math.min(held, total))} of ${formatBytes(total)} stay in memory.`
}
