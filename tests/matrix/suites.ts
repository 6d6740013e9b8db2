/** The suites of the matrix: those whose results rest on the kernels. */

const kernels = [
  ...['attention', 'elementwise', 'ggml', 'loss', 'matmul', 'norm', 'operations', 'optimizer', 'packed', 'paged'],
  ...['repack', 'rope'],
]
const onDevices = ['backend', 'device', 'profiler', 'training']
const ofEngine = [
  'batch',
  'cache-file',
  'candidates',
  'embed',
  'load',
  'load-gguf',
  'long-context',
  'pictures',
  'scheduler',
  'speculation',
]
const ofQuant = ['calibrate', 'staged-loss', 'stages', 'tiles']
const whole = [
  ...['goldens', 'library', 'longrope', 'sparse-models', 'training-goldens', 'training-pictures'],
  'vision-goldens',
]

/** Suites by what they do not go through themselves. Those of lowering, layout and plans run no kernel that differs. */
export const suites = {
  /** They play all threads in both builds. */
  kernels: kernels.map((name) => `src/backends/wasm/${name}.test.ts`),
  /** They choose their threads themselves. */
  threads: [
    ...onDevices.map((name) => `src/backends/wasm/${name}.test.ts`),
    ...['src/engine/memories.test.ts', 'src/train/step/programs.test.ts'],
    ...['tests/streamed-experts.test.ts', 'tests/training-threads.test.ts'],
  ],
  all: [
    ...ofEngine.map((name) => `src/engine/${name}.test.ts`),
    ...ofQuant.map((name) => `src/quant/${name}.test.ts`),
    ...['packing', 'pictures'].map((name) => `src/train/step/${name}.test.ts`),
    ...whole.map((name) => `tests/${name}.test.ts`),
  ],
}

/** Suites that open a backend or a model without being in the matrix, and why. */
export const exceptions: Readonly<Record<string, string>> = {
  'src/backends/wasm/layout.test.ts': 'compares plans',
  'src/backends/wasm/pool.test.ts': 'is about workers that fail',
  'src/cli/chat-commands.test.ts': 'is about commands',
  'src/cli/open-model.test.ts': 'is about options',
  'src/cli/pictures.test.ts': 'is about what a picture costs',
  'src/cli/wide-test.test.ts': 'chooses its kernels: it is the test of wide vectors',
  'src/engine/context-full.test.ts': 'is about errors',
  'src/engine/find-model.test.ts': 'is about names',
  'src/engine/format.test.ts': 'is about what is drawn, not about what is computed',
  'src/cli/memory-check.test.ts': 'compares plans',
  'src/engine/overlap.test.ts': 'is about when a pass begins, on a device that wasm is not',
  'src/engine/run-ahead.test.ts': 'is about a device that wasm is not',
  'src/engine/select-backend.gpu.test.ts': 'chooses its backend',
  'src/eval/benchmarks/local-subject.test.ts': 'runs on ref',
  'src/longrope/extend.test.ts': 'training and losses, of which training-threads and goldens have the kernels',
  'src/longrope/perplexity.test.ts': 'training and losses, likewise',
  'src/longrope/search.test.ts': 'training and losses, likewise',
  'src/openai/logprobs.test.ts': 'is about requests',
  'src/openai/openai.test.ts': 'is about requests',
  'src/openai/tools.test.ts': 'is about requests',
  'src/quant/init.test.ts': 'is about files',
  'src/server/node/listen.test.ts': 'is about requests',
  'src/tune/tune.test.ts': 'training, likewise',
  'src/worker/worker.test.ts': 'compares the engine with itself',
  'tests/browser.test.ts': 'a page chooses its build',
  'tests/data-endpoint.test.ts': 'is about requests',
  'tests/examples.test.ts': 'a page chooses its build',
  'tests/page-server.test.ts': 'a page chooses its build',
  'tests/published-models.test.ts': 'compares plans',
  'tests/search-command.test.ts': 'is about commands',
  'tests/site.test.ts': 'a page chooses its build',
  'tests/training-adapters.test.ts': 'training, likewise',
  'tests/training-files.test.ts': 'training, likewise',
  'tests/training-recipes.test.ts': 'is about recipes',
  'tests/training-run.test.ts': 'training, likewise',
  'tests/web/pictures.test.ts': 'a page chooses its build',
  'tests/webgpu/models.gpu.test.ts': 'runs on webgpu',
}
