/**
 * Builds the package: JavaScript and declarations by tsc, and the kernels beside the code that loads them. The folder is
 * dist/ when none is named; what it held is removed.
 *
 *     node scripts/build.ts [folder]
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = path.resolve(process.argv[2] ?? path.join(root, 'dist'))
const kernels = path.join('backends', 'wasm', 'build')

function run(...command: string[]): void {
  const { status, error } = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit' })
  if (error !== undefined) throw error
  if (status !== 0) process.exit(status ?? 1)
}

run('scripts/build-kernels.ts')
// From nothing, so that a file which was renamed does not stay in the package.
await rm(dist, { recursive: true, force: true })
run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', dist)
await mkdir(path.join(dist, kernels), { recursive: true })
for (const name of await readdir(path.join(root, 'src', kernels))) {
  if (name.endsWith('.wasm')) await cp(path.join(root, 'src', kernels, name), path.join(dist, kernels, name))
}
// What an exported training runs is data here.
const launchFile = path.join('train', 'export', 'train.py')
await cp(path.join(root, 'src', launchFile), path.join(dist, launchFile))

// What is reached by address and not by import (workers, modules, data) is not seen by the compiler.
const files = (await readdir(dist, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
for (const { parentPath, name } of files.filter((entry) => entry.name.endsWith('.js'))) {
  const source = await readFile(path.join(parentPath, name), 'utf8')
  for (const [, target = ''] of source.matchAll(/new URL\(\s*['"](\.[^'"]*)['"],\s*import\.meta\.url/g)) {
    if (existsSync(path.join(parentPath, target))) continue
    throw new Error(
      `dist: ${name} names '${target}', which was not built; add it to tsconfig.build.json or scripts/build.ts`,
    )
  }
}
console.log(`build: ${files.length} files in ${path.relative(root, dist)}`)
