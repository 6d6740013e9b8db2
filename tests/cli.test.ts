/** The command `phi` as a person or a program calls it: child processes, on a model that is trained here. */
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Execution } from '../src/backends/backend.ts'
import type { AnswerProfile } from '../src/cli/profile.ts'
import { bench, expectWhole, weights as weightsOfHub } from '../src/hub/cache/pull-harness.ts'

const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))

const recipe = `
name: toy
description: A model of some thousand weights.
seed: 1
model:
  model_type: phi3
  vocab_size: 512
  hidden_size: 64
  intermediate_size: 96
  num_hidden_layers: 1
  num_attention_heads: 2
  num_key_value_heads: 1
  max_position_embeddings: 1024
  tie_word_embeddings: true
  bos_token_id: 1
  eos_token_id: [501, 508]
tokenizer:
  train: { vocabulary: 512, examples: 300 }
data:
  - { source: world-documents, weight: 1, seed: 1 }
  - { source: world-conversations, weight: 1, seed: 2 }
batch: { rows: 256, context: 256 }
optimizer: { clip: 1 }
schedule: { peak: 0.02, warmupSteps: 1, steps: 12, decay: constant }
checkpoint: { everySteps: 5 }
evaluation: { everySteps: 6, batches: 1, seed: 99 }
`

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

interface CallOptions {
  readonly input?: string
  /** Sends SIGINT as soon as this is on standard output. */
  readonly interruptAt?: string
  readonly nodeArguments?: readonly string[]
}

/** No cache of the person who runs the tests, and no hub but one of the test's own. */
function environmentOf(cache = join(folder, 'hub'), endpoint = 'http://127.0.0.1:9'): NodeJS.ProcessEnv {
  return { ...process.env, HF_HUB_CACHE: cache, HF_ENDPOINT: endpoint, HF_HUB_OFFLINE: '', HF_TOKEN: '' }
}

let folder = ''
let trained: Ended | undefined

async function phi(args: readonly string[], options: CallOptions = {}): Promise<Ended> {
  const command = [...(options.nodeArguments ?? []), main, ...args]
  const child = spawn(process.execPath, command, { cwd: folder, env: environmentOf() })
  child.stdin.on('error', () => {})
  child.stdin.end(options.input ?? '')
  return await endOf(child, options.interruptAt)
}

/** Collects what a process prints until it ends. */
async function endOf(child: ChildProcessWithoutNullStreams, interruptAt?: string): Promise<Ended> {
  const output = { out: '', err: '' }
  let isInterrupted = false
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.out += text
    if (isInterrupted || interruptAt === undefined || !output.out.includes(interruptAt)) return
    isInterrupted = true
    child.kill('SIGINT')
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.err += text))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  return { code, ...output }
}

/** The lines of JSON on standard output of a command that must succeed. */
async function json(args: readonly string[], options: CallOptions = {}): Promise<Record<string, unknown>[]> {
  const { code, out, err } = await phi([...args, '--json'], options)
  expect(err).toBe('')
  expect(code).toBe(0)
  return out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

/** The same of a command that prints one object. */
async function oneJson(args: readonly string[], options: CallOptions = {}): Promise<Record<string, unknown>> {
  const [first = {}, ...others] = await json(args, options)
  expect(others).toEqual([])
  return first
}

const model = 'runs/toy/final'
const oneThread = ['--threads', '1']

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'phi-cli-'))
  await writeFile(join(folder, 'toy.yaml'), recipe)
  trained = await phi(['train', 'toy.yaml', ...oneThread])
  // Answers never end of themselves, so that they are as long as they may be; nor are they one token again and again, which may
  // be a space.
  await writeFile(join(folder, model, 'generation_config.json'), '{ "eos_token_id": [0], "repetition_penalty": 2 }')
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

