/** Pages as forums, blogs and manuals have them, made of text that is known. */
import { document } from '../../../world/index.ts'

export interface KnownPage {
  readonly html: string
  /** What a reader would call its text, in order. */
  readonly text: string
}

/** Sentences of the closed world: paragraphs of some hundred characters. */
function paragraphs(seed: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) =>
    document(seed, index)
      .text.replaceAll(/\s+/g, ' ')
      .slice(0, 60 + ((seed + index * 37) % 400)),
  )
}

const navigation = (words: readonly string[]): string =>
  `<nav><ul>${words.map((word) => `<li><a href="/${word}">${word}</a></li>`).join('')}</ul></nav>`

const page = (title: string, body: string): string =>
  `<!doctype html><html lang="en"><head><title>${title}</title><meta charset="utf-8"></head><body><header class="site-header"><a href="/">Home</a>${navigation(['Boards', 'Members', 'Search', 'Log in'])}</header>${body}<footer><p>Copyright 2024 by the owners of this site. All rights reserved, as the law allows. <a href="/privacy">Privacy</a> <a href="/terms">Terms of use</a></p></footer></body></html>`

/** A question, and what many wrote below it, each post in its frame. */
export function forumPage(seed: number): KnownPage {
  const all = paragraphs(seed, 40)
  const [question, answers] = [all.slice(0, 12).join(' '), all.slice(12)]
  const frame = (writer: number, text: string): string =>
    `<div class="profile"><a href="/u/${writer}">writer${writer}</a><span>Posts: ${writer * 7}</span></div><div class="body">${text}</div><div class="actions"><a href="#r">Reply</a> <a href="#q">Quote</a></div>`
  const rows = answers.map((text, index) => `<li class="comment" id="c${index}">${frame(index, text)}</li>`)
  const body = `<div id="thread"><div class="question"><p>${question} Who knows more?</p></div><ol class="comments">${rows.join('')}</ol></div>`
  return { html: page('A question', body), text: [`${question} Who knows more?`, ...answers].join('\n') }
}

/** The front page of a blog: posts of several days, each with its frame, beside long lists of others. */
export function blogPage(seed: number): KnownPage {
  const posts = [0, 1, 2, 3, 4].map((day) => paragraphs(seed * 100 + day, day === 2 ? 12 : 4))
  const others = paragraphs(seed + 1, 20).map((teaser) => `<li><a href="/o">${teaser.slice(0, 60)}</a></li>`)
  const entries = posts.map(
    (texts, day) =>
      `<div class="day"><div class="frame"><div class="inner"><div class="entry-${day}"><h2><a href="/d/${day}">Day ${day}</a></h2>${texts.map((text) => `<p>${text}</p>`).join('')}<div class="share"><a href="/s">Share</a> <a href="/t">Tell</a></div></div></div></div></div>`,
  )
  const body = `<div class="row"><div class="left">${entries.join('')}</div><div class="sidebar"><ul>${others.join('')}</ul></div></div>`
  return { html: page('Days', body), text: posts.map((texts, day) => `Day ${day}\n${texts.join('\n')}`).join('\n') }
}

/** A reference: names with short explanations, code and tables, beside a table of contents. */
export function docsPage(seed: number): KnownPage {
  const texts = paragraphs(seed, 12).map((text) => text.slice(0, 90))
  const sections = texts.map((text, index) => {
    const name = `read_${index}`
    const cells = `<table><tr><th>name</th><th>type</th></tr><tr><td>path</td><td>string</td></tr></table>`
    return `<dl><dt id="${name}"><a href="#${name}">${name}</a></dt><dd>${text}</dd></dl><pre>${name}('a.txt')</pre>${cells}`
  })
  const contents = navigation(texts.map((_, index) => `read_${index}`))
  const known = texts.map((text, index) => `read_${index}\n${text}\nread_${index}('a.txt')\nname type\npath string`)
  return {
    html: page(
      'Reference',
      `<div class="columns"><div class="sidebar">${contents}</div><main>${sections.join('')}</main></div>`,
    ),
    text: known.join('\n'),
  }
}

export const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []

/** The harmonic mean of precision and recall, word by word without their order. */
export function wordScore(found: string, known: string): number {
  const left = new Map<string, number>()
  for (const word of wordsOf(known)) left.set(word, (left.get(word) ?? 0) + 1)
  let common = 0
  for (const word of wordsOf(found)) {
    const count = left.get(word) ?? 0
    if (count > 0) common++
    left.set(word, count - 1)
  }
  return (2 * common) / Math.max(1, wordsOf(found).length + wordsOf(known).length)
}
