/**
 * What groups of 32, groups of 128 and calibrated groups of 128 cost phi-nano, on text that neither training nor calibration
 * has seen. Fails unless calibration recovers half of what plain groups of 128 lose against plain groups of 32.
 *
 *     node scripts/compare-quantization.ts [folder of the unquantised model]
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const master = resolve(process.argv[2] ?? join(root, 'models/phi-nano/master'))
const eightBits = ['--eight-bits', 'embed_tokens']
const calibrated = ['--mode', 'calibrated', '--world']
const files: readonly (readonly [name: string, options: readonly string[]])[] = [
  ['plain-32', ['--group', '32', ...eightBits]],
  ['plain-128', ['--group', '128', ...eightBits]],
  ['calibrated-128', ['--group', '128', ...eightBits, ...calibrated]],
  ['plain-32, all 4 bits', ['--group', '32']],
  ['plain-128, all 4 bits', ['--group', '128']],
  ['calibrated-128, all 4 bits', ['--group', '128', ...calibrated]],
]

function phi(...args: readonly string[]): string {
  return execFileSync(process.execPath, [join(root, 'src/cli/main.ts'), ...args], { encoding: 'utf8' })
}

function lossOf(folder: string): number {
  const { loss } = JSON.parse(phi('eval-loss', folder, '--json')) as { readonly loss: number }
  return loss
}

const megabytes = (folder: string): string =>
  `${(statSync(join(folder, 'model.safetensors')).size / 1e6).toFixed(2)} MB`

const work = mkdtempSync(join(tmpdir(), 'phi-quantization-'))
try {
  const before = lossOf(master)
  process.stdout.write(`${'bf16'.padEnd(28)}${megabytes(master)}  ${before.toFixed(6)}\n`)
  const losses = new Map<string, number>()
  for (const [name, options] of files) {
    const out = join(work, name)
    phi('quantize', master, out, ...options)
    const loss = lossOf(out)
    losses.set(name, loss)
    process.stdout.write(`${name.padEnd(28)}${megabytes(out)}  ${loss.toFixed(6)}  +${(loss - before).toFixed(6)}\n`)
  }
  const [fine = NaN, coarse = NaN, fitted = NaN] = losses.values()
  const recovered = (coarse - fitted) / (coarse - fine)
  process.stdout.write(`calibration recovers ${(100 * recovered).toFixed(0)} % of what groups of 128 lose\n`)
  process.exitCode = recovered >= 0.5 ? 0 : 1
} finally {
  rmSync(work, { recursive: true })
}