describe('phi train', () => {
  const again = ['train', 'toy.yaml', '--folder', 'runs/again', ...oneThread]

  test('says how it goes, and where the model is', () => {
    expect(trained?.err).toMatch(/^step 6 of 12 {2}loss \d\.\d{4} {2}held out \d\.\d{4} /m)
    expect(trained?.err).toMatch(/^step 12 of 12 .* 0\.0 s left\n$/m)
    expect(trained?.out).toBe(`The model is in ${model}. Try it: phi chat ${model}\n`)
    expect(trained?.code).toBe(0)
  })

  test('a run that Ctrl-C stops is saved, is not overwritten, and resumed ends in the same bits', async () => {
    const stopped = await phi([...again, '--json'], { interruptAt: '"step":1,' })
    const steps = stopped.out.trimEnd().split('\n').length
    expect(stopped.code).toBe(130)
    expect(stopped.err).toContain('The training was stopped and saved in runs/again/checkpoints/step-00000')
    expect(stopped.err).toContain('phi train toy.yaml --folder runs/again --resume')
    expect(steps).toBeLessThan(12)

    const refused = await phi(again)
    expect(refused).toMatchObject({ code: 1, out: '' })
    expect(refused.err).toContain('holds a run already')

    const rest = await json([...again, '--resume'])
    expect(rest.map(({ step }) => step)).toEqual([
      ...Array.from({ length: 12 - steps }, (_, i) => steps + 1 + i),
      undefined,
    ])
    expect(rest.at(-1)).toEqual({ done: true, model: 'runs/again/final' })
    const weights = (run: string): Promise<Buffer> => readFile(join(folder, 'runs', run, 'final', 'model.safetensors'))
    expect((await weights('again')).equals(await weights('toy'))).toBe(true)
  })
})

describe('phi chat through a pipe', () => {
  test('each line gets one line, a fresh conversation each; a command is refused and not obeyed', async () => {
    const { code, out, err } = await phi(['chat', model, '--max-tokens', '8'], {
      input: 'What is 3 + 4?\n\n/save taken.json\n/usr is a folder\n /exit',
    })
    const lines = out.split('\n')
    expect(code).toBe(1)
    expect(lines.map((line) => line !== '')).toEqual([true, false, false, true, true, false])
    expect(err).toMatch(/^error: \/save is a command, and commands are for a terminal\.\n {2}remedy .*\n$/)
    await expect(readFile(join(folder, 'taken.json'))).rejects.toThrow('ENOENT')
  })

  test('--conversation joins the lines and drops the oldest turns when the context is full', async () => {
    const lines = Array.from({ length: 6 }, () => 'one two three four five six')
    const args = ['chat', model, ...oneThread, '--conversation', '--context', '128', '--max-tokens', '20']
    const answers = await json(args, { input: lines.join('\n') })
    const counts = answers.map(({ usage }) => (usage as { promptTokens: number }).promptTokens)
    expect(counts[1]).toBeGreaterThan(counts[0] as number)
    expect(Math.max(...counts)).toBeLessThanOrEqual(108)
    expect(answers.map(({ dropped }) => dropped)).toContain(2)
    expect((await phi(args, { input: lines.join('\n') })).err).toMatch(/^(\(the oldest .* not fit the context.*\)\n)+$/)
  })

  test('a line longer than the context is reported, the others are answered, and the exit code says so', async () => {
    const input = `${'long '.repeat(200)}\nHello\n`
    const args = [model, ...oneThread, '--context', '64']
    const { code, out, err } = await phi(['chat', ...args, '--max-tokens', '4'], { input })
    expect(code).toBe(1)
    expect(err).toContain('error: The message does not fit the context.')
    expect(err).toMatch(/^ {2}found {5}\d+$/m)
    const told = await phi(['run', ...args, '--system', 'Hi', 'long '.repeat(200)])
    expect(told.err).toMatch(/^ {2}found {5}\d+, with the system message$/m)
    expect(out).toMatch(/^\n\S.*\n$/)
  })
})

