import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseSafetyPlan, recipeFields } from './plan.ts'

const shipped = readFileSync(new URL('../../recipes/safety/phi-nano.yaml', import.meta.url), 'utf8')

test('the plan of phi-nano is one, with recipes that can be trained', () => {
  const plan = parseSafetyPlan(shipped)
  expect(plan.model).toBe('models/phi-nano/master')
  expect(plan.measures).toContain('over-refusal')
  const found = { round: 1, initial: plan.model, file: 'sft.jsonl' }
  expect(recipeFields(plan, 'sft', found)['data']).toMatchObject([
    { source: 'conversations', file: 'sft.jsonl', answers: 'last' },
    { source: 'world-conversations' },
  ])
  expect(plan.dpo?.recipe).toMatchObject({ objective: { kind: 'dpo' } })
})

test('a field that fits nothing is named, in the plan and in its recipes', () => {
  expect(() => parseSafetyPlan(shipped.replace('heldOut: 0.5', 'heldOut: 2'))).toThrow(/heldOut/)
  expect(() => parseSafetyPlan(shipped.replace('peak: 0.0004', 'peak: high'))).toThrow(/sft.*peak/s)
})
