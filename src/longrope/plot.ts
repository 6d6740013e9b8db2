/** A search as a picture: what was measured in which order, and the factors beside those of other methods. */
import { present } from '../base/errors.ts'
import type { Candidate } from './candidates.ts'
import { ranked, type Measured } from './evolution.ts'

type NamedCandidate = Candidate & { readonly name: string }

const [width, height] = [960, 380]
const [top, bottom] = [56, 44]
const colours = ['#dc2626', '#d97706', '#7c3aed', '#0891b2', '#65a30d']
const bestColour = '#2563eb'

interface Panel {
  readonly left: number
  readonly right: number
  readonly lowest: number
  readonly highest: number
  readonly x: (share: number) => number
  readonly y: (value: number) => number
}

function panel(left: number, right: number, lowest: number, highest: number): Panel {
  const span = Math.max(highest - lowest, 1e-9)
  return {
    left,
    right,
    lowest,
    highest,
    x: (share) => left + (right - left) * share,
    y: (value) => height - bottom - ((height - bottom - top) * (Math.min(value, highest) - lowest)) / span,
  }
}

const fixed = (value: number): string => value.toFixed(1)

function line(points: readonly (readonly [number, number])[], stroke: string, attributes = ''): string {
  const path = points.map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${fixed(x)} ${fixed(y)}`).join('')
  return `<path d="${path}" fill="none" stroke="${stroke}" stroke-width="1.5"${attributes}/>`
}

/** Five lines across with their values. */
function grid({ left, right, lowest, highest, y }: Panel, digits: number): string[] {
  return Array.from({ length: 5 }, (_, tick) => {
    const value = lowest + ((highest - lowest) * tick) / 4
    return (
      `<path d="M${left} ${fixed(y(value))}H${right}" stroke="#ddd"/>` +
      `<text x="${left - 6}" y="${fixed(y(value) + 4)}" text-anchor="end">${value.toFixed(digits)}</text>`
    )
  })
}

/** The perplexity of every candidate as a dot, the best so far as a line, and that of the seeds. */
function measurements(history: readonly Measured[], seeds: readonly NamedCandidate[]): string[] {
  const perplexities = history.map(({ loss }) => Math.exp(loss))
  const seedValues = seeds.map(({ factors }) => {
    const found = history.find((other) => other.startTokens === 0 && String(other.factors) === String(factors))
    return found === undefined ? undefined : Math.exp(found.loss)
  })
  const lowest = Math.min(...perplexities)
  // Far above the best seed nothing can be told apart.
  const bestSeed = Math.min(...seedValues.filter((value) => value !== undefined))
  const highest = Math.max(bestSeed + 2 * (bestSeed - lowest), lowest * 1.01)
  const at = panel(64, 460, lowest, highest)
  const share = (index: number): number => index / Math.max(1, history.length - 1)
  const best = perplexities.map((_, index) => Math.min(...perplexities.slice(0, index + 1)))
  return [
    ...grid(at, 2),
    ...perplexities.map(
      (value, index) => `<circle cx="${fixed(at.x(share(index)))}" cy="${fixed(at.y(value))}" r="1.5" fill="#94a3b8"/>`,
    ),
    ...seedValues.flatMap((value, index) =>
      value === undefined || value > highest
        ? []
        : [
            line(
              [
                [at.left, at.y(value)],
                [at.right, at.y(value)],
              ],
              seedColour(index),
              ' stroke-dasharray="4 3"',
            ),
          ],
    ),
    line(
      best.map((value, index) => [at.x(share(index)), at.y(value)]),
      bestColour,
    ),
    `<text x="${at.left}" y="${height - 16}">perplexity of ${history.length} candidates in order</text>`,
  ]
}

function seedColour(index: number): string {
  return present(colours[index % colours.length], 'colour')
}

/** The factors of the best candidate and of the seeds, by pair. */
function factorLines(best: Measured, seeds: readonly NamedCandidate[]): string[] {
  const all = [best, ...seeds].flatMap(({ factors }) => factors)
  const at = panel(540, width - 24, 1, Math.max(...all, 1.01))
  const points = (factors: readonly number[]): [number, number][] =>
    factors.map((factor, index) => [at.x(index / Math.max(1, factors.length - 1)), at.y(factor)])
  return [
    ...grid(at, 1),
    ...seeds.map(({ factors }, index) => line(points(factors), seedColour(index), ' stroke-dasharray="4 3"')),
    line(points(best.factors), bestColour),
    `<text x="${at.left}" y="${height - 16}">factor of each pair of components, the fastest first</text>`,
  ]
}

/**
 * An SVG picture.
 *
 * @param seeds those that were measured first
 */
export function plotSearch(title: string, history: readonly Measured[], seeds: readonly NamedCandidate[]): string {
  const best = present(ranked(history)[0], 'best')
  const legend = [{ name: `best: ${Math.exp(best.loss).toFixed(3)}`, colour: bestColour }].concat(
    seeds.map(({ name }, index) => ({ name, colour: seedColour(index) })),
  )
  let x = 64
  const names = legend.map(({ name, colour }) => {
    const text = `<text x="${x}" y="42" fill="${colour}">${name}</text>`
    x += 24 + 7 * name.length
    return text
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<rect width="${width}" height="${height}" fill="#fff"/>
<text x="64" y="20" font-size="14">${title}</text>
${[...names, ...measurements(history, seeds), ...factorLines(best, seeds)].join('\n')}
</svg>
`
}
