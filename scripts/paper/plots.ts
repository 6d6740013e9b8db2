/** Plots of the paper in miniature. */
import { dot, line, plot, text as label } from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import type { PaperResult } from './run.ts'
import { spreadOf } from './statistics.ts'
import { textNames } from './texts.ts'

/** The loss on every text by the number of parameters: a dot for each model, a line through the means. */
export function sizePlot(results: readonly PaperResult[]): string {
  const { document } = parseHTML('<html></html>')
  const dots = results.flatMap(({ parameters, stages }) =>
    textNames.map((text) => ({ parameters, text, bits: stages.pretrained?.full.texts[text] ?? NaN })),
  )
  const sizes = [...new Set(results.map(({ parameters }) => parameters))].toSorted((left, right) => left - right)
  const means = textNames.flatMap((text) =>
    sizes.map((parameters) => ({
      parameters,
      text,
      bits: spreadOf(dots.filter((one) => one.parameters === parameters && one.text === text).map(({ bits }) => bits))
        .mean,
    })),
  )
  const figure = plot({
    document,
    width: 720,
    height: 420,
    marginLeft: 56,
    marginRight: 110,
    style: { background: 'white', fontFamily: 'sans-serif' },
    x: {
      type: 'log',
      label: 'parameters',
      ticks: sizes,
      tickFormat: (value: number) => `${(value / 1e6).toFixed(1)}M`,
    },
    y: { grid: true, label: 'bits per byte' },
    color: { legend: false, scheme: 'Observable10' },
    marks: [
      line(means, { x: 'parameters', y: 'bits', stroke: 'text' }),
      dot(dots, { x: 'parameters', y: 'bits', stroke: 'text', r: 2.5 }),
      label(
        means.filter(({ parameters }) => parameters === sizes.at(-1)),
        { x: 'parameters', y: 'bits', text: 'text', textAnchor: 'start', dx: 6 },
      ),
    ],
  })
  figure.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  return `${figure.outerHTML}\n`
}
