/** A run as one page without links to anything else: what each stage kept and dropped, and why, with samples. */
import { formatCount } from '../../../base/units.ts'
import { keptLabel, type Amount, type Report, type Sample } from '../report.ts'
import type { RunState, StageRecord } from '../run.ts'
import { barChart, flowChart, histogramChart } from './charts.ts'
import { escapeHtml, figure, htmlPage } from './html.ts'

/** What stages are for, to those who see the page alone. */
const purposes: Readonly<Record<string, string>> = {
  answers:
    'A language model was asked for a text for each combination of topic, audience and form. Answers that are not whole, or say what can be seen to be wrong, were asked again.',
  solutions:
    'The model solved exercises again without seeing how they were solved; those whose answer it did not come to went.',
  openings: 'Of texts that begin with the same words, the first few stayed.',
  read: 'Files were read. What is damaged in them was skipped, record by record.',
  text: 'Pages became what they say, without what surrounds it.',
  language: 'Documents in other languages went.',
  quality: 'Rules tell text to learn from by its form. The first rule that a document breaks is its reason.',
  benchmarks: 'Documents that hold questions of benchmarks went, so that a model can still be measured with them.',
  duplicates: 'Of documents that are the same or nearly so, the first stayed.',
  personal: 'What names or reaches single people was replaced by what it was.',
  education:
    'Every document got two values from 0 to 5: how well it teaches, and how much of that is reasoning. Neither rules nor classifiers see truth.',
  best: 'The best documents of about so many tokens stayed.',
  tokens: 'Documents became tokens.',
  pack: 'Parts were mixed by their shares, put in an order of chance, cut into examples and packed.',
}

function percent(part: number, whole: number): string {
  return whole === 0 ? 'none' : `${((100 * part) / whole).toFixed(1)} %`
}

function amountLine(read: Amount, kept: Amount): string {
  return (
    `${formatCount(kept.documents)} of ${formatCount(read.documents)} documents stayed (${percent(kept.documents, read.documents)}), ` +
    `${formatCount(kept.characters)} of ${formatCount(read.characters)} characters (${percent(kept.characters, read.characters)}).`
  )
}

function sampleHtml({ id, url, title, excerpt, detail }: Sample): string {
  const name = title ?? url ?? id
  const found = detail === undefined ? '' : `<div class="pale">${escapeHtml(detail)}</div>`
  // Addresses are shown and do not lead anywhere: pages of a crawl may be hostile.
  return `<article><strong>${escapeHtml(name)}</strong> <code class="pale">${escapeHtml(id)}</code>${found}<p>${escapeHtml(excerpt)}</p></article>`
}

function samplesHtml({ samples, dropped, kept }: Report): string {
  const amounts: Readonly<Record<string, Amount>> = { [keptLabel]: kept, ...dropped }
  return Object.entries(samples)
    .filter(([, some]) => some.length > 0)
    .map(([label, some]) => {
      const count = formatCount(amounts[label]?.documents ?? 0)
      return `<details><summary>${escapeHtml(label)}: ${some.length} of ${count}</summary>${some.map(sampleHtml).join('')}</details>`
    })
    .join('\n')
}

function stageHtml({ name, report }: StageRecord): string {
  const dropped = Object.entries(report.dropped).map(([reason, { documents }]): [string, number] => [reason, documents])
  const counts = Object.entries(report.counts)
  return [
    `<h2 id="${escapeHtml(name)}">${escapeHtml(name)}</h2>`,
    `<p class="pale">${escapeHtml(purposes[name] ?? '')}</p>`,
    report.read.documents > 0 ? `<p>${amountLine(report.read, report.kept)}</p>` : '',
    dropped.length > 0 ? figure('Documents that went, by reason', barChart('Reasons', dropped)) : '',
    counts.length > 0 ? figure('Counted', barChart('Counts', counts)) : '',
    ...Object.entries(report.histograms).map(([title, histogram]) => figure(title, histogramChart(title, histogram))),
    samplesHtml(report),
  ].join('\n')
}

/** The page of a run, as far as it has come. */
export function lookPage({ run, records }: RunState): string {
  const done = records.filter((record) => record !== undefined)
  const missing = run.stages.filter((_, index) => records[index] === undefined).map(({ name }) => name)
  const flows = done.filter(({ report }) => report.read.documents > 0)
  return htmlPage(
    `${run.name}: what became of the documents`,
    `<h1>${escapeHtml(run.name)}</h1>
<p>${escapeHtml(run.description)}</p>
${missing.length > 0 ? `<p class="pale">Not done yet: ${escapeHtml(missing.join(', '))}.</p>` : ''}
${figure('Documents that came into each stage and (darker) stayed', flowChart(flows.map(({ name, report }) => ({ name, ...report }))))}
${done.map(stageHtml).join('\n')}`,
  )
}
