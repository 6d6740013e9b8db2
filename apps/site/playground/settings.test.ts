import { describe, expect, it } from 'vitest'
import { codeOf, settingsIn, type Settings } from './settings.ts'

function formOf(fields: Readonly<Record<string, string>>): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.set(name, value)
  return form
}

const fields = { prompt: 'Why?', temperature: '0.8', topK: '50', topP: '1', seed: '', maxTokens: '80', format: 'free' }

/** What the shown program sends, as JavaScript reads it. */
function sentBy(settings: Settings): unknown {
  const call = /send\(([\s\S]*?)\n\)?\}\)/.exec(codeOf(settings))?.[1] ?? ''
  // oxlint-disable-next-line no-implied-eval, typescript/no-implied-eval -- the text of a program is what is tested
  return new Function(`return [${call}\n}]`)() as unknown
}

describe('the settings of the playground', () => {
  it('are those of the form, without a seed where there is none', () => {
    expect(settingsIn(formOf(fields))).toEqual({
      prompt: 'Why?',
      options: { temperature: 0.8, topK: 50, topP: 1, maxTokens: 80, logprobs: 5 },
    })
    expect(settingsIn(formOf({ ...fields, seed: '0' })).options.seed).toBe(0)
  })

  it('hold the format that is chosen', () => {
    const regex = formOf({ ...fields, format: 'regex', pattern: 'a|b', schema: '{' })
    expect(settingsIn(regex).options.format).toEqual({ type: 'regex', pattern: 'a|b' })
    const schema = formOf({ ...fields, format: 'json-schema', schema: '{"type":"null"}' })
    expect(settingsIn(schema).options.format).toEqual({ type: 'json-schema', schema: { type: 'null' } })
    expect(() => settingsIn(formOf({ ...fields, format: 'json-schema', schema: '{' }))).toThrow(SyntaxError)
  })

  it('are what the code that is shown asks for', () => {
    const prompt = `It's "so"\nand \\ so`
    const schema = JSON.stringify({ type: 'object', properties: { 'a-b': { enum: ['"', "'", null, 1.5, true] } } })
    const settings = settingsIn(formOf({ ...fields, prompt, seed: '7', format: 'json-schema', schema }))
    expect(sentBy(settings)).toEqual([prompt, settings.options])
  })
})
