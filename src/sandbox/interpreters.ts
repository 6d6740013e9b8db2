/** The interpreters of programs: packages that are optional, since they are large and few need them. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PocketPhiError } from '../base/errors.ts'
import { pythonSnapshot } from './snapshot.ts'
import type { InterpreterModules, Language } from './types.ts'

/** An interpreter, and what its process may read: files, and folders as `…/*`. */
export interface Interpreter {
  readonly modules: InterpreterModules
  readonly readable: readonly string[]
}

/**
 * @throws PocketPhiError `not-supported` where its packages are not installed, or have another version; `device-lost` where Python
 * does not start
 */
export async function findInterpreter(language: Language): Promise<Interpreter> {
  if (language === 'python') {
    const [folder] = folders(language, pythonPackages)
    const pyodide = moduleIn(folder, 'pyodide.mjs')
    const snapshot = await pythonSnapshot(pyodide, folder)
    return { modules: { interpreter: 'python', pyodide, snapshot }, readable: [join(folder, '*'), snapshot] }
  }
  const [core, variant, types] = folders(language, javascriptPackages)
  return {
    modules: {
      interpreter: 'javascript',
      core: moduleIn(core, 'dist', 'index.mjs'),
      variant: moduleIn(variant, 'dist', 'index.mjs'),
    },
    readable: [core, variant, types].map((folder) => join(folder, '*')),
  }
}

interface Package {
  readonly name: string
  /** What the rules of the sandbox were written for and are tested with. */
  readonly version: string
  /** Where the package that has this one as a dependency is looked for, if it is not one of ours. */
  readonly of?: string
}

const pythonPackages = [{ name: 'pyodide', version: '314.0.7' }] as const
const javascriptPackages = [
  { name: 'quickjs-emscripten-core', version: '0.32.0' },
  { name: '@jitl/quickjs-ng-wasmfile-release-sync', version: '0.32.0' },
  { name: '@jitl/quickjs-ffi-types', version: '0.32.0', of: 'quickjs-emscripten-core' },
] as const

function moduleIn(folder: string, ...path: readonly string[]): string {
  return pathToFileURL(join(folder, ...path)).href
}

const require = createRequire(import.meta.url)

function folders<const Packages extends readonly Package[]>(
  language: Language,
  packages: Packages,
): { readonly [Place in keyof Packages]: string } {
  const asked = packages.filter(({ of }: Package) => of === undefined)
  const folderOf = ({ name, version, of }: Package): string => {
    const found = installed(name, of)
    if (found?.version === version) return found.folder
    throw new PocketPhiError('not-supported', `Programs in ${language} run in the package "${name}".`, {
      expected: `its version ${version}`,
      found: found === undefined ? 'no such package' : `version ${found.version}`,
      remedy: `Install it: npm install ${asked.map((one) => `${one.name}@${one.version}`).join(' ')}`,
    })
  }
  return packages.map(folderOf) as { readonly [Place in keyof Packages]: string }
}

function installed(name: string, of?: string): { readonly folder: string; readonly version: string } | undefined {
  try {
    const near = of === undefined ? require : createRequire(require.resolve(of))
    // The entry lies in the folder of the package or in one below it.
    let folder = dirname(near.resolve(name))
    if (!folder.endsWith(join(...name.split('/')))) folder = dirname(folder)
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { readonly version: string }
    return { folder, version }
  } catch {
    return undefined
  }
}
