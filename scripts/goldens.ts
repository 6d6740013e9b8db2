/**
 * Compares the models with golden numbers of reference implementations: every folder of a directory, one line a case.
 *
 *     npm run goldens -- DIRECTORY [--backend ref|wasm|webgpu] [--in node|chromium] [--threads N]
 *         [--simd baseline|relaxed] [--wide] [--only FOLDER,...] [--perturb]
 *
 * Everything is computed before the file with the expected values is opened. With `--perturb` the last matrix of every
 * model (of one in blocks, the norm before it) is one per cent too large: each line that uses weights must fail then. In Chromium
 * a page reads the folders over HTTP, computes and compares; its GPU is that of the tests, as it is in Node where
 * LD_LIBRARY_PATH names the folder of `tests/webgpu/software-gpu.ts`. Exit status: 1 when a line fails.
 */
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { useWideVectors } from '../src/cli/wide.ts'
import { localFolder } from '../src/formats/tree.ts'
import { passes, type Row } from './goldens/compare.ts'
import { openSessionInChromium } from './goldens/in-chromium.ts'
import { openSession, type Choice, type Compared, type GoldenSession } from './goldens/session.ts'

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    backend: { type: 'string', default: 'ref' },
    in: { type: 'string', default: 'node' },
    threads: { type: 'string' },
    simd: { type: 'string', default: 'auto' },
    wide: { type: 'boolean', default: false },
    only: { type: 'string' },
    perturb: { type: 'boolean', default: false },
  },
})

/** Milliseconds after which a folder that takes long says how far it is, again and again. */
const patience = 20_000

function chosen(): Choice {
  const { backend, simd, wide, threads, perturb } = flags
  if (backend !== 'ref' && backend !== 'wasm' && backend !== 'webgpu') {
    throw new Error(`unknown backend "${backend}": ref, wasm or webgpu`)
  }
  if (simd !== 'auto' && simd !== 'baseline' && simd !== 'relaxed') throw new Error(`no such build: "${simd}"`)
  return { backend, simd, wide, perturb, ...(threads === undefined ? {} : { threads: Number(threads) }) }
}

async function open(
  choice: Choice,
  base: string,
  folders: readonly string[],
): Promise<GoldenSession & Partial<AsyncDisposable>> {
  if (flags.in === 'chromium') {
    if (choice.wide) throw new Error('--wide is a flag of V8 that a page cannot set')
    return await openSessionInChromium(choice, base, folders)
  }
  if (flags.in !== 'node') throw new Error(`unknown place "${flags.in}": node or chromium`)
  if (choice.wide) useWideVectors()
  return await openSession(choice, (folder) => localFolder(path.join(base, folder)))
}

function report(row: Row): string {
  const label = `${row.folder.padEnd(20)} ${row.name.padEnd(24)}`
  if (row.skipped !== undefined) return `${label} not supported: ${row.skipped}`
  const worst = row.measured.reduce((most, { difference }) => Math.max(most, difference), 0)
  const details = row.measured.map(({ what, difference, tolerance }) => {
    return `${what} ${difference.toExponential(1)}${difference <= tolerance ? '' : '!'}`
  })
  const limits = [...new Set(row.measured.map(({ tolerance }) => tolerance.toExponential(0)))].join('/')
  return `${label} ${worst.toExponential(2).padStart(9)}  tolerance ${limits.padEnd(12)} ${passes(row) ? 'ok  ' : 'FAIL'} ${details.join(', ')}`
}

/** Compares a folder, which says how far it is when it takes long. */
async function compare(session: GoldenSession, folder: string): Promise<Compared> {
  const [begun, before] = [performance.now(), await session.dispatches()]
  const say = async (): Promise<void> => {
    const seconds = ((performance.now() - begun) / 1000).toFixed(0)
    const kernels = (await session.dispatches()) - before
    console.error(`${folder}: ${seconds} s${kernels === 0 ? '' : `, ${kernels} kernels`} so far`)
  }
  const timer = setInterval(() => void say().catch(() => {}), patience)
  try {
    return await session.compare(folder)
  } finally {
    clearInterval(timer)
  }
}

/** What ran, and where. @throws Error when another backend than that which was asked for has computed, or none */
function ran({ backend, runs, dispatches, rows }: Compared, choice: Choice): string {
  const needed = rows.some(({ usesWeights }) => usesWeights)
  if (backend !== choice.backend) throw new Error(`defect: ${backend} is not ${choice.backend}`)
  if (needed && runs === 0) throw new Error('defect: no program ran')
  if (needed && backend === 'webgpu' && dispatches === 0) throw new Error('defect: the GPU was given nothing')
  if (runs === 0) return 'no program to run'
  return `${runs} runs on ${backend}${backend === 'webgpu' ? `, ${dispatches} kernels` : ''}`
}

const [directory] = positionals
if (directory === undefined) {
  throw new Error(
    'usage: npm run goldens -- DIRECTORY [--backend ref|wasm|webgpu] [--in node|chromium] [--only FOLDER,...] [--perturb]',
  )
}
const whole = path.resolve(directory)
const isFolder = await localFolder(whole).has('config.json')
const base = isFolder ? path.dirname(whole) : whole
const folders = isFolder
  ? [path.basename(whole)]
  : (await readdir(whole, { withFileTypes: true }))
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .toSorted()
const choice = chosen()
const place = flags.in === 'node' ? choice.backend : `${choice.backend} in ${flags.in}`
const session = await open(choice, base, folders)
const rows: Row[] = []
let dispatches = 0
try {
  for (const folder of folders) {
    if (flags.only !== undefined && !flags.only.split(',').includes(folder)) continue
    const compared = await compare(session, folder)
    for (const row of compared.rows) console.log(report(row))
    console.log(`${folder.padEnd(20)} ${ran(compared, choice)}`)
    rows.push(...compared.rows)
    dispatches += compared.dispatches
  }
} finally {
  await session[Symbol.asyncDispose]?.()
}
const compared = rows.filter((row) => row.skipped === undefined)
const failed = compared.filter((row) => !passes(row))
console.log(
  `goldens on ${place}: ${compared.length - failed.length} ok, ${failed.length} failed, ${rows.length - compared.length} not supported`,
)
if (choice.backend === 'webgpu') console.log(`${dispatches} kernels ran on the GPU, some in every run`)
if (choice.perturb) {
  const unnoticed = compared.filter((row) => row.usesWeights && passes(row))
  console.log(
    unnoticed.length === 0
      ? 'perturbed: every line that uses weights failed, as it must'
      : `perturbed: NOT NOTICED by ${unnoticed.map(({ folder, name }) => `${folder} ${name}`).join(', ')}`,
  )
}
if (failed.length > 0 || compared.length === 0) process.exitCode = 1
