/** `phi init` as a person calls it: child processes. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, watch, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const tokenizer = join(root, 'models', 'phi-nano')

const config = {
  model_type: 'phi3',
  vocab_size: 4096,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  max_position_embeddings: 256,
  bos_token_id: 1,
  eos_token_id: 2,
}

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'phi-init-'))
  writeFileSync(join(folder, 'my.json'), JSON.stringify(config))
})

afterEach(() => {
  rmSync(folder, { recursive: true })
})

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs the command; with `interrupt`, Ctrl-C is pressed as soon as anything new is in the folder. */
async function phi(args: readonly string[], interrupt = false): Promise<Ended> {
  const child = spawn(process.execPath, [join(root, 'src/cli/main.ts'), ...args], { cwd: folder })
  // Once: a second Ctrl-C ends at once and cleans nothing.
  const watcher = interrupt ? watch(folder).once('change', () => child.kill('SIGINT')) : undefined
  child.stdin.end()
  const output = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.err += text))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  watcher?.close()
  return { code, ...output }
}

describe('phi init', () => {
  test('makes a model that runs, with the tokenizer of another', async () => {
    const made = await phi(['init', 'my.json', '--bits', '4', '--tokenizer', tokenizer, '--json'])
    expect(made).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(made.out)).toMatchObject({ model: 'my-random-q4g32', seed: 0, files: ['model.safetensors'] })
    expect(readdirSync(join(folder, 'my-random-q4g32'))).toEqual(
      expect.arrayContaining(['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']),
    )
    const answer = await phi(['run', 'my-random-q4g32', 'Hello', '--max-tokens', '3', '--threads', '1', '--json'])
    expect(answer).toMatchObject({ code: 0 })
    expect(JSON.parse(answer.out)).toMatchObject({ usage: { generatedTokens: 3 } })

    const again = await phi(['init', 'my.json', '--bits', '4'])
    expect(again).toMatchObject({ code: 1, out: '' })
    expect(again.err).toContain('--force')
  })

  test('makes a GGUF file with a vocabulary', async () => {
    const made = await phi([
      'init',
      'my.json',
      'my.gguf',
      '--format',
      'gguf',
      '--type',
      'q8_0',
      '--tokenizer',
      tokenizer,
    ])
    expect(made).toMatchObject({ code: 0, err: '' })
    expect(made.out).toMatch(/^weights {2}\d+ thousand, seed 0\nsize {5}\d+ kB in one file\nmodel {4}my\.gguf\n$/)
    expect(readdirSync(folder)).toEqual(['my.gguf', 'my.json'])
  })

  test('leaves nothing after Ctrl-C', async () => {
    const { code, err } = await phi(['init', 'phi-3-mini', 'mini', '--bits', '4', '--group', '128'], true)
    expect(code).toBe(130)
    expect(err).toContain('aborted')
    expect(readdirSync(folder)).toEqual(['my.json'])
  })

  test.each([
    [['my.json', '--group', '64'], '--bits'],
    [['my.json', '--type', 'q8_0'], '--format gguf'],
    [['my.json', '--format', 'gguf', '--bits', '4'], '--type'],
    [['my.json', '--bits', '5'], '4, 8'],
  ])('says what does not go together: %j', async (args, hint) => {
    const { code, err } = await phi(['init', ...args])
    expect(code).toBe(2)
    expect(err).toContain(hint)
  })

  test.each([
    ['nosuch', 'phi-3.5-mini'],
    ['.', 'config.json'],
  ])('says what a configuration can be when there is none: %s', async (name, hint) => {
    const { code, err } = await phi(['init', name])
    expect(code).toBe(1)
    expect(err).toContain(hint)
  })

  test('refuses a tokenizer with more tokens than the model has rows', async () => {
    writeFileSync(join(folder, 'few.json'), JSON.stringify({ ...config, vocab_size: 300 }))
    const { code, err } = await phi(['init', 'few.json', '--tokenizer', tokenizer])
    expect(code).toBe(1)
    expect(err).toContain('at most 300 tokens')
    expect(readdirSync(folder)).toEqual(['few.json', 'my.json'])
  })
})
