import { describe, expect, it } from 'vitest'
import { bytesOfToken, median, summarise, type Measured, type MeasuredRound } from './summary.ts'
import type { Settings } from './rounds.ts'

const settings: Settings = {
  model: 'some.gguf',
  threads: 2,
  prompts: [512],
  depths: [0, 4000],
  tokens: 8,
  cacheType: 'f16',
  wide: false,
  context: 512,
  place: 'node',
}

const roofs = { readBytes: 1000, int8Products: 5000, f32Products: 100 }
const facts = {
  shape: '8 wide',
  plannedBytes: 70,
  weightBytesPerToken: 100,
  cacheBytesPerToken: { 150: 300, 4000: 400 },
  productsPerToken: 50,
  productsPerTile: 2000,
}

function round(speed: number, more: Partial<MeasuredRound> = {}): MeasuredRound {
  return { prompts: { 512: 10 * speed }, answers: { 0: speed }, cpuSeconds: 1, peakBytes: speed, ...more }
}

describe('median', () => {
  it('is the middle, or the mean of the middle two', () => {
    expect(median([5, 1, 9])).toBe(5)
    expect(median([4, 1, 9, 2])).toBe(3)
    expect(median([])).toBeNaN()
  })
})

describe('bytesOfToken', () => {
  it('adds to the weights what is read of the cache', () => {
    expect(bytesOfToken(facts, 0)).toBe(100)
    expect(bytesOfToken(facts, 150)).toBe(400)
    expect(bytesOfToken(facts, 4000)).toBe(500)
  })
})

describe('summarise', () => {
  it('gives medians of what was measured, and shares of the roofs', () => {
    const own = [round(7, { ...facts, loadSeconds: 3 }), round(5, { loadSeconds: 1 }), round(6, { loadSeconds: 2 })]
    const peer = [round(2), round(4)]
    const measured: Measured = { roofs: [roofs, roofs], rounds: { 'pocket-phi': own, peer } }
    expect(summarise(settings, measured)).toEqual({
      contenders: [
        {
          name: 'pocket-phi',
          prompts: { 512: 60 },
          answers: { 0: 6 },
          loadSeconds: 2,
          peakBytes: 7,
          plannedBytes: 70,
        },
        { name: 'peer', prompts: { 512: 30 }, answers: { 0: 3 }, peakBytes: 4 },
      ],
      ofRoof: { prompts: { 512: 0.6 }, answers: { 0: 0.6 } },
      roofs,
    })
  })

  it('knows what a look at a picture could take', () => {
    const rounds = [3, 1, 2].map((tileSeconds) => round(1, { ...facts, tileSeconds }))
    const { contenders, ofRoof } = summarise(settings, { roofs: [roofs], rounds: { 'pocket-phi': rounds } })
    expect(contenders[0]?.tileSeconds).toBe(2)
    expect(ofRoof.tile).toBe(0.2)
  })

  it('says nothing before the engine has run', () => {
    expect(() => summarise(settings, { roofs: [], rounds: {} })).toThrow('no round')
  })
})
