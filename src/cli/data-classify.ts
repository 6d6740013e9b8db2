/** `phi data classify`: small classifiers that learn from annotations what documents are worth. */
import { Option, type Command } from 'commander'
import { axes, type Axis } from '../data/pipeline/education/annotation.ts'
import { readClassifier, trainClassifier, type Classifier } from '../data/pipeline/education/classifier/classifier.ts'
import { agreementOf, readLessons, type Agreement } from '../data/pipeline/education/classifier/lessons.ts'
import { classifierKinds, type ClassifierKind } from '../data/pipeline/education/classifier/models.ts'
import { documentsIn } from '../data/pipeline/education/documents.ts'
import { checkParent } from './files.ts'
import { decimal, integer } from './options.ts'
import { formatCount, formatTable, print, printJson } from './terminal.ts'

interface TrainOptions {
  readonly out: string
  readonly kind?: ClassifierKind
  readonly seed: number
  readonly heldOut: number
  readonly json?: boolean
}

export function registerClassify(group: Command): void {
  const classify = group
    .command('classify')
    .description('Train small classifiers on annotations, and see what they make of documents.')
  registerTrain(classify)
  registerScore(classify)
}

function registerTrain(classify: Command): void {
  classify
    .command('train')
    .description('Learn from annotations; of the kinds, the one that agrees best with those held out is kept.')
    .argument('<annotations...>', 'files that phi data annotate wrote')
    .requiredOption('--out <file>', 'the classifier, a safetensors file')
    .addOption(new Option('--kind <name>', 'the kind that is kept (default: the better one)').choices(classifierKinds))
    .option('--seed <n>', 'of the order of learning', integer(0), 1)
    .option('--held-out <share>', 'annotations that are not learned from', decimal(0, 0.9), 0.1)
    .option('--json', 'print one JSON object for each kind')
    .addHelpText(
      'after',
      `
A recipe of data names the file as the classifier of its stage "education".

Examples:
  $ phi data classify train annotations/web/annotations.jsonl --out web.safetensors
  $ phi data classify score web.safetensors runs/web`,
    )
    .action(train)
}

function registerScore(classify: Command): void {
  classify
    .command('score')
    .description('Say what a classifier makes of documents: their means by source, or each of them.')
    .argument('<classifier>', 'file of a classifier')
    .argument('<paths...>', 'folders of runs, and files of documents')
    .option('--json', 'print one JSON object for each document')
    .action(score)
}

interface Candidate {
  readonly classifier: Classifier
  readonly agreement: Readonly<Record<Axis, Agreement>>
}

/** What candidates are compared by: both scales count alike. */
const merit = ({ agreement }: Candidate): number => axes.reduce((sum, axis) => sum + agreement[axis].rankCorrelation, 0)

async function train(
  files: readonly string[],
  { out, kind: chosen, seed, heldOut: share, json }: TrainOptions,
): Promise<void> {
  await checkParent(out)
  const { annotator, training, heldOut } = await readLessons(files, share)
  const candidates = classifierKinds.map((kind): Candidate => {
    const classifier = trainClassifier(training, { kind, annotator, seed })
    return { classifier, agreement: agreementOf(classifier, heldOut) }
  })
  const [best] = candidates
    .filter(({ classifier }) => chosen === undefined || classifier.facts.kind === chosen)
    .sort((a, b) => merit(b) - merit(a))
  if (best === undefined) throw new Error('defect: no kind of classifier')
  await best.classifier.save(out)
  if (json === true) {
    for (const { classifier, agreement } of candidates)
      printJson({ ...classifier.facts, agreement, kept: classifier === best.classifier })
    return
  }
  print(`${training.length} documents to learn from, ${heldOut.length} held out, annotated by ${annotator}.\n`)
  const head = ['classifier', ...axes.flatMap((axis) => [`${axis}: rank correlation`, 'mean error'])]
  const rows = candidates.map(({ classifier, agreement }) => [
    classifier.facts.kind,
    ...axes.flatMap((axis) => [agreement[axis].rankCorrelation.toFixed(3), agreement[axis].meanError.toFixed(2)]),
  ])
  print(formatTable([head, ...rows]))
  print(`\nThe ${best.classifier.facts.kind} one is ${out}. A recipe uses it by { education: { classifier: ${out} } }.`)
}

async function score(file: string, paths: readonly string[], { json }: { readonly json?: boolean }): Promise<void> {
  const classifier = await readClassifier(file)
  const sums = new Map<string, Readonly<Record<Axis | 'documents', number>>>()
  for await (const { id, source, text } of documentsIn(paths)) {
    const scores = classifier.score(text)
    if (json === true) printJson({ id, source, ...scores })
    const { documents, education, reasoning } = sums.get(source) ?? { documents: 0, education: 0, reasoning: 0 }
    sums.set(source, {
      documents: documents + 1,
      education: education + scores.education,
      reasoning: reasoning + scores.reasoning,
    })
  }
  if (json === true) return
  const rows = [...sums]
    .sort(([, a], [, b]) => b.education / b.documents - a.education / a.documents)
    .map(([source, sum]) => [
      source,
      formatCount(sum.documents),
      ...axes.map((axis) => (sum[axis] / sum.documents).toFixed(2)),
    ])
  print(formatTable([['source', 'documents', ...axes], ...rows]))
}
