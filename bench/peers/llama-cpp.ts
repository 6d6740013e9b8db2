/** One round of llama.cpp's own llama-bench on a GGUF file. It tells neither how long loading nor how long a first token takes. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { cacheTypeOfLlama } from '../measure.ts'
import { costs, MemoryWatch } from '../processes.ts'
import { readPeerSettings, type Speeds } from '../rounds.ts'

/** What is used of a row of its JSON. */
interface Row {
  readonly n_prompt: number
  readonly n_gen: number
  readonly n_depth: number
  /** Tokens a second. */
  readonly avg_ts: number
}

const { model, threads, prompts, depths, tokens, cacheType, peer } = readPeerSettings()
let peakBytes = 0

async function run(...what: readonly string[]): Promise<Row[]> {
  const common = [
    '-m',
    model,
    '-t',
    String(threads),
    '-fa',
    peer.flash ? '1' : '0',
    '-ctk',
    cacheTypeOfLlama(cacheType),
    '-ctv',
    cacheTypeOfLlama(cacheType),
  ]
  const running = promisify(execFile)(peer.path, [...common, '-r', '1', '-o', 'json', ...what], { maxBuffer: 2 ** 26 })
  const { pid } = running.child
  const watch = new MemoryWatch(pid)
  try {
    return JSON.parse((await running).stdout) as Row[]
  } finally {
    peakBytes = Math.max(peakBytes, watch.end())
  }
}

const read = prompts.length === 0 ? [] : await run('-p', prompts.join(','), '-n', '0')
const written = depths.length === 0 ? [] : await run('-p', '0', '-n', String(tokens), '-d', depths.join(','))
const speeds = (rows: readonly Row[], count: (row: Row) => number): Speeds =>
  Object.fromEntries(rows.map((row) => [count(row), row.avg_ts]))
const round = { prompts: speeds(read, (row) => row.n_prompt), answers: speeds(written, (row) => row.n_depth) }
console.log(JSON.stringify({ ...round, ...costs(peakBytes) }))
