/** What is changed in the markup of every page: who reads it by keyboard or by ear, on a phone or without a network, reads all of it. */
import { readFileSync } from 'node:fs'
import { parseHTML } from 'linkedom'
import { integrityOf } from '@pocket-phi/web/build/plugins'
import { policy } from '@pocket-phi/web/build/headers'
import { addressOf, playgroundFile } from './contents.ts'

const playgroundAddress = `${addressOf(playgroundFile)}.html`
const playground = readFileSync(new URL('../playground/playground.html', import.meta.url), 'utf8')

/** @param address of the page within the site */
export function finishPage(html: string, address: string): string {
  const { document } = parseHTML(html)
  nameLandmarks(document)
  moveLinksOutOfSummaries(document)
  stepHeadings(document)
  letTablesScroll(document)
  if (address === playgroundAddress) addPlayground(document)
  addPolicy(document)
  return `<!doctype html>\n${document.documentElement.outerHTML}\n`
}

function name(element: Element | null, role: string, label?: string): void {
  element?.setAttribute('role', role)
  if (label !== undefined) element?.setAttribute('aria-label', label)
}

function nameLandmarks(document: Document): void {
  name(document.querySelector('.col-content'), 'main')
  name(document.querySelector('.page-menu'), 'region', 'On this page')
  document.querySelector('.site-menu nav')?.setAttribute('aria-label', 'Pages')
  // The menu begins with the home page itself.
  document.querySelector('.site-menu nav > a')?.remove()
}

/** What opens is a button, and holds no second one. Its heading keeps the anchor, to which the menu of the page leads. */
function moveLinksOutOfSummaries(document: Document): void {
  for (const link of document.querySelectorAll('summary .tsd-anchor-icon')) link.remove()
}

/** No level is left out on the way down; how a heading looks stays. */
function stepHeadings(document: Document): void {
  let above = 0
  for (const heading of document.querySelectorAll('h1, h2, h3, h4, h5, h6')) {
    const level = Number(heading.tagName.slice(1))
    const stepped = Math.min(level, above + 1)
    if (stepped !== level) heading.setAttribute('aria-level', String(stepped))
    above = stepped
  }
}

/** A table that is wider than a phone scrolls by itself, by the keyboard too; a cell of its head that says nothing is no heading. */
function letTablesScroll(document: Document): void {
  for (const table of document.querySelectorAll('.tsd-typography table')) {
    const frame = document.createElement('div')
    frame.className = 'table'
    frame.setAttribute('tabindex', '0')
    name(frame, 'group', 'Table')
    table.replaceWith(frame)
    frame.append(table)
    for (const cell of table.querySelectorAll('th')) {
      if (cell.textContent?.trim() === '') cell.replaceWith(document.createElement('td'))
    }
  }
}

function addPlayground(document: Document): void {
  const place = document.querySelector('#playground')
  if (place === null) throw new Error(`${playgroundFile} has no place for the playground.`)
  place.innerHTML = playground
  const script = document.createElement('script')
  script.setAttribute('type', 'module')
  script.setAttribute('src', '../assets/playground.js')
  document.head.append(script)
}

/** Pages may ask their own server only. TypeDoc unpacks its menu and its index from `data:` addresses. */
function addPolicy(document: Document): void {
  const inline = [...document.querySelectorAll('script:not([src]):not([type])')]
  const scripts = inline.map(({ textContent }) => `'${integrityOf(textContent ?? '')}'`)
  const meta = document.createElement('meta')
  meta.setAttribute('http-equiv', 'content-security-policy')
  meta.setAttribute(
    'content',
    policy({
      'default-src': `'none'`,
      'script-src': [`'self' 'wasm-unsafe-eval'`, ...new Set(scripts)].join(' '),
      // TypeDoc's script sets styles as attributes.
      'style-src': `'self' 'unsafe-inline'`,
      'img-src': `'self' data:`,
      'connect-src': `'self' data:`,
      'worker-src': `'self'`,
      'base-uri': `'none'`,
      'form-action': `'none'`,
    }),
  )
  document.head.prepend(meta)
}
