/** A tiny random model and references that are made up for it, for tests. */
import { referenceBackend } from '../../backends/ref/index.ts'
import { loadModel } from '../../engine/load-model.ts'
import { loadText } from '../../engine/load-text.ts'
import type { PhiModel } from '../../engine/phi-model.ts'
import { tinyConfig, tinyTree } from '../../engine/tiny-model-harness.ts'
import { renderChat } from '../../text/templates.ts'
import type { ContinuationReference, LogitsReference } from './references.ts'

export async function openTiny(): Promise<PhiModel> {
  return await loadModel(await tinyTree(), { backend: referenceBackend(), maxRows: 8, exact: true })
}

const parts = { model: 'made-up/tiny', config: tinyConfig(), precision: 'float32' } as const
const messages = [{ role: 'user', content: 'how does the ship sail' }]

/** What the tiny model itself computes, as references would state it. */
export async function tinyReferences(
  model: PhiModel,
): Promise<{ logits: LogitsReference; continuation: ContinuationReference }> {
  const ids = [20, 40, 60, 80]
  const width = model.engine.vocabulary
  const values = await model.logits(ids)
  const rows = [0, 1].map((row) => [...values.subarray(row * width, row * width + 30)])
  const { tokenizer, template } = await loadText(await tinyTree())
  if (tokenizer === undefined || template === undefined) throw new Error('defect: the tiny model has no text')
  const prompt = tokenizer.encode(renderChat(template, messages, { addGenerationPrompt: true }))
  const answer = await model.generate(prompt, { maxTokens: 6, stopIds: [] }).result()
  return {
    logits: { ...parts, name: 'made-up logits', kind: 'logits', ids, logits: rows },
    continuation: { ...parts, name: 'made-up answer', kind: 'continuation', messages, prompt, answer: answer.ids },
  }
}
