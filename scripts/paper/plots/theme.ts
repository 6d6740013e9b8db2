/** What all plots of docs/paper have in common: colours for light and dark pages, letters, and how a specification becomes SVG. */
import * as vega from 'vega'
import { compile, type Config, type TopLevelSpec } from 'vega-lite'

/** In light colours, which are in the file; its style has the dark ones, for pages that are. */
export const colours = {
  background: '#ffffff',
  text: '#1f2328',
  quiet: '#59636e',
  grid: '#d8dee4',
  grey: '#6e7781',
  blue: '#0969da',
  teal: '#1b8a80',
  orange: '#bc4c00',
} as const

const dark: Readonly<Record<keyof typeof colours, string>> = {
  background: '#0d1117',
  text: '#e6edf3',
  quiet: '#9198a1',
  grid: '#30363d',
  grey: '#8b949e',
  blue: '#58a6ff',
  teal: '#39c5bb',
  orange: '#f0883e',
}

export const fontSize = 13
/** What vega measures texts by, which its types leave out. */
const { textMetrics } = vega as typeof vega & {
  readonly textMetrics: { width: (item: { readonly fontSize?: number }, text: unknown) => number }
}
// By itself it takes four fifths of the height for each letter, which leaves gaps between names, or asks a canvas, where there is one.
textMetrics.width = (item, text) => Math.round(0.56 * String(text).length * (item.fontSize ?? fontSize))

const config: Config = {
  background: colours.background,
  font: 'sans-serif',
  padding: 12,
  // Names of parts for whoever listens would be several times the picture; the page has a text for it.
  aria: false,
  view: { stroke: null },
  title: {
    anchor: 'start',
    frame: 'bounds',
    color: colours.text,
    fontSize: 15,
    fontWeight: 600,
    subtitleColor: colours.quiet,
    subtitleFontSize: fontSize,
    subtitlePadding: 4,
    offset: 12,
  },
  axis: {
    labelColor: colours.text,
    titleColor: colours.quiet,
    labelFontSize: fontSize,
    titleFontSize: fontSize,
    titleFontWeight: 'normal',
    gridColor: colours.grid,
    domain: false,
    ticks: false,
    labelPadding: 6,
  },
  legend: {
    orient: 'top',
    title: null,
    labelColor: colours.text,
    labelFontSize: fontSize,
    symbolType: 'circle',
    symbolOpacity: 1,
    symbolStrokeWidth: 0,
    columnPadding: 16,
  },
}

/** Where an axis goes through zero. */
export const zeroLine = {
  condition: { test: 'datum.value === 0', value: colours.quiet },
  value: colours.grid,
} as const

/** A specification as SVG, which is the same bytes whenever it is drawn. */
export async function drawSvg(spec: TopLevelSpec): Promise<string> {
  const view = new vega.View(vega.parse(compile(spec, { config }).spec), { renderer: 'none' })
  try {
    const svg = await view.toSVG()
    return `${rounded(svg).replace('>', `>${darkStyle()}`)}\n`
  } finally {
    view.finalize()
  }
}

/** Places in tenths of a pixel: what is after them is not seen, and may be another on another processor. */
function rounded(svg: string): string {
  return svg.replaceAll(/(?<= (?:transform|d|x2|y2)=")[^"]*/g, (places) =>
    places.replaceAll(/\d+\.\d{2,}/g, (number) => String(Number(Number(number).toFixed(1)))),
  )
}

function darkStyle(): string {
  const rules = (Object.keys(colours) as (keyof typeof colours)[]).map(
    (name) => `[fill="${colours[name]}"]{fill:${dark[name]}}[stroke="${colours[name]}"]{stroke:${dark[name]}}`,
  )
  return `<style>text{font-family:system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif}@media(prefers-color-scheme:dark){${rules.join('')}}</style>`
}
