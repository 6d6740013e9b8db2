/** The pages of a synthetic crawl: page by page what it is and its bytes, from a seed and its number alone. */
import { present } from '../src/base/errors.ts'
import { Random } from '../src/base/random.ts'
import { knownPages, type KnownPage, type Paragraphs } from '../src/data/pipeline/stages/main-text/pages-harness.ts'
import { drawPassages, drawSource, edited, type CrawlTexts, type Passages } from './crawl-texts.ts'

/** What was planted, and how often of all pages; the others are pages in English that are like no other. */
const planted = {
  'same page': 0.04,
  '1 % of words replaced': 0.02,
  '5 % of words replaced': 0.02,
  '10 % of words replaced': 0.02,
  '20 % of words replaced': 0.02,
  'another language': 0.06,
  'question of a benchmark': 0.01,
  'not found': 0.02,
  'not a page': 0.02,
  /** A byte of its gzip member, or of its head, is another. */
  torn: 0.003,
  /** Its record announces more bytes than there are. */
  'too short': 0.003,
  /** Its record announces fewer bytes than there are. */
  'too long': 0.003,
  /** Its block is no HTTP response. */
  'no response': 0.003,
} as const

export type PageClass = keyof typeof planted | 'plain'
export const pageClasses: readonly PageClass[] = ['plain', ...(Object.keys(planted) as (keyof typeof planted)[])]
export const damagedClasses: readonly PageClass[] = ['torn', 'too short', 'too long', 'no response']
/** Share of the words that differ from the original. */
export const editShares: Readonly<Partial<Record<PageClass, number>>> = {
  'same page': 0,
  '1 % of words replaced': 0.01,
  '5 % of words replaced': 0.05,
  '10 % of words replaced': 0.1,
  '20 % of words replaced': 0.2,
}

export interface CrawlPage {
  readonly index: number
  readonly class: PageClass
  readonly url: string
  readonly html: string
}

/** What a page is, without its bytes. */
export interface PagePlan {
  readonly class: PageClass
  /** Of copies: the page that they are made from. */
  readonly original?: number
}

const kinds = Object.keys(knownPages) as (keyof typeof knownPages)[]
/** Layouts that show passages whole. */
const wholeKinds = ['forum', 'questions', 'post of a blog'] as const satisfies readonly (keyof typeof knownPages)[]

export const urlOf = (index: number): string => `http://crawl.example/${index}`
export const indexOfUrl = (url: string): number => Number(url.slice(urlOf(0).length - 1))

const streamOf = (seed: number, index: number, label: string): Random => new Random(seed).fork(`${label} ${index}`)

function classOf(seed: number, index: number): PageClass {
  let place = streamOf(seed, index, 'class').float()
  return pageClasses.find((name) => name !== 'plain' && (place -= planted[name]) < 0) ?? 'plain'
}

/** Copies are of plain pages that came before. */
export function planPage(seed: number, index: number): PagePlan {
  const own = classOf(seed, index)
  if (editShares[own] === undefined) return { class: own }
  const random = streamOf(seed, index, 'original')
  for (let tries = 0; tries < 20 && index > 0; tries++) {
    const original = random.integer(0, index)
    if (classOf(seed, original) === 'plain') return { class: own, original }
  }
  return { class: 'plain' }
}

/** Styles and scripts, of which pages have as much as of text. */
function ballast(random: Random): string {
  const rules = Array.from({ length: random.integer(20, 200) }, () => {
    const [name, size, colour] = [random.uint32().toString(36), random.integer(1, 40), random.integer(0, 1 << 24)]
    return `.c${name}{margin:${size}px;color:#${colour.toString(16).padStart(6, '0')}}`
  })
  const state = Array.from(
    { length: random.integer(5, 80) },
    () => `"${random.uint32().toString(36)}":${random.uint32()}`,
  )
  return `<style>${rules.join('')}</style><script>window.state={${state.join(',')}}</script>`
}

/** Makes pages by their numbers. */
export class CrawlPages {
  readonly #seed: number
  readonly #texts: CrawlTexts

  constructor(seed: number, texts: CrawlTexts) {
    this.#seed = seed
    this.#texts = texts
  }

  page(index: number): CrawlPage {
    const plan = planPage(this.#seed, index)
    const url = urlOf(index)
    const { html } = this.#render(index, plan)
    return { index, class: plan.class, url, html }
  }

  #render(index: number, { class: own, original }: PagePlan): KnownPage {
    const source = original ?? index
    const random = streamOf(this.#seed, source, 'page')
    const sources = own === 'another language' ? this.#texts.foreign : this.#texts.english
    const passages = own === 'another language' ? random.pick(sources) : drawSource(sources, random)
    const isQuestion = own === 'question of a benchmark'
    const kind = random.pick(isQuestion ? wholeKinds : kinds)
    const paragraphs = this.#paragraphs(index, source, passages, { edit: editShares[own] ?? 0, isQuestion })
    const page = knownPages[kind](0, paragraphs)
    return { ...page, html: page.html.replace('</head>', `${ballast(random)}</head>`) }
  }

  /** Every call of a layout has a number, and gets the same passages for a page and its copies. */
  #paragraphs(
    index: number,
    source: number,
    passages: Passages,
    { edit, isQuestion }: { readonly edit: number; readonly isQuestion: boolean },
  ): Paragraphs {
    return (part, count) => {
      const drawn = drawPassages(passages, count, streamOf(this.#seed, source, `part ${part}`))
      if (isQuestion && part === 0) {
        drawn[1] = present(streamOf(this.#seed, index, 'question').pick(this.#texts.questions), 'question')
      }
      const random = streamOf(this.#seed, index, `edit ${part}`)
      return edit === 0 ? drawn : drawn.map((text) => edited(text, edit, passages, random))
    }
  }
}
