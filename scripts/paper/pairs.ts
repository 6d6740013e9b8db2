/** Preferences for a tuned model: what the generator says, over what the model said that means something else. */
import type { Backend } from '../../src/backends/backend.ts'
import { conversation, type WorldConversation } from '../../src/data/world/index.ts'
import { loadModel } from '../../src/engine/load-model.ts'
import { abstains, lastNumber, normalise, refuses } from '../../src/eval/world/score.ts'

type Messages = WorldConversation['messages']

/** A line of a file of preferences. */
export interface Pair {
  readonly prompt: Messages
  readonly chosen: string
  readonly rejected: string
}

const parallel = 8

/** Words that carry an answer. */
function contentOf(answer: string): string[] {
  return normalise(answer)
    .split(' ')
    .filter((word) => word.length > 3)
}

/** Whether an answer says something else than the one that it should be. */
export function differs(answer: string, wanted: string): boolean {
  if (refuses(answer) !== refuses(wanted) || abstains(answer) !== abstains(wanted)) return true
  if (refuses(wanted) || abstains(wanted)) return false
  const number = lastNumber(wanted)
  if (number !== undefined) return lastNumber(answer) !== number
  const words = new Set(contentOf(answer))
  const missing = contentOf(wanted).filter((word) => !words.has(word))
  return missing.length > contentOf(wanted).length / 2
}

/** Puts the first questions of conversations to a model. @returns a pair for each answer that differs */
export async function makePairs(
  folder: string,
  backend: Backend,
  { questions, seed }: { readonly questions: number; readonly seed: number },
): Promise<Pair[]> {
  await using model = await loadModel(folder, { backend, context: 256, maxSequences: parallel })
  const pairs: (Pair | undefined)[] = []
  const queue = Array.from({ length: questions }, (_, index) => index).values()
  const work = async (): Promise<void> => {
    for (const index of queue) {
      const { messages } = conversation(seed, index)
      const end = messages.findIndex(({ role }) => role === 'assistant')
      const [prompt, wanted] = [messages.slice(0, end), messages[end]?.content ?? '']
      const reply = model.chat().answer(prompt, { temperature: 1, seed: index, maxTokens: 100 })
      const { text } = await reply.result()
      if (text.trim() === '' || !differs(text, wanted)) continue
      pairs[index] = { prompt, chosen: wanted, rejected: text }
    }
  }
  await Promise.all(Array.from({ length: parallel }, work))
  return pairs.filter((pair) => pair !== undefined)
}
