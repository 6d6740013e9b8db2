import { describe, expect, test } from 'vitest'
import { equationsIn } from './equations.ts'
import { valueOf, valuesIn } from './value.ts'

const verdicts = (text: string): boolean[] => equationsIn(text).map(({ holds }) => holds)

describe('an equation of a text', () => {
  test.each([
    ['Each box has 12 pencils, so 7 × 12 = 84 pencils in all.'],
    ['3 + 4 * 2 = 11.'],
    ['(3 + 4) × 2 = 14, which is more.'],
    ['2(3 + 4) = 14'],
    ['Half of it is gone (24 / 2 = 12).'],
    ['1/2 + 1/4 = 3/4'],
    ['10 ÷ 4 = 2.5'],
    ['10 / 3 = 3.33'],
    ['22 / 7 ≈ 3'],
    ['$3.50 × 2 = $7'],
    ['1,200 + 300 = 1,500'],
    ['200 × 15% = 30'],
    ['3 apples + 4 apples = 7 apples'],
    ['5 boxes × 12 pencils = 60 pencils'],
    ['4 x 3 = 12'],
    ['4 m × 3 m = 12'],
    ['5² + 1 = 26'],
    ['2^10 = 1024'],
    ['- 8 - 3 = 5'],
    ['2. 9 − 4 = 5'],
    ['Step 3: 20 - 5 = 15'],
    ['-3 + 5 = 2'],
    ['6 × -2 = -12'],
    ['84 = 7 × 12'],
    ['3 + 4 = 7 (seven)'],
    ['2) 3 + 4 = 3 + 4'],
    ['There are 60 students x 2/3 = 40 students who came.'],
    ['She expects 100 - 5 = 95% to come.'],
    ['1260 / 3500 * 100 = 36%'],
    ['100% - 80% = 20 % of them'],
    ['It took 120 minutes – 30 minutes - 15 minutes = 75 minutes.'],
    ['3 friends × $2 = $6'],
    ['It is 27% because (18.75 - 18.48) × 100 = 27'],
    ['20 minutes / 40 minutes * 100% = 50'],
  ])('that holds: %s', (text) => {
    expect(verdicts(text)).toEqual([true])
  })

  test.each([
    ['7 × 12 = 74 pencils', '7 × 12 = 74 pencils'],
    ['so 3 + 4 = 8.', 'so 3 + 4 = 8.'],
    ['10 / 3 = 3.43', '10 / 3 = 3.43'],
    ['(12 - 5 = 6)', '(12 - 5 = 6)'],
    ['3 apples + 4 apples = 8 apples', '3 apples + 4 apples = 8 apples'],
    ['50 × 20% = 100', '50 × 20% = 100'],
    ['22 / 7 ≈ 4', '22 / 7 ≈ 4'],
    ['2^5 = 10', '2^5 = 10'],
    ['So it cost 192*100 = $1920', 'So it cost 192*100 = $1920'],
    ['100 - 5 = 94%', '100 - 5 = 94%'],
  ])('that does not: %s', (text, written) => {
    expect(equationsIn(text)).toMatchObject([{ text: written, holds: false }])
  })

  test('in a chain is each two neighbours', () => {
    expect(verdicts('2 × 3 + 4 = 6 + 4 = 10')).toEqual([true, true])
    expect(verdicts('5 × 3 = 15 + 2 = 17')).toEqual([false, true])
    expect(verdicts('2 + 2 = 4\nand 2 + 3 = 6')).toEqual([true, false])
  })

  test.each([
    ['2x + 3 = 7'],
    ['2 x + 3 = 7'],
    ['y = 3 + 4'],
    ['7 - x = 5'],
    ['12 + 3 = y'],
    ['12 + 3 = 2y'],
    ['f(2) = 4'],
    ['a = b'],
    ['3 km + 200 m = 3200 m'],
    ['30 min × 4 = 2 hours'],
    ['10 ÷ 3 = 3 remainder 1'],
    ['1:30 + 0:45 = 2:15'],
    ['2 × 1,75 = 3,5'],
    ['5 = 5'],
    ['if (a == 3 + 4) and 3 + 4 >= 8'],
    ['3 + 4 != 8'],
    ['3 + = 8'],
    ['1/0 = 7'],
    ['sin(3) × 2 = 9'],
    ['4 + 4 = 12 + z'],
    ['10 / 3 = 3'],
    ['28 / 1/5 = 28 * 5'],
    ['5H - 10 = 25'],
    ['3m = 220 - 10'],
    ['Area of 4 rooms = 121 * 4'],
    ['40 nickels = 40 * $0.05'],
    ['So 250 × 12 = 3 000'],
    ['because 14, 400 / 80 = 180'],
    ['because 12 × 1 and 1/4 = 15'],
    ['because ¾ x 3/3 = 9/12'],
    ['75 + 10% of 150 = 75 + 15'],
    ['75 + 15 = 75 + 10% of 150'],
    ['0900-0130 = 0730'],
    ['$2.50 - $2.24 = 26 cents'],
    ['a total of $100+($100*(10/100) = $110'],
    ['20 / 240 = 8.33...%'],
  ])('is not seen in %s', (text) => {
    expect(equationsIn(text)).toEqual([])
  })
})

test('the value of a text is that of its numbers and signs', () => {
  expect(valueOf('3/4')?.value).toBe(0.75)
  expect(valueOf('$1,250.50')).toMatchObject({ value: 1250.5, decimals: 2 })
  expect(valueOf('12 apples')?.value).toBe(12)
  expect(valueOf('about 12')).toBeUndefined()
  expect(valueOf('')).toBeUndefined()
  expect(valuesIn('From 1,200, take 3/4 of -2.5, or 10%.').map(({ value }) => value)).toEqual([1200, 0.75, -2.5, 0.1])
})