describe('phi run', () => {
  test('guesses with a draft model, and answers the same', async () => {
    // The draft model knows no penalty, so that with one it would be wrong.
    const chosen = ['--temperature', '0', '--repetition-penalty', '1', '--max-tokens', '9']
    const args = ['run', model, ...oneThread, 'A fox', '--raw', ...chosen]
    const plain = await oneJson([...args, '--no-speculate'])
    const guessed = await oneJson([...args, '--draft', model])
    expect(guessed['ids']).toEqual(plain['ids'])
    expect(plain['usage']).toMatchObject({ guessedTokens: 0 })
    const { guessedTokens, acceptedTokens } = guessed['usage'] as Record<string, number>
    expect(guessedTokens).toBeGreaterThan(0)
    expect(acceptedTokens).toBe(guessedTokens)
  })

  test('answers standard input as JSON, with usage, log-probabilities and the seed that repeats it', async () => {
    const args = ['run', model, ...oneThread, '--temperature', '1', '--max-tokens', '6', '--logprobs', '2']
    const first = await oneJson(args, { input: 'Hello\n' })
    const memory = { plannedBytes: expect.any(Number), peakBytes: expect.any(Number) }
    expect(first).toMatchObject({ backend: 'wasm', usage: { promptTokens: expect.any(Number) }, memory })
    const logprobs = first['logprobs'] as { id: number; logprob: number; top: { logprob: number }[] }[]
    expect(logprobs.map(({ id }) => id)).toEqual(first['ids'])
    expect(
      logprobs.every(({ logprob, top }) => logprob < 0 && top.length === 2 && logprob <= (top[0]?.logprob ?? -1)),
    ).toBe(true)
    const repeated = await oneJson([...args, 'Hello', '--seed', String(first['seed'])])
    expect(repeated['text']).toBe(first['text'])
  })

  test('--profile tells where the time went, by program', async () => {
    const args = ['run', model, '--threads', '2', 'Hello', '--max-tokens', '4', '--no-speculate', '--profile']
    const { code, out, err } = await phi(args)
    expect(code).toBe(0)
    expect(out).toMatch(/\S.*\n$/)
    expect(err).toMatch(/^\nforward\.\d+ .*calls +us per call +ms +share$/m)
    const lines = /^forward\.1 .*\n─.*\n((?:\w.*\n)*)/m.exec(err)?.[1]?.split('\n') ?? []
    // Three tokens come after the first; the output layer is one of the six matrices.
    expect(lines).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^matmul +15 /),
        expect.stringMatching(/^barriers +\d+ /),
        expect.stringMatching(/^dispatch +3 /),
        expect.stringMatching(/^total .* 100\.0 %$/),
      ]),
    )

    const { profile } = (await oneJson(args)) as { profile: AnswerProfile }
    const ms = (entries: readonly { milliseconds: number }[]) =>
      entries.reduce((sum, each) => sum + each.milliseconds, 0)
    expect(ms(profile.programs) + profile.outsideMilliseconds).toBeCloseTo(profile.milliseconds, 6)
    for (const { kernels, barriers, dispatch, milliseconds } of profile.programs) {
      expect(ms([...kernels, barriers, dispatch])).toBeCloseTo(milliseconds, 6)
    }
    const refused = await phi([...args, '--backend', 'ref'])
    expect(refused).toMatchObject({ code: 2, out: '' })
  })

  test('--raw continues the text itself', async () => {
    const { code, out } = await phi(['run', model, 'A fox', '--raw', '--max-tokens', '5', '--threads', '0'])
    expect(code).toBe(0)
    expect(out).toMatch(/\S.*\n$/)
  })

  test('says why it takes wasm, and refuses what only a GPU has', async () => {
    const args = ['run', model, 'A fox', '--raw', '--max-tokens', '1']
    const reason = async (...options: string[]): Promise<string | undefined> =>
      ((await oneJson([...args, ...options])) as { execution: Execution }).execution.chosen
    expect(await reason()).toBe('wasm: POCKET_PHI_GPU is off')
    expect(await reason('--threads', '0')).toBe('wasm: a number of threads was asked for, which only wasm has')
    expect(await reason('--threads', '0', '--backend', 'wasm')).toBeUndefined()
    const { code, err } = await phi([...args, '--backend', 'wasm', '--gpu-arithmetic', 'f16'])
    expect(code).toBe(1)
    expect(err).toContain('The backend "wasm" does not compute in f16.')
  })

  test('says that the model is missing where the only argument is a prompt', async () => {
    const { code, err } = await phi(['run', 'What is a fox?'])
    expect(code).toBe(2)
    expect(err).toContain('The model is missing')
    expect(err).toContain('phi run phi-nano "What is a fox?"')
  })

  test('refuses a context that the memory does not hold, with the plan and the largest one', async () => {
    const [{ total } = { total: 0 }] = (await oneJson(['info', model, '--context', '128', ...oneThread]))['memory'] as {
      total: number
    }[]
    const memory = ['--memory', String(total), ...oneThread]
    const { code, out, err } = await phi(['run', model, 'Hello', '--context', '1024', ...memory])
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(/^error: The model with a context of 1024 tokens does not fit into memory\.$/m)
    for (const part of ['weights', 'cache', 'work', 'total'])
      expect(err).toMatch(new RegExp(`${part} +\\d.* [kM]B$`, 'm'))
    expect(err).toMatch(
      /remedy {4}The largest context for which there is room is 128 tokens; ask for it with --context 128\.$/m,
    )
    const fitting = await phi(['run', model, 'Hello', '--context', '128', '--max-tokens', '2', ...memory])
    expect(fitting).toMatchObject({ code: 0, err: '' })

    const told = await phi(['info', model, '--context', '1024', ...memory])
    expect(told.out).toMatch(/^ +1024 .* 1 {2}no$/m)
    expect(told.out).toContain('The largest context for which there is room is 128 tokens.')
  })
})

