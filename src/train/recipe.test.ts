import { describe, expect, test } from 'vitest'
import { parseRecipe } from './recipe.ts'

const text = `
name: small
description: For tests.
seed: 1
model: { model_type: phi3, vocab_size: 400 }
tokenizer: { train: { vocabulary: 400, examples: 10 } }
data:
  - { source: world-documents, weight: 1, seed: 1 }
  - { source: world-conversations, weight: 2, seed: 2 }
batch: { rows: 64, context: 32 }
optimizer: { weightDecay: 0 }
schedule: { peak: 0.01, warmupSteps: 1, steps: 9, decay: cosine }
checkpoint: { everySteps: 3 }
evaluation: { everySteps: 3, batches: 1, seed: 100 }
`

test('reads a recipe and fills in what is left out', () => {
  const recipe = parseRecipe(text)
  expect(recipe.optimizer).toEqual({
    ...{ beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0, decayVectors: false, clip: 1 },
  })
  expect(recipe.batch).toEqual({ rows: 64, context: 32, accumulation: 1, recompute: false })
  expect(recipe.checkpoint.keep).toBe(2)
  expect(recipe.initial).toBe(undefined)
  expect(recipe.data.map(({ weight }) => weight)).toEqual([1, 2])
})

describe('refuses, naming the file and the field', () => {
  test.each([
    ['a field that is not known', 'seed: 1\n', 'seed: 1\nlayers: 3\n', /"mine\.yaml" is not a recipe.*layers/s],
    ['a missing field', 'checkpoint: { everySteps: 3 }\n', '', /checkpoint: /],
    ['a number out of range', 'peak: 0.01', 'peak: -1', /schedule\.peak: /],
    ['a name that is no folder', 'name: small', 'name: ../up', /name: lower-case letters/],
    [
      'examples that are longer than a batch',
      'context: 32',
      'context: 65',
      /batch\.context: at most batch\.rows \(64\)/,
    ],
    ['a warm-up beyond the end', 'warmupSteps: 1', 'warmupSteps: 10', /schedule\.warmupSteps: at most/],
    [
      'a tokenizer of another size than the model',
      'vocabulary: 400',
      'vocabulary: 401',
      /tokenizer\.train\.vocabulary: must be the vocabulary of the model; it is 401, but model\.vocab_size is 400/,
    ],
    ['an evaluation on what is learned', 'seed: 100', 'seed: 0', /evaluation\.seed: .* nothing is held out/],
    [
      'a kind that the world lacks',
      'seed: 2 }',
      'seed: 2, mixture: { sport: 1 } }',
      /data\.1\.mixture.*sport.*is no kind/s,
    ],
    ['a source that does not exist', 'world-documents', 'web', /data\.0\.source: /],
    ['broken YAML', 'seed: 1\n', 'seed: [1\n', /"mine\.yaml" is not valid YAML/],
  ])('%s', (_, part, replacement, message) => {
    expect(text).toContain(part)
    const broken = text.replace(part, replacement)
    expect(() => parseRecipe(broken, 'mine.yaml')).toThrow(message)
    expect(() => parseRecipe(broken)).toThrow(expect.objectContaining({ code: 'invalid-config' }))
  })

  test('seeds that meet by the shift of the evaluation, but not those of another kind of text', () => {
    // Documents of seed 1 move to seed 2, which only conversations have.
    expect(parseRecipe(text.replace('seed: 100', 'seed: 1')).evaluation.seed).toBe(1)
    const meeting = text.replace('world-conversations', 'world-documents').replace('seed: 100', 'seed: 1')
    expect(() => parseRecipe(meeting)).toThrow(/nothing is held out/)
  })
})
