/**
 * Writes the table of what is supported into README.md, from the results of the last complete `npm test`: a row stands in the
 * table only when tests of its own ran and all of them passed. `--check` compares instead and fails on a difference.
 */
import { existsSync, readFileSync } from 'node:fs'
import { resultsFile, type TestResult } from '../tests/reporter.ts'
import { writePart } from './page-part.ts'

interface Claim {
  readonly area: string
  readonly what: string
  /** Tests whose full name (file > suite > test) begins with one of these show the claim. */
  readonly tests: readonly string[]
}

const claims: readonly Claim[] = [
  {
    area: 'Models',
    what: 'Phi-3-mini 4k and 128k, Phi-3.5-mini, Phi-3-small, Phi-3-medium 4k and 128k, Phi-3.5-MoE, Phi-3-vision, Phi-3.5-vision, Phi-4, Phi-4-mini: read and sized',
    tests: ['tests/published-models.test.ts'],
  },
  {
    area: '',
    what: 'above 4 GiB: over several wasm memories, with the bits of one',
    tests: ['src/engine/memories.test.ts', 'src/backends/wasm/placement.test.ts'],
  },
  { area: '', what: 'numbers of the reference implementation on tiny models', tests: ['tests/goldens.test.ts'] },
  {
    area: '',
    what: 'block-sparse attention that skips what a head does not see, experts that are only read when chosen: masks and routes of the reference implementations, tiny models in f32 and in 4 bits',
    tests: ['tests/sparse-models.test.ts'],
  },
  {
    area: '',
    what: 'pictures: tiles and scaling of the published processor to the byte, tower and decoder of Phi-3-vision, PNG, JPEG, WebP and GIF',
    tests: ['tests/vision-goldens.test.ts', 'src/vision/'],
  },
  {
    area: '',
    what: 'mixtures of experts larger than memory: experts read from the file when they are chosen, with the bits of all in memory',
    tests: ['tests/streamed-experts.test.ts', 'src/backends/wasm/expert-cache.test.ts'],
  },
  { area: '', what: 'LongRoPE with the published tables, at the border and beyond', tests: ['tests/longrope.test.ts'] },
  {
    area: '',
    what: 'of another family: GPT-NeoX and Pythia, in one file, as the guide adds them',
    tests: ['tests/gpt-neox.test.ts'],
  },
  { area: 'Weights', what: 'safetensors, single and sharded: F32, F16, BF16', tests: ['src/formats/safetensors'] },
  {
    area: '',
    what: '4 and 8 bits in groups of 32, 64, 128',
    tests: ['src/blocks/packed', 'src/formats/packed-checkpoint'],
  },
  {
    area: '',
    what: 'GGUF: F32, F16, BF16, Q4_0 to Q8_0 and Q2_K to Q6_K, with the values of the file; vocabulary and template from it',
    tests: ['src/engine/load-gguf', 'src/formats/gguf', 'src/blocks/ggml', 'src/text/tokenizer-gguf'],
  },
  { area: '', what: 'from the Hugging Face hub: resumed, verified, safe to kill', tests: ['src/hub/', 'tests/pull'] },
  { area: '', what: 'hostile files: refused with a reason, 10,000 mutants in the tests', tests: ['tests/fuzz/'] },
  { area: 'Text', what: 'tokenizer.json: SentencePiece-style and byte-level BPE', tests: ['src/text/tokenizer-json'] },
  { area: '', what: 'tiktoken files: cl100k and the 200k vocabulary', tests: ['src/text/tiktoken'] },
  {
    area: '',
    what: 'typed chat templates of the family; any other by Jinja',
    tests: ['src/text/templates', 'src/text/jinja'],
  },
  {
    area: 'Backends',
    what: 'wasm: every operation against the oracle, in both builds',
    tests: ['src/backends/wasm/operations.test.ts', 'src/backends/wasm/backend.test.ts'],
  },
  { area: '', what: 'wasm: kernels broken on purpose fail these tests', tests: ['tests/broken-kernels.test.ts'] },
  {
    area: '',
    what: 'WebGPU (on SwiftShader): every operation against the oracle, whole models and a step of training, in Node and Chromium',
    tests: ['src/backends/webgpu/', 'tests/webgpu/'],
  },
  { area: '', what: 'derivatives against finite differences', tests: ['src/backends/ref/derivatives.test.ts'] },
  { area: '', what: 'browser: threads, and one thread without isolation', tests: ['tests/browser.test.ts'] },
  {
    area: 'Generation',
    what: 'streaming, sampling, stop strings, prefix reuse, abort, full context',
    tests: ['tests/library.test.ts', 'src/engine/'],
  },
  { area: '', what: 'keys and values in f32, f16, 8 and 4 bits', tests: ['src/backends/wasm/paged', 'src/blocks/kv'] },
  {
    area: '',
    what: 'what was computed of a text saved to a file and reopened; torn and foreign files refused',
    tests: ['src/engine/cache-file.test.ts', 'tests/saved-cache.test.ts'],
  },
  {
    area: '',
    what: 'guessed tokens (prompt lookup, draft model) that change no answer, on 100 prompts to the bit',
    tests: ['src/engine/speculation.test.ts'],
  },
  {
    area: '',
    what: 'answers in a format: JSON, JSON by a schema, a regular expression, calls of functions; random schemas and texts against an independent validator',
    tests: ['src/grammar/', 'src/engine/format', 'tests/format-command'],
  },
  {
    area: '',
    what: "OpenAI's chat completions with functions, completions and embeddings over HTTP, asked by the official client: streams, logprobs, aborts, drain",
    tests: ['src/server/', 'tests/serve'],
  },
  {
    area: '',
    what: 'answers from sources: an index of files brought up to date (words, and vectors of a model), or a search engine; the sources named, none of them a control token; 82 pages that try to steer answers',
    tests: ['src/search/', 'tests/search-command', 'tests/injections', 'src/endpoint/embeddings'],
  },
  {
    area: 'Data',
    what: 'WARC, HTML, JSON Lines, Parquet and text to filtered, deduplicated, packed shards; damage skipped record by record, the same bytes after kills',
    tests: ['src/data/pipeline/', 'src/data/shards/', 'src/jobs/'],
  },
  {
    area: 'Training',
    what: 'AdamW, recomputation, same bits with any threads',
    tests: ['src/train/', 'tests/training'],
  },
  {
    area: '',
    what: 'SFT and DPO from files, LoRA and QLoRA in the layout of PEFT: losses and gradients of the reference implementation, finite differences, kills',
    tests: ['tests/training-files', 'tests/training-adapters', 'tests/training-goldens'],
  },
  {
    area: '',
    what: 'one file from data to a 4-bit model: killed at any stage, changed, damaged',
    tests: ['src/make/', 'tests/make-command'],
  },
  {
    area: '',
    what: "exported for PyTorch: the batches of a run here, accelerate's configuration by schema",
    tests: ['src/train/export/', 'tests/export-command'],
  },
  {
    area: 'Measuring',
    what: '26 text benchmarks of the report by the rules of lm-evaluation-harness, MT-Bench by a judge, RULER, nine with pictures; resumable, on models here and on servers, rows from JSON Lines, Parquet or the hub',
    tests: ['src/eval/', 'tests/eval-command'],
  },
  {
    area: '',
    what: 'programs that models wrote (HumanEval, MBPP), run where they reach no file, network, process or variable of the machine: each attack refused or stopped',
    tests: ['src/sandbox/', 'src/eval/tasks/code', 'src/eval/benchmarks/programs'],
  },
  {
    area: '',
    what: 'harm, jailbreaks, ungroundedness and over-refusal, by rules or a judge; rounds of finding, curating, training and measuring again on what was held out, killed and resumed',
    tests: ['src/safety/', 'tests/safety-command'],
  },
  {
    area: 'In a page',
    what: 'the engine behind a port, in a worker',
    tests: ['src/worker/'],
  },
  {
    area: '',
    what: 'the chat page: offline, installable, downloads that resume, nothing leaves it; without accessibility violations',
    tests: ['tests/web/'],
  },
  {
    area: '',
    what: 'documents kept in the browser, looked up offline, and named below the answer',
    tests: ['tests/web/documents'],
  },
  {
    area: '',
    what: 'the documentation as a site: no link leads nowhere, every public name, a playground that works offline; without accessibility violations on the tested pages',
    tests: ['tests/site'],
  },
  {
    area: '',
    what: "OpenAI's interface for all pages of an origin, through its service worker, asked by the official client",
    tests: ['tests/page-server'],
  },
  {
    area: '',
    what: "a client in the shape of OpenAI, examples with and without a bundler, training on one's own lines",
    tests: ['src/openai/', 'src/tune/', 'tests/examples'],
  },
]

const missing = 'Not built yet, and refused by name: GGUF files of Phi-3-small, Phi-3.5-MoE and Phi-3-vision.'

function row({ area, what, tests }: Claim, results: readonly TestResult[]): string {
  const own = results.filter(({ name }) => tests.some((prefix) => name.startsWith(prefix)))
  const failed = own.filter(({ state }) => state !== 'passed')
  if (own.length === 0) throw new Error(`No test ran for "${what}". Run the whole of npm test first.`)
  if (failed.length > 0) throw new Error(`"${what}" is not shown: ${failed.map(({ name }) => name).join('; ')}`)
  return `| ${area} | ${what} | ${tests.map((prefix) => `\`${prefix}\``).join(', ')} |`
}

if (!existsSync(resultsFile)) throw new Error('There are no test results yet: run npm test first.')
const results = JSON.parse(readFileSync(resultsFile, 'utf8')) as TestResult[]
const table = ['| | what | tests that show it |', '|---|---|---|', ...claims.map((claim) => row(claim, results))].join(
  '\n',
)
writePart('README.md', 'capabilities', `${table}\n\n${missing}`, 'npm test and npm run capabilities')
