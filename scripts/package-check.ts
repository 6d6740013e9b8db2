/**
 * Checks the package as a stranger gets it: builds and packs it, lints the tarball, installs it into an empty folder with
 * nothing but its run-time dependencies, imports it, runs its command and type-checks a file that uses it. No network:
 * the dependencies are copied from node_modules as the lock file lists them.
 *
 *     node scripts/package-check.ts
 */
import { execFileSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

import { publint } from 'publint'
import { formatMessage } from 'publint/utils'

interface PackReport {
  readonly filename: string
  readonly size: number
  readonly unpackedSize: number
  readonly files: readonly { readonly path: string }[]
}

const root = fileURLToPath(new URL('..', import.meta.url))
const manifest = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
  readonly name: string
  readonly version: string
  readonly bin: { readonly phi: string }
  readonly exports: Readonly<Record<string, unknown>>
}

function fail(message: string): never {
  throw new Error(message)
}

/** Runs a program and returns what it printed; its own error output is shown as it comes. */
const run = (folder: string, program: string, ...words: string[]): string =>
  execFileSync(program, words, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

async function pack(folder: string): Promise<string> {
  // Without scripts: prepack would build a second time.
  const output = run(root, 'npm', 'pack', '--ignore-scripts', '--json', '--pack-destination', folder)
  // One report in a list, or (newer npm) by the name of the package.
  const [report] = Object.values(JSON.parse(output) as Record<string, PackReport>)
  if (report === undefined) fail('npm pack printed no report')
  const names = report.files.map((file) => file.path)
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`
  console.log(`packed: ${names.length} files, ${megabytes(report.size)}, unpacked ${megabytes(report.unpackedSize)}`)
  for (const needed of ['README.md', 'LICENSE', 'CHANGELOG.md']) {
    if (!names.includes(needed)) fail(`${needed} is not in the package`)
  }
  const tests = names.filter((name) => /(?:\.test|-harness|-cases|\btesting)\.(?:d\.ts|js)$/.test(name))
  if (tests.length > 0) fail(`test files are in the package: ${tests.join(', ')}`)
  if (!names.some((name) => name.endsWith('.wasm'))) fail('the kernels are not in the package')
  return path.join(folder, report.filename)
}

async function lintTarball(tarball: string): Promise<void> {
  const bytes = await readFile(tarball)
  const { messages, pkg } = await publint({
    strict: true,
    pack: { tarball: new Uint8Array(bytes).buffer },
  })
  for (const message of messages) console.error(`publint: ${formatMessage(message, pkg)}`)
  if (messages.length > 0) fail(`publint has ${messages.length} messages`)
  console.log('publint: nothing to say')
}

/** Unpacks the tarball and puts its run-time dependencies beside it, as npm would. */
async function install(tarball: string, folder: string): Promise<string> {
  const installed = path.join(folder, 'node_modules', manifest.name)
  await mkdir(installed, { recursive: true })
  run(folder, 'tar', '-xzf', tarball, '-C', installed, '--strip-components=1')
  const lock = JSON.parse(await readFile(path.join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly link?: boolean }>>
  }
  for (const [place, { dev, link }] of Object.entries(lock.packages)) {
    if (!place.startsWith('node_modules/') || dev === true || link === true) continue
    await cp(path.join(root, place), path.join(folder, place), { recursive: true })
  }
  await writeFile(path.join(folder, 'package.json'), '{ "type": "module" }\n')
  return installed
}

/** What npm would run where the package is installed, or warn of. */
const installScripts = ['preinstall', 'install', 'postinstall', 'prepare']

async function checkScripts(installed: string): Promise<void> {
  const { scripts = {} } = JSON.parse(await readFile(path.join(installed, 'package.json'), 'utf8')) as {
    readonly scripts?: Readonly<Record<string, string>>
  }
  const found = installScripts.filter((name) => name in scripts)
  if (found.length > 0) fail(`the package has install scripts: ${found.join(', ')}`)
}

async function use(folder: string, installed: string): Promise<void> {
  const entries = Object.keys(manifest.exports)
    .filter((entry) => !entry.endsWith('.json'))
    .map((entry) => entry.replace(/^\./, manifest.name))
  for (const entry of entries) {
    const script = `console.log(Object.keys(await import('${entry}')).length)`
    const count = Number(run(folder, process.execPath, '--input-type=module', '--eval', script))
    if (!(count > 0)) fail(`${entry} exports nothing`)
    console.log(`import of ${entry}: ${count} exports`)
  }

  const command = path.join(installed, manifest.bin.phi)
  if (!(await readFile(command, 'utf8')).startsWith('#!/usr/bin/env node\n')) fail(`${manifest.bin.phi} has no shebang`)
  const version = run(folder, process.execPath, command, '--version').trim()
  if (!version.includes(manifest.version)) fail(`phi --version printed '${version}', not ${manifest.version}`)
  console.log(`phi --version: ${version}`)

  const uses = entries.map((entry, index) => `export * as entry${index} from '${entry}'\n`)
  await writeFile(path.join(folder, 'use.ts'), uses.join(''))
  const options = {
    compilerOptions: {
      target: 'es2024',
      module: 'nodenext',
      lib: ['es2024', 'esnext', 'dom', 'dom.iterable', 'dom.asynciterable'],
      strict: true,
      noEmit: true,
      types: ['node'],
      typeRoots: [path.join(root, 'node_modules/@types')],
    },
    files: ['use.ts'],
  }
  await writeFile(path.join(folder, 'tsconfig.json'), JSON.stringify(options))
  try {
    run(folder, process.execPath, path.join(root, 'node_modules/typescript/bin/tsc'))
  } catch (error) {
    fail(`the declarations do not type-check:\n${String((error as { stdout?: string }).stdout)}`)
  }
  console.log('declarations: type-check in a strict project')
}

const folder = await mkdtemp(path.join(tmpdir(), 'pocket-phi-package-'))
try {
  process.stdout.write(run(root, process.execPath, 'scripts/build.ts'))
  const tarball = await pack(folder)
  await lintTarball(tarball)
  const installed = await install(tarball, folder)
  await checkScripts(installed)
  await use(folder, installed)
  console.log('package-check: passed')
} catch (error) {
  console.error(`package-check: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
} finally {
  await rm(folder, { recursive: true, force: true })
}
