import { describe, expect, it } from 'vitest'
import { fittingLengths } from './lengths.ts'

const usual = { prompts: [32, 128, 512, 2048], depths: [0, 512, 2048, 4000], tokens: 32 }

describe('fittingLengths', () => {
  it('leaves out what does not fit the model, and says so', () => {
    expect(fittingLengths(usual, 512)).toEqual({
      prompts: [32, 128],
      depths: [0],
      context: 512,
      note: 'The model takes 512 tokens: left out are prompts of 512, 2048 and depths of 512, 2048, 4000.',
    })
  })

  it('takes all that fit, in a context of whole steps where the model has them', () => {
    expect(fittingLengths(usual, 131_072)).toEqual({ prompts: usual.prompts, depths: usual.depths, context: 4096 })
    expect(fittingLengths(usual, 4096).note).toBeUndefined()
    expect(fittingLengths(usual, 4034)).toMatchObject({ context: 4034 })
  })

  it('refuses where nothing is left', () => {
    expect(() => fittingLengths({ ...usual, prompts: [4096], depths: [] }, 512)).toThrow(/at most 478\. Found 4096/)
    expect(() => fittingLengths({ ...usual, tokens: 600 }, 512)).toThrow(/at most 510 --tokens/)
  })
})
