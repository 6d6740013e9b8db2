import { describe, expect, it } from 'vitest'
import { article, capitalise, counted, fill, gerund, listed, numberInWords, plural, thirdPerson } from './grammar.ts'

describe('grammar', () => {
  it.each([
    ['dog', 'dogs'],
    ['box', 'boxes'],
    ['bush', 'bushes'],
    ['bus', 'buses'],
    ['cherry', 'cherries'],
    ['key', 'keys'],
    ['mouse', 'mice'],
    ['leaf', 'leaves'],
    ['knife', 'knives'],
    ['tooth', 'teeth'],
    ['child', 'children'],
    ['goldfish', 'goldfish'],
    ['tomato', 'tomatoes'],
    ['piano', 'pianos'],
    ['postman', 'postmen'],
    ['human', 'humans'],
    ['fire engine', 'fire engines'],
    ['toy car', 'toy cars'],
  ])('makes the plural of %s', (noun, many) => {
    expect(plural(noun)).toBe(many)
  })

  it('counts one and many', () => {
    expect(counted(1, 'pony')).toBe('1 pony')
    expect(counted(0, 'pony')).toBe('0 ponies')
    expect(counted(12, 'pony')).toBe('12 ponies')
  })

  it.each([
    ['apple', 'an'],
    ['dog', 'a'],
    ['hour', 'an'],
    ['unicycle', 'a'],
    ['umbrella', 'an'],
    ['one-eyed cat', 'a'],
    ['owl', 'an'],
    ['8-legged animal', 'an'],
    ['T-shirt', 'a'],
  ])('puts the article before %s', (phrase, expected) => {
    expect(article(phrase)).toBe(expected)
  })

  it.each([
    ['give milk', 'gives milk'],
    ['carry its home', 'carries its home'],
    ['hiss', 'hisses'],
    ['catch fish', 'catches fish'],
    ['buzz', 'buzzes'],
    ['play', 'plays'],
    ['go', 'goes'],
    ['have', 'has'],
  ])('inflects %s', (phrase, expected) => {
    expect(thirdPerson(phrase)).toBe(expected)
  })

  it.each([
    ['cut', 'cutting'],
    ['make', 'making'],
    ['see', 'seeing'],
    ['tie', 'tying'],
    ['dig', 'digging'],
    ['paint', 'painting'],
    ['sweep', 'sweeping'],
  ])('makes the gerund of %s', (verb, expected) => {
    expect(gerund(verb)).toBe(expected)
  })

  it('lists, capitalises and writes numbers', () => {
    expect(listed(['a'])).toBe('a')
    expect(listed(['a', 'b', 'c'])).toBe('a, b and c')
    expect(capitalise('the sun')).toBe('The sun')
    expect([0, 13, 20, 42, 99, 100].map(numberInWords)).toEqual([
      'zero',
      'thirteen',
      'twenty',
      'forty-two',
      'ninety-nine',
      'one hundred',
    ])
  })

  it('fills slots and refuses unknown ones', () => {
    expect(fill('{A} eats {v}.', { a: 'a cow', v: 'grass' })).toBe('A cow eats grass.')
    expect(() => fill('{b}', { a: '' })).toThrow('no value')
  })
})
