/** The plots of docs/paper. */
import type { TopLevelSpec } from 'vega-lite'
import type { Records } from '../records.ts'
import { alignmentPlot } from './alignment.ts'
import { armsPlot } from './arms.ts'
import { formatsPlot } from './formats.ts'
import { mixturesPlot } from './mixtures.ts'
import { sizesPlot } from './sizes.ts'
import { drawSvg } from './theme.ts'

const plots: Readonly<Record<string, (records: Records) => TopLevelSpec>> = {
  arms: armsPlot,
  mixtures: mixturesPlot,
  sizes: sizesPlot,
  alignment: alignmentPlot,
  formats: formatsPlot,
}

export interface Plot {
  readonly name: string
  readonly svg: string
}

/** All of them, by the names of their files. */
export function paperPlots(records: Records): Promise<Plot[]> {
  return Promise.all(Object.entries(plots).map(async ([name, plot]) => ({ name, svg: await drawSvg(plot(records)) })))
}
