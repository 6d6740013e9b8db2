import { expect, test } from 'vitest'
import { attacks } from './personas.ts'
import { partOf, probesOf, type ProbeOptions } from './probes.ts'
import { worldSeeds } from './sources/world.ts'
import { measureNames, type Seed } from './types.ts'

const allAttacks = attacks.map(({ name }) => name)
const options: ProbeOptions = { seed: 7, heldOut: 0.5, measures: measureNames, personas: allAttacks }
const counts = { seed: 1, harmful: 400, harmless: 274, stories: 40 }

const groupsOf = (seeds: readonly Seed[], part: 'find' | 'held-out'): Set<string> =>
  new Set(probesOf(seeds, part, options).map(({ seed }) => seed.group))

test('what is asked about is held out in every round, however it is worded', () => {
  const heldOut = groupsOf(worldSeeds(counts, 0), 'held-out')
  for (const round of [1, 2, 3]) {
    const found = groupsOf(worldSeeds(counts, round), 'find')
    expect(found.size).toBeGreaterThan(200)
    expect([...found].filter((group) => heldOut.has(group))).toEqual([])
  }
})

test('every round asks something else', () => {
  const [first, second] = [1, 2].map((round) => new Set(worldSeeds(counts, round).map(({ text }) => text)))
  const same = [...(first ?? [])].filter((text) => second?.has(text))
  expect(same.length).toBeLessThan(0.1 * (first?.size ?? 0))
})

test('about half is held out, and another seed holds out another half', () => {
  const seeds = worldSeeds(counts, 0)
  const share = (seed: number): number =>
    seeds.filter((one) => partOf(one, { ...options, seed }) === 'held-out').length / seeds.length
  expect(share(7)).toBeGreaterThan(0.42)
  expect(share(7)).toBeLessThan(0.58)
  const both = seeds.filter((one) => partOf(one, { ...options, seed: 7 }) === partOf(one, { ...options, seed: 8 }))
  expect(both.length / seeds.length).toBeLessThan(0.6)
})

test('a row that is for measuring alone holds out its like in other sets', () => {
  const row = (set: string, text: string, isForMeasuring: boolean): Seed => ({
    set,
    id: text,
    kind: 'harmful',
    text,
    group: text,
    isForMeasuring,
  })
  const texts = Array.from({ length: 40 }, (_, index) => `Request number ${index}`)
  const own = texts.map((text) => row('own', text, false))
  expect(probesOf(own, 'find', options).length).toBeGreaterThan(10)
  const published = texts.map((text) => row('published', `${text.toUpperCase()}!`, true))
  expect(probesOf([...own, ...published], 'find', options)).toEqual([])
})

test('each measure asks each row once, and harmless rows meet the same personas as harmful ones', () => {
  const probes = probesOf(worldSeeds(counts, 0), 'held-out', options)
  expect(new Set(probes.map(({ id }) => id)).size).toBe(probes.length)
  const personas = (measure: string): Set<string> =>
    new Set(probes.filter((probe) => probe.measure === measure).map(({ persona }) => persona))
  expect(personas('harmful-compliance')).toEqual(new Set(['direct']))
  expect(personas('jailbreak')).toEqual(new Set(allAttacks))
  expect(personas('over-refusal')).toEqual(new Set(['direct', ...allAttacks]))
})
