/** The tables of speed in README.md and docs/speed.md, from the runs that were kept. */
import { firstTokenPrompt } from './rounds.ts'
import type { SavedRun } from './results.ts'
import type { ContenderSummary, Summary } from './summary.ts'

const places = { node: 'Node', chromium: 'Chromium' } as const

/** One line of a table: figures of all contenders, and whether more is better. */
interface Figure {
  readonly label: string
  readonly of: (contender: ContenderSummary) => number | undefined
  readonly digits: number
  readonly ofRoof?: number | undefined
  readonly isCost?: boolean
}

function speedFigures({ contenders: [engine], ofRoof }: Summary, kind: 'prompts' | 'answers'): Figure[] {
  return Object.keys(engine?.[kind] ?? {}).map((name) => {
    const count = Number(name)
    const answer = count === 0 ? 'answer, from empty' : `answer, after ${count.toLocaleString('en')} tokens`
    return {
      label: kind === 'prompts' ? `prompt of ${count.toLocaleString('en')}` : answer,
      of: (contender) => contender[kind][count],
      digits: 1,
      ofRoof: ofRoof[kind][count],
    }
  })
}

const costFigures: readonly Figure[] = [
  {
    label: `first token after a prompt of ${firstTokenPrompt}, ms`,
    of: ({ firstTokenSeconds }) => (firstTokenSeconds === undefined ? undefined : 1000 * firstTokenSeconds),
    digits: 0,
    isCost: true,
  },
  { label: 'loading, s', of: ({ loadSeconds }) => loadSeconds, digits: 1, isCost: true },
  { label: 'peak memory, GB', of: ({ peakBytes }) => peakBytes / 1e9, digits: 2, isCost: true },
]

function number(value: number | undefined, digits: number): string {
  return value === undefined ? '-' : value.toFixed(value >= 100 ? 0 : digits)
}

/** `llama.cpp, flash attention on` is a variant of `llama.cpp`. */
function peerOf({ name }: ContenderSummary): string {
  return name.split(', ')[0] ?? name
}

function peersOf(runs: readonly SavedRun[]): string[] {
  return [...new Set(runs.flatMap(({ contenders }) => contenders.slice(1).map(peerOf)))]
}

function row(run: SavedRun, { label, of, digits, ofRoof, isCost = false }: Figure, peers: readonly string[]): string[] {
  const [engine, ...others] = run.contenders
  const own = engine === undefined ? undefined : of(engine)
  const values = others.flatMap((contender) => of(contender) ?? [])
  const best = isCost ? Math.min(...values) : Math.max(...values)
  const ratio = own === undefined ? NaN : isCost ? best / own : own / best
  const columns = peers.map((peer) => {
    const variants = others.filter((contender) => peerOf(contender) === peer)
    return variants.length === 0 ? '' : variants.map((contender) => number(of(contender), digits)).join(' / ')
  })
  return [
    `${run.title}: ${label}`,
    number(own, digits),
    ofRoof === undefined ? '' : `${(100 * ofRoof).toFixed(0)} %`,
    ...columns,
    values.length === 0 ? '' : ratio.toFixed(2),
  ]
}

/** Variants stand in one column, in the order of the run. */
function columnTitle(peer: string, runs: readonly SavedRun[]): string {
  const variants = new Set(
    runs.flatMap(({ contenders }) =>
      contenders.filter((one) => peerOf(one) === peer).map(({ name }) => name.slice(peer.length + 2)),
    ),
  )
  const [first = '', ...more] = variants
  if (more.length === 0) return first === '' ? peer : `${peer}, ${first}`
  return `${peer}, ${first} / ${more.map((variant) => variant.split(' ').at(-1)).join(' / ')}`
}

function figuresOf(run: SavedRun): Figure[] {
  const [engine] = run.contenders
  const known = costFigures.filter(({ of }) => engine !== undefined && of(engine) !== undefined)
  return [...speedFigures(run, 'prompts'), ...speedFigures(run, 'answers'), ...known]
}

