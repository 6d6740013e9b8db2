import { Readability } from '@mozilla/readability'
import { parseHTML } from 'linkedom'
import { describe, expect, test } from 'vitest'
import { blocksOf, textOf } from './blocks.ts'
import { largestPage, mainText } from './index.ts'
import { parsePage, withoutEmptyStyles } from './parse-page.ts'
import { knownPages, wordScore, type KnownPage } from './pages-harness.ts'

/** What Readability finds by itself, written as text in the same way. */
function plainText(html: string): string {
  const content = new Readability(parsePage(html), { serializer: (node) => node as Element }).parse()?.content
  return content == null ? '' : textOf(blocksOf(content))
}

function meanScore(make: (seed: number) => KnownPage, extract: (html: string) => string): number {
  const seeds = [1, 2, 3, 4, 5]
  const scores = seeds.map((seed) => make(seed)).map(({ html, text }) => wordScore(extract(html), text))
  return scores.reduce((sum, score) => sum + score, 0) / seeds.length
}

describe('pages of known text', () => {
  test.each([
    ['forum', 0.97],
    // The cells of writers stand in the same tables as their posts.
    ['forum in tables', 0.9],
    ['questions', 0.97],
    ['front page of a blog', 0.95],
    ['post of a blog', 0.97],
    ['manual', 0.95],
  ] as const)('like a %s give it, and no less of it than by Readability alone', (kind, least) => {
    const make = knownPages[kind]
    const mine = meanScore(make, (html) => mainText(html)?.text ?? '')
    expect(mine).toBeGreaterThan(least)
    expect(mine).toBeGreaterThanOrEqual(meanScore(make, plainText))
  })

  test.each(['forum', 'front page of a blog', 'manual'] as const)(
    'like a %s give more of it than by Readability alone',
    (kind) => {
      const make = knownPages[kind]
      expect(meanScore(make, (html) => mainText(html)?.text ?? '')).toBeGreaterThan(meanScore(make, plainText) + 0.2)
    },
  )

  test('lose what surrounds it', () => {
    const { html } = knownPages.forum(3)
    const { text = '' } = mainText(html) ?? {}
    for (const words of ['All rights reserved', 'Log in', 'Privacy']) {
      expect(html).toContain(words)
      expect(text).not.toContain(words)
    }
  })
})

test('what holds most of a page is the page, whatever its name; its galleries are not', () => {
  const sentence = 'This sentence is long enough to be read as a part of the text of a page, and leads nowhere. '
  const items = Array.from(
    { length: 9 },
    (_, index) => `<li>Picture ${index} shows what is told of here. ${sentence}</li>`,
  )
  const html = `<body><form class="with-sidebar"><p>${sentence.repeat(3)}</p><div class="sidebar"><p>Beside. ${sentence}</p></div>
<p>${sentence.repeat(4)}</p><ul class="full-gallery">${items.join('')}</ul></form></body>`
  const places = blocksOf(parsePage(html).body).map(({ place }) => place)
  expect(places).toEqual(['text', 'surroundings', 'text', ...items.map(() => 'surroundings')])
})

test('an article keeps its form: paragraphs, lists, code', () => {
  const sentence = 'This sentence is long enough to be read as a part of the text of an article, and is not linked. '
  const html = `<html><head><title>The title</title></head><body><nav><a href="/">Home</a></nav><article><h1>Heading</h1>
<p>${sentence.repeat(4)}</p><ul><li>one <b>thing</b></li><li>another</li></ul><pre>if (a) {
  b()
}</pre><p>${sentence.repeat(3)}<br><br>A new paragraph.</p><script>no()</script><p hidden>never</p></article></body></html>`
  const found = mainText(html)
  expect(found?.title).toBe('The title')
  expect(found?.text).toBe(
    [
      'Heading',
      sentence.repeat(4).trim(),
      '- one thing\n- another',
      'if (a) {\n  b()\n}',
      sentence.repeat(3).trim(),
      'A new paragraph.',
    ].join('\n\n'),
  )
})

describe('a page whose body does not follow its head at once', () => {
  const text = 'This sentence is long enough to be read as a part of the text, wherever it may stand in a page. '
    .repeat(3)
    .trim()
  const end = `<p>${text}</p></body></html>`

  test.each([
    ['has scripts between them', `<html><head><title>A</title></head><script>a()</script><body>${end}`],
    ['has no head', `<html><meta charset="utf-8"><title>A</title><body>${end}`],
    [
      'is within conditional comments',
      `<!--[if IE]><!--><html><!--<![endif]--><html><head><title>A</title></head><body>${end}</html>`,
    ],
    ['goes on after its end', `<html><head><title>A</title></head><body></body><p>${text}</p></html>`],
    ['has two', `<html><head><title>A</title></head><body><div></div></body><body>${end}`],
    ['begins before the page', `<!doctype html><p>${text}</p><html><head><title>A</title></head><body></body></html>`],
    ['has neither', `<html><title>A</title><p>${text}</p></html>`],
  ])('gives its text where it %s', (_, html) => {
    expect(mainText(html)).toMatchObject({ text, title: 'A' })
  })

  test('has one of each, in order', () => {
    const { documentElement, body } = parsePage('<link rel="a"><html>b<style></style><i>c</i><script></script></html>')
    expect([...documentElement.children].map(({ tagName }) => tagName)).toEqual(['HEAD', 'BODY'])
    expect(body.innerHTML).toBe('b<i>c</i><script></script>')
  })
})

describe('gives nothing, and does not fail,', () => {
  test.each([
    ['without text', '<html><body><script>text()</script><img src="a.png"></body></html>'],
    ['of an empty file', ''],
    ['of a frame set', '<html><frameset><frame src="a"></frameset></html>'],
    ['of a page that is too large', `<p>${'word '.repeat(largestPage / 5)}</p>`],
    ['of too many elements', '<i></i>'.repeat(70_000)],
  ])('%s', (_, html) => {
    expect(mainText(html)).toBe(undefined)
  })

  test('of elements that are nested without end', () => {
    const html = `${'<div>'.repeat(3000)}deep${'</div>'.repeat(3000)}`
    expect(mainText(html)?.text ?? '').not.toContain('deep')
  })
})

test('elements have a style while Readability asks only where they have the attribute, and always for others', () => {
  const document = parsePage('<html><head></head><body><p>a</p><p style="display: none">b</p></body></html>')
  const [plain, hidden] = document.querySelectorAll('p')
  const displays = (): unknown[] => [plain?.style, hidden?.style.display]
  expect(withoutEmptyStyles(document, displays)).toEqual([undefined, 'none'])
  // Not compared as it is: what linkedom answers is a proxy that cannot be printed.
  expect([typeof plain?.style, hidden?.style.display]).toEqual(['object', 'none'])
  const failing = (): never => {
    throw new Error('a page that fails')
  }
  expect(() => withoutEmptyStyles(document, failing)).toThrow('a page that fails')
  expect(typeof parseHTML('<p>a</p>').document.querySelector('p')?.style).toBe('object')
})
