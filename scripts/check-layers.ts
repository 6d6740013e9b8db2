/**
 * Checks that every file of `src/` imports only what its room may import (the table in layers.ts), and every file of `apps/` and
 * `examples/` only public entry points.
 *
 *     node scripts/check-layers.ts
 */
import { glob, readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

import manifest from '../package.json' with { type: 'json' }
import { appFaults, fileFaults, tableFaults } from './layers.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const faults = tableFaults()
let count = 0
for await (const found of glob('src/**/*.ts', { cwd: root })) {
  const file = found.split(path.sep).join('/')
  // AssemblyScript: it imports nothing but itself, and its compiler says so.
  if (file.startsWith('src/backends/wasm/kernels/')) continue
  faults.push(...fileFaults(file, await readFile(path.join(root, file), 'utf8')))
  count += 1
}
const entries = Object.keys(manifest.exports).map((entry) => entry.replace(/^\./, manifest.name))
for await (const found of glob('{apps,examples}/**/*.{ts,tsx}', {
  cwd: root,
  exclude: ['**/node_modules', '**/dist'],
})) {
  const file = found.split(path.sep).join('/')
  faults.push(...appFaults(file, await readFile(path.join(root, file), 'utf8'), entries))
  count += 1
}
if (faults.length === 0) {
  console.log(`layers: ${count} files import only what their rooms may`)
} else {
  console.error(faults.sort().join('\n'))
  console.error(`layers: ${faults.length} imports break the table in scripts/layers.ts`)
  process.exitCode = 1
}
