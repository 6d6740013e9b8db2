import { parseHTML } from 'linkedom'
import { expect, test } from 'vitest'
import { emptyReport, mergeReports, Reporter } from '../report.ts'
import type { RunState } from '../run.ts'
import { lookPage } from './page.ts'

const evil = '<script>alert("1")</script> & "so on"'

function reportOf(first: number, count: number) {
  const reporter = new Reporter({ length: { low: 0, high: 10 } })
  for (let index = first; index < first + count; index++) {
    const document = { id: `s/a#${index}`, source: 's', format: 'text', text: `${evil} ${index}`, title: evil } as const
    const notes = { detail: evil, values: { length: index % 10 }, counts: { seen: 2 } }
    if (index % 3 === 0) reporter.drop('a < b', document, notes)
    else reporter.keep(document, { ...document, text: 'x' }, notes)
  }
  return reporter.report()
}

test('reports of shards add up in any order, samples too', () => {
  const parts = [reportOf(0, 40), reportOf(40, 25), reportOf(65, 35)]
  const whole = reportOf(0, 100)
  expect(parts.reduce(mergeReports, emptyReport)).toEqual(whole)
  expect(parts.toReversed().reduce(mergeReports, emptyReport)).toEqual(whole)
  expect(whole.read.documents).toBe(100)
  expect(whole.dropped['a < b']?.documents).toBe(34)
  expect(whole.counts).toEqual({ seen: 200 })
  expect(whole.histograms['length']?.counts.filter((count) => count > 0)).toEqual(Array.from({ length: 10 }, () => 10))
  expect(whole.samples['kept']?.length).toBe(6)
})

test('the page of a run shows stages, reasons and samples, and nothing of a document can act', () => {
  const state: RunState = {
    run: {
      name: 'web',
      description: evil,
      stages: [
        { name: 'read', folder: 'read-1', tasks: 1 },
        { name: 'text', folder: 'text-1', tasks: 1 },
      ],
    },
    records: [{ name: 'read', shards: ['0'], report: reportOf(0, 100) }, undefined],
  }
  const page = lookPage(state)
  const { document } = parseHTML(page)
  expect(document.querySelectorAll('script, a, img, iframe').length).toBe(0)
  expect(document.body.textContent).toContain('Not done yet: text.')
  expect(document.body.textContent).toContain('66 of 100 documents stayed (66.0 %)')
  const summaries = [...document.querySelectorAll('summary')].map((element) => element.textContent)
  expect(summaries).toEqual(['a < b: 6 of 34', 'kept: 6 of 66'])
  expect(document.querySelectorAll('article').length).toBe(12)
  expect(document.querySelectorAll('svg').length).toBe(4)
  // The bars of the flow: 100 came, 66 stayed.
  const [came, stayed] = [...document.querySelectorAll('svg rect')].map((bar) => Number(bar.getAttribute('width')))
  expect((stayed ?? 0) / (came ?? 1)).toBeCloseTo(0.66, 3)
})
