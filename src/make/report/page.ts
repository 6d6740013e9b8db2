/** A run as one page without links to anything else: its stages, curves of its trainings, what data kept, what was measured. */
import { stringify } from 'yaml'
import { formatBytes, formatCount, formatSeconds } from '../../base/units.ts'
import { flowChart, lineChart, type Line } from '../../data/pipeline/look/charts.ts'
import { escapeHtml, figure, htmlPage } from '../../data/pipeline/look/html.ts'
import type { RunState } from '../../data/pipeline/run.ts'
import type { Measured } from '../../eval/benchmarks/summary.ts'
import type { Metric } from '../../train/metrics.ts'
import type { ModelResults } from '../evaluation.ts'
import type { MadeStage } from '../record.ts'
import type { ReportedStage, RunReport, ShownRecipe } from './gather.ts'

/** Points of a line: more cannot be told apart. */
const mostPoints = 500

/** A table of texts, the first row of which is the head. */
function table(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows
  const line = (cells: readonly string[], tag: 'td' | 'th'): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`
  return `<table>${line(head, 'th')}${body.map((row) => line(row, 'td')).join('')}</table>`
}

/** Means of neighbouring steps where there are more than a line can show; steps without a value are left out. */
function pointsOf(metrics: readonly Metric[], valueOf: (metric: Metric) => number | undefined): Line['points'] {
  const all = metrics.flatMap((metric) => {
    const value = valueOf(metric)
    return value === undefined || !Number.isFinite(value) ? [] : [[metric.step, value] as const]
  })
  const size = Math.ceil(all.length / mostPoints)
  if (size <= 1) return all
  return Array.from({ length: Math.ceil(all.length / size) }, (_, index) => {
    const run = all.slice(index * size, (index + 1) * size)
    return [run.at(-1)?.[0] ?? 0, run.reduce((sum, [, value]) => sum + value, 0) / run.length] as const
  })
}

function curve(caption: string, metrics: readonly Metric[], values: Readonly<Record<string, keyof Metric>>): string {
  const kinds = ['kept', 'reason'] as const
  const lines = Object.entries(values)
    .map(([label, key], index) => ({
      label,
      kind: kinds[index] ?? ('reason' as const),
      points: pointsOf(metrics, (metric) => metric[key]),
    }))
    .filter(({ points }) => points.length > 0)
  return lines.length === 0 ? '' : figure(caption, lineChart(caption, lines, 'step'))
}

function trainingHtml(recipe: ShownRecipe | undefined, metrics: readonly Metric[]): string {
  const last = metrics.at(-1)
  if (last === undefined) return '<p class="pale">No step is done yet.</p>'
  const heldOut = metrics.findLast(({ heldOutLoss }) => heldOutLoss !== undefined)?.heldOutLoss
  const facts = [
    `Step ${last.step}${recipe?.steps === undefined ? '' : ` of ${recipe.steps}`}`,
    `loss ${last.loss.toFixed(4)}`,
    ...(heldOut === undefined ? [] : [`held out ${heldOut.toFixed(4)}`]),
    `${formatCount(last.tokens)} tokens in ${formatSeconds(last.seconds)}`,
    ...(recipe?.seed === undefined ? [] : [`seed ${recipe.seed}`]),
  ]
  return [
    recipe?.description === undefined ? '' : `<p>${escapeHtml(recipe.description)}</p>`,
    `<p>${escapeHtml(facts.join(', '))}.</p>`,
    curve(`Loss, in nats per ${recipe?.isOfPairs === true ? 'pair' : 'token'}`, metrics, {
      training: 'loss',
      'held out': 'heldOutLoss',
    }),
    curve('Share of pairs whose chosen answer is ahead', metrics, {
      training: 'rewardAccuracy',
      'held out': 'heldOutRewardAccuracy',
    }),
    curve('Learning rate', metrics, { 'learning rate': 'learningRate' }),
    curve('Norm of the gradients, before clipping', metrics, { norm: 'gradientNorm' }),
    curve('Tokens per second, since the training was begun or resumed', metrics, { 'tokens/s': 'tokensPerSecond' }),
    recipe === undefined
      ? ''
      : `<details><summary>The recipe</summary><pre>${escapeHtml(stringify(recipe.all))}</pre></details>`,
  ].join('\n')
}

function dataHtml(state: RunState | undefined): string {
  if (state === undefined) return '<p class="pale">Nothing is read yet.</p>'
  const done = state.records.filter((record) => record !== undefined)
  const flows = done.filter(({ report }) => report.read.documents > 0)
  const missing = state.run.stages.filter((_, index) => state.records[index] === undefined).map(({ name }) => name)
  const rows = flows.map(({ name, report: { read, kept, dropped } }) => {
    const [most] = Object.entries(dropped).sort(([, a], [, b]) => b.documents - a.documents)
    const reason = most === undefined ? '' : `${most[0]} (${formatCount(most[1].documents)})`
    return [name, formatCount(read.documents), formatCount(kept.documents), formatCount(kept.characters), reason]
  })
  return [
    missing.length === 0 ? '' : `<p class="pale">Not done yet: ${escapeHtml(missing.join(', '))}.</p>`,
    figure(
      'Documents that came into each stage and (darker) stayed',
      flowChart(flows.map(({ name, report }) => ({ name, ...report }))),
    ),
    table([['stage', 'documents', 'kept', 'characters', 'most were dropped for'], ...rows]),
  ].join('\n')
}

/** "53.3 ± 6.4 %", with the standard error of the mean. */
function percent({ mean, standardError }: Measured): string {
  const error = standardError === undefined ? '' : ` ± ${(100 * standardError).toFixed(1)}`
  return `${(100 * mean).toFixed(1)}${error} %`
}

/** A share of questions that were answered rightly; its error is that of a proportion. */
function shareOf(right: number, count: number): Measured {
  const mean = count === 0 ? 0 : right / count
  return { mean, standardError: count < 2 ? undefined : Math.sqrt((mean * (1 - mean)) / (count - 1)) }
}

/** All measures of a model by their names, as texts. */
function measuresOf({ loss, world, benchmarks = [] }: ModelResults): ReadonlyMap<string, string> {
  const kinds = world === undefined ? [] : [...world.kinds, world.total]
  return new Map([
    ...(loss === undefined
      ? []
      : [['loss, nats per token', `${loss.loss.toFixed(4)} (${loss.tokens} tokens)`] as const]),
    ...kinds.map(({ kind, right, count }) => {
      return [`world: ${kind}`, `${percent(shareOf(right, count))} (${right} of ${count})`] as const
    }),
    ...benchmarks.flatMap(({ title, scores, questions }) =>
      Object.entries(scores).map(([name, score]) => {
        return [`${title}: ${name}`, `${percent(score)} (${questions} questions)`] as const
      }),
    ),
  ])
}

function evaluationHtml(results: readonly ModelResults[]): string {
  const columns = results.map(measuresOf)
  const names = new Set(columns.flatMap((column) => [...column.keys()]))
  if (names.size === 0) return '<p class="pale">Nothing is measured yet.</p>'
  const rows = [...names].map((name) => [name, ...columns.map((column) => column.get(name) ?? '')])
  return `${table([['measure', ...results.map(({ model }) => model)], ...rows])}
<p class="pale">± is the standard error of the mean. The loss has none: it is that of the same text for all models.</p>`
}

function stageHtml({ name, folder, record, report }: ReportedStage): string {
  const body = (): string => {
    switch (report.kind) {
      case 'data':
        return dataHtml(report.run)
      case 'train':
        return trainingHtml(report.recipe, report.metrics)
      case 'evaluate':
        return evaluationHtml(report.results)
      case 'merge':
      case 'quantize':
        return `<pre>${escapeHtml(stringify(record?.basis.settings ?? {}))}</pre>`
    }
  }
  const error = record?.error === undefined ? '' : `<p>It ended with: ${escapeHtml(record.error)}</p>`
  return `<h2>${escapeHtml(name)}</h2><p class="pale">${escapeHtml(`${report.kind}, ${folder}`)}</p>${error}${body()}`
}

const states: Readonly<Record<MadeStage['state'], string>> = {
  waiting: 'to be made',
  begun: 'in work, or interrupted',
  done: 'done',
}

function stagesTable(stages: readonly ReportedStage[]): string {
  const rows = stages.flatMap(({ name, record }) => {
    if (record === undefined) return []
    const { kind, state, began, seconds, peakBytes, basis, error } = record
    const cells = [
      name,
      kind,
      error === undefined ? states[state] : 'stopped',
      began?.slice(0, 16).replace('T', ' ') ?? '',
    ]
    const took = state === 'waiting' || seconds === undefined || seconds === 0 ? '' : formatSeconds(seconds)
    return [
      [...cells, took, peakBytes === undefined ? '' : formatBytes(peakBytes), Object.keys(basis.inputs).join(', ')],
    ]
  })
  if (rows.length === 0) return ''
  const head = ['stage', 'kind', 'state', 'began (UTC)', 'took', 'memory of the process, at most', 'reads']
  return table([head, ...rows])
}

/**
 * The page of a run, as far as it has come.
 *
 * @param refreshSeconds after which the page loads itself again; never when left out
 */
export function reportPage({ name, description, stages }: RunReport, refreshSeconds?: number): string {
  const body = `<h1>${escapeHtml(name)}</h1>
${description === undefined ? '' : `<p>${escapeHtml(description)}</p>`}
${stagesTable(stages)}
${stages.map(stageHtml).join('\n')}`
  return htmlPage(`${name}: report`, body, refreshSeconds)
}
