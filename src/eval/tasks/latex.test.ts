/** The rules of the MATH benchmark, each restated by hand as what it makes alike and what it does not. */
import { describe, expect, test } from 'vitest'
import { isSameLatex, lastBoxed } from './latex.ts'

describe('the same', () => {
  test.each([
    ['1\n2', '12'],
    ['10\\!000', '10000'],
    ['\\dfrac{1}{2}', '\\frac{1}{2}'],
    ['\\tfrac{1}{2}', '\\frac{1}{2}'],
    ['\\left(1, 2\\right)', '(1,2)'],
    ['90^\\circ', '90'],
    ['90^{\\circ}', '90'],
    ['\\$5', '5'],
    ['5\\text{ cm}', '5'],
    ['20\\%', '20'],
    ['.75', '0.75'],
    ['{.75}', '{0.75}'],
    ['( .75)', '(0.75)'],
    ['x = 5', '5'],
    ['k=5', '5'],
    ['\\sqrt3', '\\sqrt{3}'],
    ['2 \\sqrt 3', '2\\sqrt{}3'],
    ['\\frac12', '\\frac{1}{2}'],
    ['\\frac1{72}', '\\frac{1}{72}'],
    ['\\frac123', '\\frac{1}{2}3'],
    ['\\frac12+\\frac34', '\\frac{1}{2}+\\frac{3}{4}'],
    ['0.5', '\\frac{1}{2}'],
    ['.5', '1/2'],
    ['3/4', '\\frac{3}{4}'],
    ['-3/4', '\\frac{-3}{4}'],
  ])('%j and %j', (left, right) => {
    expect(isSameLatex(left, right)).toBe(true)
    expect(isSameLatex(right, left)).toBe(true)
  })
})

describe('not the same', () => {
  test.each([
    ['1+1', '2'],
    ['0.50', '\\frac{1}{2}'],
    ['\\frac{72}1', '\\frac{72}{1}'],
    // The left side is too long for the name of an unknown.
    ['abc = 5', '5'],
    ['5\\text{cm}', '5'],
    ['03/4', '\\frac{03}{4}'],
    ['20%', '20'],
    // Neither can be taken apart, so that they are compared as they stand.
    ['a/b', 'a / b'],
    ['\\text{ a}\\text{ b}', '\\text{ a}\\text{ c}'],
  ])('%j and %j', (left, right) => {
    expect(isSameLatex(left, right)).toBe(false)
  })
})

test('what cannot be taken apart is still the same as itself', () => {
  for (const text of ['a/b', '\\text{ a}\\text{ b}', '\\frac', '\\sqrt', '\\frac1'])
    expect(isSameLatex(text, text)).toBe(true)
})

describe('the last box', () => {
  test.each([
    ['so \\boxed{5}.', '5'],
    ['\\boxed{1} and \\boxed{\\frac{1}{2}} more', '\\frac{1}{2}'],
    ['$\\boxed 7$ is', '7'],
    ['\\fbox{3}', '3'],
    ['\\fbox{3} \\boxed{4}', '4'],
    ['\\boxed{5', undefined],
    ['nothing', undefined],
  ])('of %j', (text, found) => {
    expect(lastBoxed(text)).toBe(found)
  })
})
