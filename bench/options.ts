/** What the command line of main.ts means. */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { PocketPhiError } from '../src/base/errors.ts'
import { UsageError } from '../src/cli/errors.ts'

/** As many as there are processors, at most 8. */
export const defaultThreads = String(Math.min(8, availableParallelism()))

export const usage = `npm run bench -- MODEL [options]

MODEL is a file, a folder, or the name of a model that ships.

  --in node|chromium     where it runs (node)
  --peer NAME=PATH       measures a peer in turn, and may be given several times: node-llama-cpp, onnxruntime or wllama and
                         the folder with its node_modules, llama.cpp and its llama-bench
  --onnx FILE            the model for onnxruntime (MODEL with the ending .onnx)
  --rounds N             rounds of each, of which medians are taken (5)
  --threads N            (as many as there are processors, at most 8)
  --prompts N,N …        lengths of prompts (32,128,512,2048, of which those that the model can take)
  --depths N,N …         tokens in the cache before an answer (0,512,2048,4000, as far)
  --tokens N             tokens of an answer (32)
  --cache-type TYPE      of keys and values: f16, f32, kv8 or kv4 (f16)
  --no-wide              without wide vectors
  --save FILE            keeps every round; with the same file a run that was ended goes on with the rounds that are missing or
                         were disturbed by others
  --record TITLE         keeps the result in bench/results, for the tables of the README
  --json                 prints everything as JSON`

/** @throws UsageError for an option that there is not, and for one without its value */
export function readCommandLine(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      allowNegative: true,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        in: { type: 'string', default: 'node' },
        peer: { type: 'string', multiple: true, default: [] },
        onnx: { type: 'string' },
        rounds: { type: 'string', default: '5' },
        threads: { type: 'string', default: defaultThreads },
        prompts: { type: 'string', default: '32,128,512,2048' },
        depths: { type: 'string', default: '0,512,2048,4000' },
        tokens: { type: 'string', default: '32' },
        'cache-type': { type: 'string', default: 'f16' },
        wide: { type: 'boolean', default: true },
        save: { type: 'string' },
        record: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    // Node goes on with how to write a positional argument that begins with a dash, of which there is none here.
    const [problem = ''] = (error instanceof Error ? error.message : String(error)).split('. ')
    throw new UsageError(`${problem}.`)
  }
}

/** Whole numbers, separated by commas; an empty text is an empty list. @throws PocketPhiError `invalid-argument` */
export function parseCounts(option: string, text: string): number[] {
  const list = text === '' ? [] : text.split(',').map((part) => (/^\d+$/.test(part) ? Number(part) : NaN))
  if (list.every(Number.isSafeInteger)) return list
  throw new PocketPhiError('invalid-argument', `--${option} takes whole numbers, separated by commas.`, {
    expected: `--${option} 0,512,2048`,
    found: text,
  })
}

/** A whole number of at least 1. @throws PocketPhiError `invalid-argument` */
export function parseCount(option: string, text: string): number {
  const [count, ...more] = parseCounts(option, text)
  if (count !== undefined && count >= 1 && more.length === 0) return count
  throw new PocketPhiError('invalid-argument', `--${option} takes a whole number of at least 1.`, { found: text })
}

/** One of a few words. @throws PocketPhiError `invalid-argument` */
export function oneOf<T extends string>(option: string, text: string, words: readonly T[]): T {
  const found = words.find((word) => word === text)
  if (found !== undefined) return found
  throw new PocketPhiError('invalid-argument', `--${option} cannot be that.`, {
    expected: words.join(' or '),
    found: text,
  })
}
