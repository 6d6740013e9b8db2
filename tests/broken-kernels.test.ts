/**
 * Kernels that are broken on purpose must fail the checks that every operation passes in operations.test.ts: a check that
 * lets one pass is too weak, and its cases in op-cases-harness.ts need another.
 */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { compileKernels, kernelsFolder, simdOptions } from '../scripts/kernel-compiler.ts'
import type { Simd } from '../src/backends/wasm/module.ts'
import { casesOf } from '../src/backends/op-results-harness.ts'
import { operationFaults } from '../src/backends/wasm/op-checks-harness.ts'
import { KernelHarness, type Kernel } from '../src/backends/wasm/kernel-harness.ts'
import { repackFaults } from '../src/backends/wasm/repack-checks-harness.ts'
import { kernelsUsed } from '../src/backends/wasm/played-harness.ts'
import { brokenKernels, type BrokenKernel } from './broken-kernels.ts'

const names = readdirSync(kernelsFolder).filter((name) => name.endsWith('.ts'))
const sources = new Map(names.map((name) => [name, readFileSync(path.join(kernelsFolder, name), 'utf8')]))
const entry = path.join(kernelsFolder, 'entry-of-a-test.ts')

function sourceOf(file: string): string {
  const source = sources.get(file)
  if (source === undefined) throw new Error(`there is no kernel file ${file}`)
  return source
}

/** The file of each exported kernel, from index.ts. */
const exported = new Map(
  [...sourceOf('index.ts').matchAll(/export \{([^}]*)\} from '\.\/([\w-]+)'/g)].flatMap(([, list = '', file = '']) =>
    list
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '')
      .map((name): [string, string] => [name, file]),
  ),
)

const called = new Map<string, readonly string[]>()

/** Kernels that no operation calls have checks of their own, under their names. */
const ownChecks = new Map([['repackPanel', repackFaults]])

/** The kernels that the cases of an operation call. */
function kernelsOf(operation: string): readonly string[] {
  if (ownChecks.has(operation)) return [operation]
  const known = called.get(operation)
  if (known !== undefined) return known
  const programs = casesOf(operation).map(({ program }) => program)
  const kernels = kernelsUsed(programs)
  called.set(operation, kernels)
  return kernels
}

/** The kernels that an operation needs, of sources of which some are replaced. */
async function compile(
  operation: string,
  simd: Simd,
  replaced: ReadonlyMap<string, string> = new Map(),
): Promise<WebAssembly.Module> {
  const lines = kernelsOf(operation).map(
    (name) => `export { ${name} } from './${exported.get(name) ?? 'no-such-file'}'`,
  )
  const binary = await compileKernels(entry, ['-O0', ...simdOptions[simd]], (file) => {
    if (file === entry) return lines.join('\n')
    const name = path.relative(kernelsFolder, file)
    return replaced.get(name) ?? sources.get(name) ?? null
  })
  return WebAssembly.compile(binary)
}

function edited({ file, edits }: BrokenKernel): string {
  return Object.entries(edits).reduce((source, [find, replacement]) => {
    const parts = source.split(find)
    if (parts.length !== 2) throw new Error(`"${find}" occurs ${parts.length - 1} times in ${file}, not once`)
    return parts.join(replacement)
  }, sourceOf(file))
}

function harnessOf(module: WebAssembly.Module): KernelHarness {
  const memory = new WebAssembly.Memory({ initial: 2 })
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  return new KernelHarness(memory, exports as Record<string, Kernel>)
}

/** The first finding of an operation's checks. */
async function firstFault(operation: string, module: WebAssembly.Module): Promise<string | undefined> {
  const ownCheck = ownChecks.get(operation)
  if (ownCheck !== undefined) return ownCheck(harnessOf(module)).next().value ?? undefined
  for await (const fault of operationFaults(operation, module)) return fault
  return undefined
}

describe('the list', () => {
  test('has every exported kernel and every file', () => {
    expect([...new Set(brokenKernels.map(({ kernel }) => kernel))].toSorted()).toEqual([...exported.keys()].toSorted())
    const files = names.filter((name) => name !== 'index.ts')
    expect([...new Set(brokenKernels.map(({ file }) => file))].toSorted()).toEqual(files.toSorted())
  })

  test('names operations that call the kernel', () => {
    for (const { what, kernel, operation } of brokenKernels) expect(kernelsOf(operation), what).toContain(kernel)
  })
})

const controls = new Set(brokenKernels.map(({ operation, simd }) => `${operation} ${simd}`))

test.each([...controls])('whole kernels pass: %s', async (control) => {
  const [operation = '', simd] = control.split(' ')
  expect(await firstFault(operation, await compile(operation, simd as Simd))).toBeUndefined()
})

test.each(brokenKernels)('$kernel fails: $what', async (broken) => {
  const { file, operation, simd } = broken
  const fault = await firstFault(operation, await compile(operation, simd, new Map([[file, edited(broken)]])))
  expect(fault, 'no case notices').toBeDefined()
})
