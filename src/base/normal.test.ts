import { expect, it } from 'vitest'
import { normalQuantiles } from './normal.ts'

it('has the quantiles of the standard normal distribution', () => {
  // Figures of the usual tables: probabilities 1/8, 3/8, 5/8, 7/8.
  const [first, second, third, fourth] = normalQuantiles(4)
  expect(fourth).toBeCloseTo(1.1503493803760079, 12)
  expect(third).toBeCloseTo(0.3186393639643752, 12)
  expect([first, second]).toEqual([-(fourth ?? 0), -(third ?? 0)])
  // 0.975 is the middle of the last of 20 slices, 0.9995 of 1,000.
  expect(normalQuantiles(20).at(-1)).toBeCloseTo(1.959963984540054, 12)
  expect(normalQuantiles(1000).at(-1)).toBeCloseTo(3.2905267314918945, 11)
})

it('has the moments of the distribution in a table of 65,536', () => {
  const table = normalQuantiles(65_536)
  const moment = (power: number): number => table.reduce((sum, x) => sum + x ** power, 0) / table.length
  expect(moment(1)).toBeCloseTo(0, 12)
  expect(Math.abs(moment(2) - 1)).toBeLessThan(1e-4)
  expect(Math.abs(moment(4) - 3)).toBeLessThan(5e-3)
  expect(table.every((x, index) => index === 0 || x > (table[index - 1] ?? 0))).toBe(true)
})
