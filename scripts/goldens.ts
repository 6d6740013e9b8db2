/**
 * Compares the models with golden numbers of reference implementations: every folder of a directory, one line a case.
 *
 *     npm run goldens -- DIRECTORY [--backend ref|wasm|webgpu] [--threads N] [--simd baseline|relaxed] [--wide]
 *         [--only FOLDER,...] [--perturb]
 *
 * Everything is computed before the file with the expected values is opened. With `--perturb` the last matrix of every
 * model (of one in blocks, the norm before it) is one per cent too large: each line that uses weights must fail then. Exit status: 1 when a line fails.
 */
import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'

import type { Backend } from '../src/backends/backend.ts'
import { WebGpuDevice } from '../src/backends/webgpu/device.ts'
import { useWideVectors } from '../src/cli/wide.ts'
import { PocketPhiError } from '../src/base/errors.ts'
import { selectBackend } from '../src/engine/select-backend.ts'
import { localFolder } from '../src/formats/tree.ts'
import { clipFolder } from './goldens/clip-folder.ts'
import { passes, type Row, type Settings } from './goldens/compare.ts'
import { ggufFolder } from './goldens/gguf-folder.ts'
import { hdTransformFolder } from './goldens/hd-transform-folder.ts'
import { modelRows } from './goldens/model-folder.ts'
import { samplersFolder } from './goldens/samplers.ts'
import { trainingFolder } from './goldens/training-folder.ts'
import { visionModelFolder } from './goldens/vision-model-folder.ts'

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    backend: { type: 'string', default: 'ref' },
    threads: { type: 'string' },
    simd: { type: 'string', default: 'auto' },
    wide: { type: 'boolean', default: false },
    only: { type: 'string' },
    perturb: { type: 'boolean', default: false },
  },
})

async function chosenBackend(): Promise<Backend> {
  const { backend } = flags
  if (backend !== 'ref' && backend !== 'wasm' && backend !== 'webgpu') {
    throw new Error(`unknown backend "${backend}": ref, wasm or webgpu`)
  }
  const selected = await selectBackend(backend, {
    wasm: () => {
      const { simd, wide } = flags
      if (simd !== 'auto' && simd !== 'baseline' && simd !== 'relaxed') throw new Error(`no such build: "${simd}"`)
      if (wide) useWideVectors()
      return { simd, wide, ...(flags.threads === undefined ? {} : { threads: Number(flags.threads) }) }
    },
  })
  if (selected.name !== backend) throw new Error(`defect: ${selected.name} is not ${backend}`)
  return countingDispatches(selected)
}

/** Kernels that GPUs were given by the devices that are closed; every run must have given some. */
let dispatches = 0

/** Refuses a run of a GPU's device that gives it nothing: then something else has computed. */
function countingDispatches(backend: Backend): Backend {
  if (backend.name !== 'webgpu') return backend
  return {
    ...backend,
    async open(programs) {
      const device = await backend.open(programs)
      if (!(device instanceof WebGpuDevice)) throw new Error('defect: not a device of a GPU')
      const run = device.run.bind(device)
      device.run = async (...call) => {
        const before = device.dispatches
        const outputs = await run(...call)
        const steps = device.dispatches - before
        if (steps === 0) throw new Error(`nothing of "${call[0]}" ran on the GPU`)
        dispatches += steps
        return outputs
      }
      return device
    },
  }
}

async function exists(file: string): Promise<boolean> {
  return await stat(file).then(
    () => true,
    () => false,
  )
}

/** What kind of goldens a folder holds decides who compares them. */
async function runFolder(directory: string, folder: string, settings: Settings): Promise<Row[]> {
  const here = path.join(directory, folder)
  const has = (file: string): Promise<boolean> => exists(path.join(here, file))
  if (await has('images.json')) return await hdTransformFolder(localFolder(here), folder)
  if ((await has('config.json')) && (await has('golden.safetensors'))) {
    const { model_type: type } = (await localFolder(here).readJson('config.json')) as { model_type?: string }
    if (type === 'phi3_v') return await visionModelFolder(localFolder(here), folder, settings)
    if (type === 'clip_vision_model') return await clipFolder(localFolder(here), folder, settings)
    const golden = { tree: localFolder(here), goldenFile: 'golden.safetensors' }
    return await modelRows(golden, folder, { ...settings, exact: false })
  }
  if (await has('training.json')) {
    return await trainingFolder(localFolder(here), (name) => localFolder(path.join(directory, name)), folder, settings)
  }
  if (await has('blocks.safetensors')) return await ggufFolder(localFolder(here), folder, settings)
  if (await has('samplers.json')) return await samplersFolder(localFolder(here), folder)
  return [{ folder, name: '', measured: [], skipped: 'this kind of goldens', usesWeights: false }]
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

async function rowsOf(directory: string, folder: string, settings: Settings): Promise<Row[]> {
  try {
    return await runFolder(directory, folder, settings)
  } catch (error) {
    if (error instanceof PocketPhiError && error.code === 'not-supported') {
      return [{ folder, name: '', measured: [], skipped: error.message, usesWeights: false }]
    }
    console.error(error)
    const measured = [{ what: 'an error', difference: Infinity, tolerance: 0 }]
    return [{ folder, name: 'failed to run', measured, usesWeights: true }]
  }
}

const [directory] = positionals
if (directory === undefined)
  throw new Error('usage: npm run goldens -- DIRECTORY [--backend ref|wasm|webgpu] [--perturb]')
const settings: Settings = { backend: await chosenBackend(), perturb: flags.perturb }
const isFolder = await exists(path.join(directory, 'config.json'))
const base = isFolder ? path.dirname(path.resolve(directory)) : directory
const folders = isFolder
  ? [path.basename(path.resolve(directory))]
  : (await readdir(directory, { withFileTypes: true }))
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .toSorted()
const rows: Row[] = []
for (const folder of folders) {
  if (flags.only !== undefined && !flags.only.split(',').includes(folder)) continue
  for (const row of await rowsOf(base, folder, settings)) {
    rows.push(row)
    console.log(report(row))
  }
}
const compared = rows.filter((row) => row.skipped === undefined)
const failed = compared.filter((row) => !passes(row))
console.log(
  `goldens on ${settings.backend.name}: ${compared.length - failed.length} ok, ${failed.length} failed, ${rows.length - compared.length} not supported`,
)
if (settings.backend.name === 'webgpu') console.log(`${dispatches} kernels ran on the GPU, some in every run`)
if (settings.perturb) {
  const unnoticed = compared.filter((row) => row.usesWeights && passes(row))
  console.log(
    unnoticed.length === 0
      ? 'perturbed: every line that uses weights failed, as it must'
      : `perturbed: NOT NOTICED by ${unnoticed.map(({ folder, name }) => `${folder} ${name}`).join(', ')}`,
  )
}
if (failed.length > 0 || compared.length === 0) process.exitCode = 1
