/**
 * The figures of the Phi-3 technical report (arXiv 2404.14219, version 4): the table of section 3, for MGSM table 3, for RULER table 2, for pictures table 5. Microsoft
 * measured with a pipeline of its own, whose prompts and examples are not public: its figures cannot be had again exactly.
 */
export const publishedModels = [
  'Phi-3-mini',
  'Phi-3-small',
  'Phi-3-medium',
  'Phi-3.5-mini',
  'Phi-3.5-MoE',
  'Phi-3-vision',
  'Phi-3.5-vision',
] as const

type Figures = readonly (number | undefined)[]

/** Of the two models that see. */
function vision(phi3: number, phi35: number): Figures {
  return [undefined, undefined, undefined, undefined, undefined, phi3, phi35]
}

/** By the name of the task, in percent (MT-Bench in points), in the order of `publishedModels`; undefined where the report has none. */
export const publishedFigures: ReadonlyMap<string, Figures> = new Map<string, Figures>([
  ['mmlu', [68.8, 75.7, 78.0, 69, 78.9]],
  ['hellaswag', [76.7, 77.0, 82.4, 69.4, 83.8]],
  ['anli', [52.8, 58.1, 55.8]],
  ['gsm8k', [82.5, 89.6, 91.0, 86.2, 88.7]],
  ['math', [41.3, 34.6, 53.1, 48.5, 59.5]],
  ['medqa', [53.8, 65.4, 69.9]],
  ['agieval', [37.5, 45.1, 50.2]],
  ['triviaqa', [64.0, 58.1, 73.9]],
  ['arc-challenge', [84.9, 90.7, 91.6, 84.6, 91.0]],
  ['arc-easy', [94.6, 97.0, 97.7]],
  ['piqa', [84.2, 86.9, 87.9, 81, 88.6]],
  ['socialiqa', [76.6, 79.2, 80.2, 74.7, 78.0]],
  // Of Phi-3.5 without examples.
  ['bbh', [71.7, 79.1, 81.4, 69, 79.1]],
  ['winogrande', [70.8, 81.5, 81.5, 68.5, 81.3]],
  ['openbookqa', [83.2, 88.0, 87.4, 79.2, 89.6]],
  ['boolq', [77.2, 84.8, 86.5, 78, 84.6]],
  ['commonsenseqa', [80.2, 80.0, 82.8]],
  ['truthfulqa-mc2', [65.0, 70.2, 75.1, 64, 77.5]],
  ['humaneval', [58.5, 61.0, 62.2, 61.5, 70.7]],
  ['mbpp', [70.0, 71.7, 75.2, 68.6, 80.8]],
  // With a chain of thought; of Phi-3.5 without examples.
  ['gpqa', [32.8, 34.3, undefined, 27.2, 36.8]],
  // By a judge that is GPT-4, from 1 to 10.
  ['mt-bench', [8.38, 8.7, 8.91]],
  // Table 2 of the report, by length.
  ['ruler-4096', [undefined, undefined, undefined, 94.3, 94.8]],
  ['ruler-8192', [undefined, undefined, undefined, 91.1, 93.0]],
  ['ruler-16384', [undefined, undefined, undefined, 90.7, 93.2]],
  ['ruler-32768', [undefined, undefined, undefined, 87.1, 91.6]],
  ['ruler-65536', [undefined, undefined, undefined, 78.0, 85.7]],
  ['ruler-131072', [undefined, undefined, undefined, 63.6, 64.2]],
  // Phi-3-vision by its card, Phi-3.5-vision by table 5.
  ['mmmu', vision(40.4, 43.0)],
  ['scienceqa', vision(90.8, 91.3)],
  ['mathvista', vision(44.5, 43.9)],
  ['intergps', vision(38.1, 36.3)],
  ['mmbench', vision(80.5, 81.9)],
  ['pope', vision(85.8, 86.1)],
  ['ai2d', vision(76.7, 78.1)],
  ['chartqa', vision(81.4, 81.8)],
  ['textvqa', vision(70.9, 72.0)],
  ['mgsm', [undefined, undefined, undefined, 47.9, 58.7]],
])