test('quantised to 4 and 8 bits, the model is smaller, keeps its files and answers', async () => {
  await writeFile(join(folder, 'text.txt'), 'The fox is an animal. It lives in the forest. '.repeat(20))
  const args = ['quantize', model, 'small', '--eight-bits', 'embed', '--text', 'text.txt', ...oneThread]
  const report = await oneJson(args)
  const tensors = report['tensors'] as { name: string; dtype: string; relativeError: number }[]
  const { before, after } = report['bytes'] as { before: number; after: number }
  const loss = report['loss'] as Record<'before' | 'after', { loss: number; tokens: number }>
  expect(tensors.map(({ dtype }) => dtype)).toEqual(['q8g32', 'q4g32', 'q4g32', 'q4g32', 'q4g32'])
  for (const { dtype, relativeError } of tensors) expect(relativeError).toBeLessThan(dtype === 'q8g32' ? 0.01 : 0.15)
  expect(after).toBeLessThan(0.6 * before)
  expect(loss.after.tokens).toBe(loss.before.tokens)
  expect(Math.abs(loss.after.loss - loss.before.loss)).toBeLessThan(0.2)

  const sideBySide = await json(['eval-loss', model, 'small', '--tokens', '2000', ...oneThread])
  expect(sideBySide.map(({ formats }) => formats)).toEqual(['bf16', 'q8g32 q4g32 f32'])
  expect(sideBySide.map(({ tokens }) => Number(tokens) >= 2000)).toEqual([true, true])
  const [dense = 0, packed = 0] = sideBySide.map((row) => Number(row['loss']))
  expect(Math.abs(packed - dense)).toBeLessThan(0.2)

  const answer = await phi(['run', 'small', 'Hello', '--max-tokens', '4', ...oneThread])
  expect(answer).toMatchObject({ code: 0, out: expect.stringMatching(/\S.*\n$/) })
})

test('wide vectors change no bit of an answer', async () => {
  const args = ['run', 'small', 'Hello', '--max-tokens', '6', '--logprobs', '2', ...oneThread]
  const { text, ids, logprobs } = await oneJson([...args, '--no-wide'])
  expect(await oneJson([...args, '--wide'])).toMatchObject({ text, ids, logprobs })
})

describe('phi tokenize', () => {
  const text = 'A fox, 3 + 4 and <|end|>\nnew line, tab\tand ü.'

  test('ids turn back into the text', async () => {
    const tokens = await oneJson(['tokenize', model], { input: text })
    const ids = tokens['ids'] as number[]
    expect(ids).not.toContain(508)
    const decoded = await phi(['tokenize', model, '--decode', ...ids.map(String)])
    expect(decoded).toEqual({ code: 0, out: `${text}\n`, err: '' })
  })

  test('a conversation becomes the prompt', async () => {
    const prompt = await oneJson(['tokenize', model, '--chat', '-'], {
      input: '[{"role": "user", "content": "<|end|>"}]',
    })
    expect(prompt['text']).toBe('<|user|>\n<|end|><|end|>\n<|assistant|>\n')
    const ids = prompt['ids'] as number[]
    expect(ids.filter((id) => id === 508)).toHaveLength(1)
  })

  test('a conversation that ends with an answer is not answered again', async () => {
    const input = '[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]'
    const { text: rendered } = await oneJson(['tokenize', model, '--chat', '-'], { input })
    expect(rendered).toMatch(/^<\|user\|>\nHi<\|end\|>\n<\|assistant\|>\nHello<\|end\|>/)
    expect(String(rendered).match(/<\|assistant\|>/g)).toHaveLength(1)
  })
})

