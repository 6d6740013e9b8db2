/** The plots of the paper in miniature, drawn of what is recorded. */
import { readFileSync } from 'node:fs'
import { beforeAll, expect, it } from 'vitest'
import { paperPlots, type Plot } from '../scripts/paper/plots/index.ts'
import {
  answerQuantities,
  readRecords,
  resultsOf,
  valuesOf,
  type Records,
  type Stage,
} from '../scripts/paper/records.ts'
import { spreadOf } from '../scripts/paper/statistics.ts'

let records: Records
let plots: readonly Plot[]

beforeAll(async () => {
  records = await readRecords()
  plots = await paperPlots(records)
})

function attributes(svg: string, name: string): string[] {
  return Array.from(svg.matchAll(new RegExp(` ${name}="([^"]*)"`, 'g')), ([, value = '']) => value)
}

it('are the same bytes whenever they are drawn', async () => {
  expect(await paperPlots(records)).toEqual(plots)
  expect(plots.filter(({ svg }) => svg.length > 30_000)).toEqual([])
})

it('write numbers in full where places are rounded', () => {
  const svg = plots.find(({ name }) => name === 'sizes')?.svg ?? ''
  for (const number of ['1.25', '1.35', '1.45', '1.55', '1.65']) expect(svg).toContain(`>${number}</text>`)
  expect(attributes(svg, 'transform').filter((place) => /\.\d{2}/.test(place))).toEqual([])
})

it('are on the page, each with a text that tells what is to be seen', () => {
  const page = readFileSync(new URL('../docs/paper/README.md', import.meta.url), 'utf8')
  const pictures = Array.from(page.matchAll(/!\[([^\]]*)\]\(([^)]*)\)/g), ([, text = '', file]) => ({ text, file }))
  expect(pictures.map(({ file }) => file)).toEqual(plots.map(({ name }) => `${name}.svg`))
  expect(pictures.filter(({ text }) => text.length < 150)).toEqual([])
})

it('have a dark colour for every one that is light', () => {
  for (const { name, svg } of plots) {
    const used = ['fill', 'stroke'].flatMap((attribute) => attributes(svg, attribute))
    const colours = new Set(used.filter((colour) => colour !== 'none' && colour !== 'transparent'))
    expect(colours.size, name).toBeGreaterThan(4)
    for (const colour of colours) expect(svg, name).toContain(`[fill="${colour}"]{fill:#`)
  }
})

it('ask for nothing that is not in them', () => {
  for (const { svg } of plots) expect(svg).not.toMatch(/<script|<image|href=|url\(/)
})

it('show shares as bars from zero, as high as their means', () => {
  const svg = plots.find(({ name }) => name === 'alignment')?.svg ?? ''
  const [, bars = ''] = /mark-rect role-mark[^>]*>(.*?)<\/g>/.exec(svg) ?? []
  const drawn = attributes(bars, 'd').map((path) => (100 * Number(/v(-?[\d.]+)/.exec(path)?.[1])) / 260)
  const { size, arm } = records.plan.alignment.of
  const means = Object.values(answerQuantities).flatMap((quantity) =>
    (['pretrained', 'tuned', 'preferred'] as readonly Stage[]).map((stage) => {
      const shares = valuesOf({ results: resultsOf(records.results, size, arm), stage }, quantity)
      return 100 * spreadOf(shares).mean
    }),
  )
  expect(drawn).toHaveLength(means.length)
  // Drawn to a tenth of a pixel, of which there are 260.
  for (const [index, mean] of means.entries()) expect(Math.abs((drawn[index] ?? 0) - mean)).toBeLessThan(0.05)
})

/** The records with another loss on the textbook, of models of 16 bits. */
function withTextbook(change: number): Records {
  const results = records.results.map((result) => {
    const { pretrained, ...stages } = result.stages
    if (result.arm !== 'synthetic' || result.size !== '1.2M' || pretrained === undefined) return result
    const { full } = pretrained
    const texts = { ...full.texts, textbook: full.texts.textbook + change }
    return { ...result, stages: { ...stages, pretrained: { ...pretrained, full: { ...full, texts } } } }
  })
  return { ...records, results }
}

it('change with what is recorded, and only those that show it', async () => {
  const others = await paperPlots(withTextbook(0.1))
  const changed = others.filter(({ svg }, index) => svg !== plots[index]?.svg)
  expect(changed.map(({ name }) => name)).toEqual(['arms', 'sizes', 'formats'])
})

it('are refused where a value would be beside its axis', async () => {
  await expect(paperPlots(withTextbook(-1))).rejects.toThrow('"held-out texts" goes beyond its axis')
})
