/**
 * The main text of saved pages whose text is known, by ourselves and by Readability alone: word by word, and how fast.
 *
 *     node bench/main-text.ts PAGES.jsonl.gz
 *
 * A line has `html` and `expected_text`.
 */
import { Readability } from '@mozilla/readability'
import { parseHTML } from 'linkedom'
import { isSkipped } from '../src/data/pipeline/document.ts'
import { readFileDocuments } from '../src/data/pipeline/sources/read-file.ts'
import { blocksOf, textOf } from '../src/data/pipeline/stages/main-text/blocks.ts'
import { mainText } from '../src/data/pipeline/stages/main-text/index.ts'
import { wordScore } from '../src/data/pipeline/stages/main-text/pages-harness.ts'

const [file] = process.argv.slice(2)
if (file === undefined) throw new Error('Usage: node bench/main-text.ts PAGES.jsonl.gz')

function plainText(html: string): string {
  const content = new Readability(parseHTML(html).document, { serializer: (node) => node as Element }).parse()?.content
  return content == null ? '' : textOf(blocksOf(content))
}

let [pages, characters, seconds, mine, plain, worse] = [0, 0, 0, 0, 0, 0]
// The known text is read as if it were the title.
for await (const page of readFileDocuments(file, { html: 'html', title: 'expected_text' })) {
  if (isSkipped(page)) continue
  const began = performance.now()
  const found = mainText(page.text)?.text ?? ''
  seconds += (performance.now() - began) / 1000
  const [own, other] = [found, plainText(page.text)].map((text) => wordScore(text, page.title ?? '')) as [
    number,
    number,
  ]
  pages++
  characters += page.text.length
  mine += own
  plain += other
  if (own < other - 0.01) worse++
}
console.log(
  `${pages} pages: ours ${(mine / pages).toFixed(4)}, Readability ${(plain / pages).toFixed(4)}, worse on ${worse}`,
)
console.log(`${(characters / 1e6 / seconds).toFixed(2)} million characters of HTML a second, on one thread`)
