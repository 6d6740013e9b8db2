/** The benchmarks of the Phi-3 report, in its order, and a few more. */
import { bbh } from './bbh.ts'
import { humaneval, mbpp } from './code.ts'
import { agieval, arcChallenge, arcEasy, commonsenseqa, gpqa, medqa, mmlu, openbookqa, socialiqa } from './letters.ts'
import { math } from './math.ts'
import { mtBench } from './mt-bench.ts'
import { bamboogle, naturalQuestions, popqa, triviaqa } from './open-questions.ts'
import { anli, boolq, hellaswag, piqa, truthfulqaBest, truthfulqaMass, winogrande } from './options.ts'
import { pictureTasks } from './pictures/index.ts'
import { humanevalJavaScript, humanevalTypeScript, mbppTypeScript } from './translated-code.ts'
import type { Task } from './types.ts'
import { gsm8k, mgsm } from './word-problems.ts'

export const tasks: readonly Task[] = [
  mmlu,
  hellaswag,
  anli,
  gsm8k,
  math,
  medqa,
  agieval,
  triviaqa,
  arcChallenge,
  arcEasy,
  piqa,
  socialiqa,
  bbh,
  winogrande,
  openbookqa,
  boolq,
  commonsenseqa,
  truthfulqaMass,
  humaneval,
  mbpp,
  gpqa,
  mtBench,
  mgsm,
  truthfulqaBest,
  naturalQuestions,
  popqa,
  bamboogle,
  humanevalTypeScript,
  humanevalJavaScript,
  mbppTypeScript,
  ...pictureTasks,
]