test('phi info knows the model without loading it', async () => {
  const facts = await oneJson(['info', model, '--context', '256'])
  expect(facts).toMatchObject({
    architecture: 'phi3',
    parameters: 512 * 64 + 128 * 64 + 64 * 64 + 192 * 64 + 64 * 96 + 3 * 64,
    dtypes: [{ dtype: 'bf16', tensors: 8 }],
    shape: { layers: 1, vocabulary: 512, maxPositions: 1024 },
    text: { tokens: 512, special: { '<|end|>': 508 } },
  })
  const [{ states, total } = { states: 0, total: 0 }] = facts['memory'] as { states: number; total: number }[]
  // Keys and values of 4 pages of 64 tokens and a spare one, each a head of 32 halves.
  expect(states).toBeGreaterThanOrEqual(2 * 5 * 64 * 32 * 2)
  expect(total).toBeGreaterThan(states)
  expect(facts).toMatchObject({
    cacheBytesPerToken: 2 * 32 * 2,
    machine: { largestContext: 1024, total: expect.any(Number), available: expect.any(Number) },
  })
})

test('phi info looks into a file of weights, with a model beside it or alone', async () => {
  const weights = join(folder, model, 'model.safetensors')
  await writeFile(join(folder, 'alone.safetensors'), await readFile(weights))
  const alone = await oneJson(['info', 'alone.safetensors'])
  const [share] = alone['dtypes'] as { bytes: number; elements: number }[]
  expect(share?.bytes).toBe(2 * (share?.elements ?? 0))
  expect(alone).not.toHaveProperty('memory')
  const { out, code } = await phi(['info', join(model, 'model.safetensors'), '--context', '128'])
  expect(code).toBe(0)
  expect(out).toMatch(/^format +tensors +parameters +bytes\n.*\nbf16 +8 /m)
  expect(out).toContain('\nThe cache takes 128 B for each token of the context.\n')
  expect(out).toContain('\nThere is room for the longest context, 1024 tokens.\n')
})

test('a GGUF file is a model for all commands but quantize', async () => {
  const made = await phi(['init', model, 'toy.gguf', '--format', 'gguf', '--type', 'q8_0', '--tokenizer', model])
  expect(made.code).toBe(0)
  const facts = await oneJson(['info', 'toy.gguf', '--context', '128'])
  expect(facts).toMatchObject({
    architecture: 'phi3',
    dtypes: [
      { dtype: 'Q8_0', tensors: 5 },
      { dtype: 'f32', tensors: 3 },
    ],
    shape: { layers: 1, vocabulary: 512 },
    text: { tokens: 512, special: { '<|end|>': 508 } },
    memory: [{ context: 128 }],
  })
  const text = 'A fox is an animal.'
  const { ids } = await oneJson(['tokenize', model, text])
  expect(await oneJson(['tokenize', 'toy.gguf', text])).toMatchObject({ ids })
  const run = await oneJson(['run', 'toy.gguf', text, '--raw', '--max-tokens', '3', ...oneThread])
  expect(run).toMatchObject({ model: 'toy.gguf', usage: { generatedTokens: 3 } })
  const [reply] = await json(['chat', 'toy.gguf', '--max-tokens', '3', ...oneThread], { input: 'Hello\n' })
  expect(reply).toMatchObject({ usage: { generatedTokens: 3 } })
  expect(await phi(['init', model, 'as-toy', '--tokenizer', model])).toMatchObject({ code: 0 })
  const losses = await json(['eval-loss', 'toy.gguf', 'as-toy', '--tokens', '500', ...oneThread])
  expect(losses).toMatchObject([{ model: 'toy.gguf', formats: 'Q8_0 f32' }, { formats: 'bf16' }])
  expect(losses[0]?.['loss']).toBeCloseTo(Number(losses[1]?.['loss']), 2)
  const world = await json(['eval-world', 'toy.gguf', '--arithmetic', '1', '--max-tokens', '2', ...oneThread])
  expect(world.at(-1)).toMatchObject({ model: 'toy.gguf' })
  const refused = await phi(['quantize', 'toy.gguf', 'smaller'])
  expect(refused.code).toBe(1)
  expect(refused.err).toContain('"toy.gguf" is a GGUF model.')
})

