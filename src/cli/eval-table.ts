/** The tables that `phi eval` prints. */
import { publishedFigures, publishedModels } from '../eval/benchmarks/published.ts'
import type { Measured, TaskSummary } from '../eval/benchmarks/summary.ts'
import { formatTable } from './terminal.ts'

/** What one model got. */
export interface ModelSummary {
  readonly model: string
  readonly tasks: readonly TaskSummary[]
}

/** In percent: "25.1 ± 1.2". */
function formatMeasured({ mean, standardError }: Measured): string {
  const error = standardError === undefined ? '' : ` ± ${(100 * standardError).toFixed(1)}`
  return `${(100 * mean).toFixed(1)}${error}`
}

function formatShots({ shots, shotsOfReport }: TaskSummary): string {
  return shots === shotsOfReport ? String(shots) : `${shots} of ${shotsOfReport}`
}

/** The first measure of each task beside what the report says of Microsoft's models, in percent. */
export function scoreTable(models: readonly ModelSummary[]): string {
  const [first] = models
  const rows = (first?.tasks ?? []).map((task) => {
    const ours = models.map(({ tasks }) => {
      const same = tasks.find((other) => other.task === task.task)
      const [score] = Object.values(same?.scores ?? {})
      return score === undefined ? '-' : formatMeasured(score)
    })
    const figures = publishedFigures.get(task.task) ?? []
    const theirs = publishedModels.map((_, index) => figures[index]?.toFixed(1) ?? '-')
    const chance = task.chance === undefined ? '-' : (100 * task.chance).toFixed(1)
    return [task.title, formatShots(task), String(task.questions), ...ours, chance, ...theirs]
  })
  const names = models.map(({ model }) => model)
  return formatTable([['benchmark', 'shots', 'questions', ...names, 'chance', ...publishedModels], ...rows])
}

/** All measures, and how many prompts had to be made to fit. */
export function promptTable(models: readonly ModelSummary[]): string {
  const rows = models.flatMap(({ model, tasks }) =>
    tasks.map(({ title, scores, questions, fewerShots, cut, leftOut }) => [
      title,
      model,
      Object.entries(scores)
        .map(([name, score]) => `${name} ${formatMeasured(score)}`)
        .join(', '),
      String(questions),
      String(fewerShots),
      String(cut),
      String(leftOut),
    ]),
  )
  const head = ['benchmark', 'model', 'measures', 'questions', 'fewer examples', 'cut', 'other rows']
  return formatTable([head, ...rows])
}
