/**
 * The names of published models on the Hugging Face hub, ORG/NAME by short name. Apart from their configurations (published.ts), whose long
 * tables of factors a page does not need.
 */
export const publishedRepositories: ReadonlyMap<string, string> = new Map([
  ['phi-3-mini', 'microsoft/Phi-3-mini-4k-instruct'],
  ['phi-3-mini-4k', 'microsoft/Phi-3-mini-4k-instruct'],
  ['phi-3-mini-128k', 'microsoft/Phi-3-mini-128k-instruct'],
  ['phi-3.5-mini', 'microsoft/Phi-3.5-mini-instruct'],
  ['phi-3-vision', 'microsoft/Phi-3-vision-128k-instruct'],
  ['phi-3.5-vision', 'microsoft/Phi-3.5-vision-instruct'],
  ['phi-3-medium', 'microsoft/Phi-3-medium-4k-instruct'],
  ['phi-3-medium-4k', 'microsoft/Phi-3-medium-4k-instruct'],
  ['phi-3-medium-128k', 'microsoft/Phi-3-medium-128k-instruct'],
  ['phi-3-small', 'microsoft/Phi-3-small-8k-instruct'],
  ['phi-3-small-8k', 'microsoft/Phi-3-small-8k-instruct'],
  ['phi-3-small-128k', 'microsoft/Phi-3-small-128k-instruct'],
  ['phi-3.5-moe', 'microsoft/Phi-3.5-MoE-instruct'],
  ['phi-4', 'microsoft/phi-4'],
  ['phi-4-mini', 'microsoft/Phi-4-mini-instruct'],
])