test('phi eval-world scores drawn arithmetic and prints transcripts', async () => {
  const options = ['--arithmetic', '3', '--seed', '7', '--max-tokens', '4', '--parallel', '2', '--transcripts', '1']
  const { code, out } = await phi(['eval-world', model, ...options, ...oneThread])
  expect(code).toBe(0)
  expect(out).toContain('| drawn arithmetic | 0 / 3 | 0.0 % |')
  expect(out.match(/^user: .+/gm)).toHaveLength(1)
  expect(out.match(/^model: /gm)).toHaveLength(1)
})

describe('a model of the hub', () => {
  const commit = '0123456789abcdef0123456789abcdef01234567'

  beforeAll(async () => {
    const repository = join(folder, 'hub', 'models--org--toy')
    await cp(join(folder, model), join(repository, 'snapshots', commit), { recursive: true })
    await mkdir(join(repository, 'refs'))
    await writeFile(join(repository, 'refs', 'main'), commit)
  })

  test('that is in the cache is a model for every command, by its name', async () => {
    const text = 'A fox is an animal.'
    const { ids } = await oneJson(['tokenize', model, text])
    expect(await oneJson(['tokenize', 'org/toy', text])).toMatchObject({ ids })
    expect(await oneJson(['info', 'org/toy@main', '--context', '128'])).toMatchObject({ model: 'org/toy@main' })
    const run = await oneJson(['run', `org/toy@${commit}`, text, '--raw', '--max-tokens', '3', ...oneThread])
    expect(run).toMatchObject({ model: `org/toy@${commit}`, usage: { generatedTokens: 3 } })
    const [reply] = await json(['chat', 'org/toy', '--max-tokens', '3', ...oneThread], { input: 'Hello\n' })
    expect(reply).toMatchObject({ model: 'org/toy' })
    expect(await oneJson(['quantize', 'org/toy', 'toy-of-the-hub'])).toMatchObject({ model: 'toy-of-the-hub' })
    const losses = await json(['eval-loss', 'org/toy', 'toy-of-the-hub', '--tokens', '500', ...oneThread])
    expect(losses.map((row) => row['model'])).toEqual(['org/toy', 'toy-of-the-hub'])
    const asked = ['--arithmetic', '1', '--max-tokens', '2', ...oneThread]
    expect((await json(['eval-world', 'org/toy', ...asked])).at(-1)).toMatchObject({ model: 'org/toy' })
    const verified = await phi(['verify', 'org/toy'])
    expect(verified.err).toContain('There are no published outputs for this model.')
    expect(verified.err).toContain('that of org/toy')
  })

  test.each([
    ['phi-3-mini', 'microsoft/Phi-3-mini-4k-instruct'],
    ['org/other:Q4_K_M', 'org/other:Q4_K_M'],
  ])('%s, which is not there, is not downloaded unasked', async (name, pulled) => {
    const { code, out, err } = await phi(['run', name, 'Hello'])
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(new RegExp(`^  remedy    Download it: phi pull ${pulled}$`, 'm'))
  })
})

/** Plays a person: `steps` are pairs of what to wait for (a Python pattern) and what to type then. */
const person = `
import fcntl, json, os, pty, re, select, struct, sys, termios, time
steps, command = json.loads(sys.argv[1]), sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 50, 160, 0, 0))
    os.execvp(command[0], command)
seen = b''
def read():
    global seen
    ready, _, _ = select.select([terminal], [], [], 0.2)
    if not ready:
        return True
    try:
        data = os.read(terminal, 4096)
    except OSError:
        return False
    seen += data
    return data != b''
start = 0
deadline = time.time() + 120
for pattern, keys in steps:
    match = None
    while match is None and time.time() < deadline:
        match = re.search(pattern.encode(), seen[start:])
        if match is None and not read():
            break
    if match is None:
        sys.stderr.write('never seen: ' + pattern + '\\n' + repr(seen))
        sys.exit(99)
    start += match.end()
    os.write(terminal, keys.encode())
while read() and time.time() < deadline:
    pass
sys.stdout.write(seen.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
`

const hasTerminals =
  spawnSync('python3', ['-c', 'import pty; pty.openpty(); import os; os.waitstatus_to_exitcode']).status === 0

/** Runs a command at a terminal; its output is all that the terminal showed. */
async function play(
  steps: readonly (readonly [string, string])[],
  args: readonly string[],
  env = environmentOf(),
): Promise<Ended> {
  const command = [process.execPath, main, ...args]
  return await endOf(spawn('python3', ['-c', person, JSON.stringify(steps), ...command], { cwd: folder, env }))
}