function range(values: readonly number[], digits: number): string {
  const [least, most] = [Math.min(...values).toFixed(digits), Math.max(...values).toFixed(digits)]
  return least === most ? least : `${least} to ${most}`
}

function introduction(runs: readonly SavedRun[]): string {
  const [{ date, machine, settings } = runs[0] as SavedRun] = runs
  const wide = settings.wide ? ', with wide vectors' : ''
  const roofs = (kind: keyof Summary['roofs']): string =>
    range(
      runs.map((run) => run.roofs[kind] / 1e9),
      0,
    )
  return (
    `In ${places[settings.place]}, ${date}: ${machine.processor}, ${settings.threads} threads${wide}, cache ${settings.cacheType}; ` +
    `medians of ${range(
      runs.map(({ rounds }) => rounds),
      0,
    )} rounds in turn. Roofs: ${roofs('readBytes')} GB/s and ${roofs('int8Products')} billion multiply-adds/s.`
  )
}

function table(runs: readonly SavedRun[]): string {
  const peers = peersOf(runs)
  const titles = peers.map((peer) => columnTitle(peer, runs))
  const head = ['tokens per second', 'Pocket Phi', 'of the roof', ...titles, 'ratio to the best']
  const rows = runs.flatMap((run) => figuresOf(run).map((figure) => row(run, figure, peers)))
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** What runs have in common that can stand in one table. */
function conditions({ machine, settings: { place, threads, wide, cacheType } }: SavedRun): string {
  return JSON.stringify([place, machine.processor, threads, wide, cacheType])
}

/** Of several runs of one model under the same conditions, only the last. */
function latest(runs: readonly SavedRun[]): SavedRun[] {
  const newest = new Map<string, SavedRun>()
  for (const run of runs.toSorted((left, right) => left.date.localeCompare(right.date))) {
    newest.set(`${conditions(run)} ${run.title}`, run)
  }
  return [...newest.values()]
}

/** A table for each place, date and kind of machine, the newest first; ratios above 1 are good, of times and memory too. */
export function speedTables(runs: readonly SavedRun[]): string {
  const groups = Map.groupBy(latest(runs), (run) => `${run.date} ${conditions(run)}`)
  const newestFirst = [...groups.values()].toSorted((left, right) =>
    (right[0]?.date ?? '').localeCompare(left[0]?.date ?? ''),
  )
  return newestFirst.map((group) => `${introduction(group)}\n\n${table(group)}`).join('\n\n')
}

/** Settings that a reader of one line has to know beside the model and the place. */
function remarks({ settings: { place, wide, cacheType } }: SavedRun): string {
  const vectors = place === 'node' && !wide ? ', plain vectors' : ''
  return `${vectors}${cacheType === 'f16' ? '' : `, cache ${cacheType}`}`
}

/** Speeds against the best variant of a peer, a line for each, of the last run of each model against it on any machine. */
export function comparison(runs: readonly SavedRun[]): string {
  const newest = new Map<string, SavedRun>()
  for (const run of runs.toSorted((left, right) => left.date.localeCompare(right.date))) {
    if (run.contenders.length > 1) newest.set(`${places[run.settings.place]} ${run.title}${remarks(run)}`, run)
  }
  const head = ['tokens per second', 'in', 'Pocket Phi', 'the best of', 'ratio', 'measured']
  const rows = [...newest.values()].flatMap((run) => {
    const figures = [...speedFigures(run, 'prompts'), ...speedFigures(run, 'answers')]
    return figures.map((figure) => comparedRow(run, figure))
  })
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function comparedRow(run: SavedRun, { label, of, digits }: Figure): string[] {
  const [engine, ...others] = run.contenders
  const own = engine === undefined ? NaN : (of(engine) ?? NaN)
  const best = others.reduce((fastest, other) => ((of(other) ?? 0) > (of(fastest) ?? 0) ? other : fastest))
  const value = of(best) ?? NaN
  return [
    `${run.title}${remarks(run)}: ${label}`,
    places[run.settings.place],
    number(own, digits),
    `${peerOf(best)} ${number(value, digits)}`,
    (own / value).toFixed(2),
    run.date,
  ]
}
