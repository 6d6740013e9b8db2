/** Pages as forums, blogs and manuals have them, made of text that is known. */
import { document } from '../../../world/index.ts'

export interface KnownPage {
  readonly html: string
  /** What a reader would call its text, in order. */
  readonly text: string
}

/** Where the words of a page come from: as many paragraphs of some hundred characters, as HTML; others for another seed. */
export type Paragraphs = (seed: number, count: number) => string[]

/** Sentences of the closed world. */
const worldParagraphs: Paragraphs = (seed, count) =>
  Array.from({ length: count }, (_, index) =>
    document(seed, index)
      .text.replaceAll(/\s+/g, ' ')
      .slice(0, 60 + ((seed + index * 37) % 400)),
  )

const navigation = (words: readonly string[]): string =>
  `<nav><ul>${words.map((word) => `<li><a href="/${word}">${word}</a></li>`).join('')}</ul></nav>`

const banner =
  '<div class="cookie-banner" role="dialog"><p>We and our partners keep cookies on your device, to know it again and to show what may interest you. You may say no at any time.</p><button>Accept</button></div>'

const page = (title: string, body: string): string =>
  `<!doctype html><html lang="en"><head><title>${title}</title><meta charset="utf-8"></head><body><header class="site-header"><a href="/">Home</a>${navigation(['Boards', 'Members', 'Search', 'Log in'])}</header>${banner}${body}<footer><p>Copyright 2024 by the owners of this site. All rights reserved, as the law allows. <a href="/privacy">Privacy</a> <a href="/terms">Terms of use</a></p></footer></body></html>`

/** A question, and what many wrote below it, each post in its frame. */
function forumPage(seed: number, paragraphs: Paragraphs = worldParagraphs): KnownPage {
  const all = paragraphs(seed, 40)
  const [question, answers] = [all.slice(0, 12).join(' '), all.slice(12)]
  const frame = (writer: number, text: string): string =>
    `<div class="profile"><a href="/u/${writer}">writer${writer}</a><span>Posts: ${writer * 7}</span></div><div class="body">${text}</div><div class="actions"><a href="#r">Reply</a> <a href="#q">Quote</a></div>`
  const rows = answers.map((text, index) => `<li class="comment" id="c${index}">${frame(index, text)}</li>`)
  const body = `<div id="thread"><div class="question"><p>${question} Who knows more?</p></div><ol class="comments">${rows.join('')}</ol></div>`
  return { html: page('A question', body), text: [`${question} Who knows more?`, ...answers].join('\n') }
}

/** The front page of a blog: posts of several days, each with its frame, beside long lists of others. */
function blogPage(seed: number, paragraphs: Paragraphs = worldParagraphs): KnownPage {
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
function docsPage(seed: number, paragraphs: Paragraphs = worldParagraphs): KnownPage {
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

/** A post of a blog by itself: buttons to share it, others that are like it, and what readers wrote below. */
function postPage(seed: number, paragraphs: Paragraphs = worldParagraphs): KnownPage {
  const texts = paragraphs(seed, 10)
  const others = paragraphs(seed + 500, 6).map((text) => `<li><a href="/o">${text.slice(0, 50)}</a><p>${text}</p></li>`)
  const comments = paragraphs(seed + 900, 8).map(
    (text, index) => `<li class="comment"><cite>reader${index}</cite><p>${text}</p><a href="#r">Reply</a></li>`,
  )
  const body = `<div class="layout"><div class="post"><h2>Of these days</h2><div class="post-meta">Written on a day in May</div>${texts.map((text) => `<p>${text}</p>`).join('')}<div class="share-buttons"><a href="/s">Share</a> <a href="/t">Tell</a></div></div><div class="related"><h3>You may like</h3><ul>${others.join('')}</ul></div><div id="comments"><h3>8 comments</h3><ol class="commentlist">${comments.join('')}</ol></div></div>`
  return { html: page('Of these days', body), text: ['Of these days', ...texts].join('\n') }
}

/** A board of older make: the whole page is one form, and posts are rows of tables beside their writers. */
function tableForumPage(seed: number, paragraphs: Paragraphs = worldParagraphs): KnownPage {
  const posts = paragraphs(seed, 24)
  const rows = posts.map(
    (text, index) =>
      `<tr><td class="author"><b>writer${index}</b><br>Joined: May 2009<br>Posts: ${index * 31}</td><td><div class="postbody">${text.replace('. ', '.<br><br>')}</div><div class="signature">${index % 3 === 0 ? 'One day more' : ''}</div></td></tr>`,
  )
  const news = paragraphs(seed + 300, 8).map((text) => `<li><a href="/n">${text.slice(0, 70)}</a></li>`)
  const body = `<form id="all" action="/"><div class="menu"><ul>${news.join('')}</ul></div><table>${rows.join('')}</table><select><option>Go to another board</option></select></form>`
  return { html: page('A thread', body), text: posts.join('\n') }
}

/** A question, answers by votes, and short remarks on them, in the frames of a site that has scripts between its head and its body. */
function questionPage(seed: number, paragraphs: Paragraphs = worldParagraphs): KnownPage {
  const texts = paragraphs(seed, 14)
  const answers = texts
    .slice(2)
    .map(
      (text, index) =>
        `<div class="answer"><div class="vote"><button>Up</button><span>${index}</span></div><div class="cell"><p>${text}</p><pre>solve(${index}, 'all')</pre><div class="toolbar"><a href="#s">Share</a> <a href="#i">Improve</a></div></div></div>`,
    )
  const hot = paragraphs(seed + 700, 15).map((text) => `<li><a href="/q">${text.slice(0, 60)}</a></li>`)
  const body = `<div class="container"><div class="left-sidebar">${navigation(['Questions', 'Tags', 'Users'])}</div><div class="inner"><div class="question"><p>${texts[0]}</p><p>${texts[1]}</p></div>${answers.join('')}</div><div class="sidebar"><ul>${hot.join('')}</ul></div></div>`
  const known = texts.slice(2).map((text, index) => `${text}\nsolve(${index}, 'all')`)
  return {
    html: page('How is it done?', body).replace('<body>', '<script>var page = 1</script><body>'),
    text: [...texts.slice(0, 2), ...known].join('\n'),
  }
}

/** Every kind, by its name. */
export const knownPages = {
  forum: forumPage,
  'forum in tables': tableForumPage,
  questions: questionPage,
  'front page of a blog': blogPage,
  'post of a blog': postPage,
  manual: docsPage,
} as const satisfies Readonly<Record<string, (seed: number, paragraphs?: Paragraphs) => KnownPage>>

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