describe.skipIf(!hasTerminals)('at a terminal (played by python3)', () => {
  test('the bars of a load and of reading end at 100 %', async () => {
    const { code, out } = await play([], ['run', model, 'Hello', '--max-tokens', '2', ...oneThread])
    expect(code).toBe(0)
    expect(/loading weights [^\r]*100 %[^]*reading the prompt [^\r]*100 %/.test(out)).toBe(true)
  })

  test('a model that would have to be downloaded is asked about, with its size; no is no', async () => {
    await using hub = await bench()
    const env = environmentOf(hub.cache, hub.server.endpoint)
    const question = 'org/model is not on this machine. Download 4 files, 302 kB\\?'
    const { code, out, err } = await play([[question, 'n']], ['run', 'org/model', 'Hello'], env)
    expect({ code, err }).toEqual({ code: 1, err: '' })
    expect(out).toContain('Download it: phi pull org/model')
    expect(hub.server.contentRequests(weightsOfHub)).toEqual([])
  })

  test('it is downloaded after yes', async () => {
    await using hub = await bench()
    const env = environmentOf(hub.cache, hub.server.endpoint)
    const { out, err } = await play([['Download 4 files', 'y']], ['run', 'org/model', 'Hello'], env)
    expect(err).toBe('')
    // What the hub of the test gives is no model, and that is found out when it is there.
    expect(out).toContain('error: ')
    expect(out).not.toContain('phi pull')
    expectWhole(hub)
  })

  test('a prompt that is missing is asked for before anything else', async () => {
    const { code, out } = await play([], ['run', 'org/nothing'])
    expect(code).toBe(2)
    expect(out).toContain('There is no prompt. Try: phi run org/nothing "What is a fox?"')
  })
})

describe.skipIf(!hasTerminals)('phi chat at a terminal (played by python3)', () => {
  test('Ctrl-C stops an answer and not the program; commands and history work; twice Ctrl-C quits', async () => {
    const saved = join(folder, 'chat.json')
    const [enter, interrupt, up] = ['\r', '\u0003', '\u001B[A']
    // The sign of waiting is wiped out, and text follows.
    const firstWords = '\\r\\x1b\\[K[^\\x1b]'
    const steps: [string, string][] = [
      ['> ', `hello${enter}`],
      [firstWords, interrupt],
      ['\\(stopped\\)', ''],
      ['> ', `half a line${interrupt}`],
      ['line', ''],
      ['> ', up + enter],
      [firstWords, interrupt],
      ['\\(stopped\\)[^>]*> ', `/save ${saved}${enter}`],
      ['Saved 4 messages[^>]*> ', `/save ${join(folder, 'nowhere', 'a.md')}${enter}`],
      ['nowhere/a.md" cannot be written: ENOENT: no such file or directory\\.\\r?\\n  remedy[^>]*> ', `/undo${enter}`],
      ['Taken back: hello[^>]*> ', `/nothing${enter}`],
      ['no command /nothing[^>]*> ', interrupt],
      ['again to quit[^>]*> ', interrupt],
    ]
    const ended = await play(steps, ['chat', model, '--backend', 'ref'])
    expect(ended).toMatchObject({ code: 0, err: '' })
    const { messages } = JSON.parse(await readFile(saved, 'utf8')) as { messages: { role: string; content: string }[] }
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant'])
    expect(messages[2]).toEqual({ role: 'user', content: 'hello' })
  })
})

describe('what goes wrong', () => {
  test.each([
    [['run', 'no/such', 'Hello'], 1, 'There is no model "no/such" here.'],
    [['run', model, 'Hello', '--top-p', '2'], 2, 'Expected a number above 0, at most 1.'],
  ])('%j ends with %i and says why', async (args, code, message) => {
    const ended = await phi(args)
    expect(ended.err).toContain(message)
    expect(ended.err).not.toMatch(/^\s+at /m)
    expect(ended).toMatchObject({ code, out: '' })
  })

  test('an older Node is told which one is needed', async () => {
    const pretend = join(folder, 'old.mjs')
    await writeFile(pretend, `Object.defineProperty(process, 'versions', { value: { node: '20.20.2' } })`)
    const ended = await phi(['chat'], { nodeArguments: ['--import', pathToFileURL(pretend).href] })
    expect(ended).toMatchObject({ code: 1, out: '' })
    expect(ended.err).toContain('expected  Node 24 or newer')
  })
})
