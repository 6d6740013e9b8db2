/** The tables that `phi eval` prints. */
import { publishedFigures, publishedModels } from '../eval/benchmarks/published.ts'
import type { Measured, TaskSummary } from '../eval/benchmarks/summary.ts'
import { formatTable } from './terminal.ts'

/** What one model got. */
export interface ModelSummary {
  readonly model: string
  readonly tasks: readonly TaskSummary[]
}

/** In percent with a digit, "25.1 ± 1.2", or in points with two. */
function formatMeasured({ mean, standardError }: Measured, points = 100): string {
  const format = (value: number): string => formatPoints(points * value, points)
  return standardError === undefined ? format(mean) : `${format(mean)} ± ${format(standardError)}`
}

function formatPoints(value: number, points = 100): string {
  return value.toFixed(points === 100 ? 1 : 2)
}

function formatShots({ shots, shotsOfReport }: TaskSummary): string {
  return shots === shotsOfReport ? String(shots) : `${shots} of ${shotsOfReport}`
}

/** The first measure of each task beside what the report says of Microsoft's models, in percent. */
export function scoreTable(models: readonly ModelSummary[]): string {
  const tasks = tasksOf(models)
  const columns = [...publishedModels.keys()].filter((index) =>
    tasks.some(({ task }) => publishedFigures.get(task)?.[index] !== undefined),
  )
  const rows = tasks.map((task) => {
    const ours = models.map(({ tasks: own }) => {
      const same = own.find((other) => other.task === task.task)
      const [score] = Object.values(same?.scores ?? {})
      return score === undefined ? '-' : formatMeasured(score, task.points)
    })
    const figures = publishedFigures.get(task.task) ?? []
    const theirs = columns.map((index) => {
      const figure = figures[index]
      return figure === undefined ? '-' : formatPoints(figure, task.points)
    })
    const chance = task.chance === undefined ? '-' : (100 * task.chance).toFixed(1)
    return [task.title, formatShots(task), String(task.questions), ...ours, chance, ...theirs]
  })
  const names = models.map(({ model }) => model)
  return formatTable([
    ['benchmark', 'shots', 'questions', ...names, 'chance', ...columns.map((index) => publishedModels[index] ?? '')],
    ...rows,
  ])
}

/** One summary of each task that any model was asked, in the order in which they were. */
function tasksOf(models: readonly ModelSummary[]): readonly TaskSummary[] {
  const all = models.flatMap(({ tasks }) => tasks)
  return [...Map.groupBy(all, ({ task }) => task).values()].flatMap(([first]) => first ?? [])
}

/** The first measure by group, a line for each; undefined where no task tells groups apart. */
export function groupTable(models: readonly ModelSummary[]): string | undefined {
  const rows = tasksOf(models).flatMap(({ task, title, points }) => {
    const byModel = models.map(({ tasks }) => tasks.find((other) => other.task === task)?.groups ?? {})
    const groups = [...new Set(byModel.flatMap((found) => Object.keys(found)))]
    return groups.map((group) => [
      title,
      group,
      ...byModel.map((found) => (found[group] === undefined ? '-' : formatMeasured(found[group], points))),
    ])
  })
  if (rows.length === 0) return undefined
  return formatTable([['benchmark', 'of', ...models.map(({ model }) => model)], ...rows])
}

/** What the judge of a model's answers did, a sentence for each; none where nothing was judged. */
export function judgeNotes(models: readonly ModelSummary[]): readonly string[] {
  return models.flatMap(({ model, tasks }) =>
    tasks.flatMap(({ title, judgements }) => {
      if (judgements === undefined) return []
      const { judge, answers, malformed, unrated } = judgements
      return `${title} of ${model}: ${answers} answers judged by ${judge}; ${malformed} judgements without a rating, ${unrated} answers that have none.`
    }),
  )
}

/** All measures, and how many prompts had to be made to fit. */
export function promptTable(models: readonly ModelSummary[]): string {
  const rows = models.flatMap(({ model, tasks }) =>
    tasks.map(({ title, scores, questions, fewerShots, cut, unanswered, leftOut, points }) => [
      title,
      model,
      Object.entries(scores)
        .map(([name, score]) => `${name} ${formatMeasured(score, points)}`)
        .join(', '),
      String(questions),
      String(fewerShots),
      String(cut),
      String(unanswered),
      String(leftOut),
    ]),
  )
  const head = ['benchmark', 'model', 'measures', 'questions', 'fewer examples', 'cut', 'not answered', 'other rows']
  return formatTable([head, ...rows])
}
