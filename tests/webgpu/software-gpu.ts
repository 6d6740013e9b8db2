/**
 * The GPU of the tests: SwiftShader, a Vulkan in software, which comes with `npm ci` inside the package of the headless Chromium.
 * Nothing is downloaded, and no GPU of the machine is used.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const packageFolder = path.join(path.dirname(createRequire(import.meta.url).resolve('@sparticuz/chromium')), '..')
const { version } = JSON.parse(readFileSync(path.join(packageFolder, 'package.json'), 'utf8')) as { version: string }

/** The library, packed. */
export const packedSoftwareGpu = path.join(packageFolder, 'bin', 'swiftshader.tar.br')

/** Where it is unpacked: below node_modules, where `npm ci` clears it away. A process that starts with this on its LD_LIBRARY_PATH finds it. */
export const softwareGpuFolder = path.join(root, 'node_modules', '.cache', `swiftshader-${version}`)

/** The package holds a library for this kind of machine only. That it is missing there is an error of the tests, not a reason to leave them out. */
export const hasSoftwareGpu = process.platform === 'linux' && process.arch === 'x64'
