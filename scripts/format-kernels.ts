/**
 * Formats the AssemblyScript kernels like everything else. The formatter does not parse a decorator before a function,
 * so it sees a comment in its place.
 *
 *     node scripts/format-kernels.ts [--check]
 */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { format, type FormatOptions } from 'oxfmt'

const folder = fileURLToPath(new URL('../src/backends/wasm/kernels/', import.meta.url))
const configuration = fileURLToPath(new URL('../.oxfmtrc.json', import.meta.url))

async function formatKernel(file: string, source: string, options: FormatOptions): Promise<string> {
  const { code, errors } = await format(file, source.replaceAll(/^@(\w+)$/gm, '//@$1'), options)
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.codeframe ?? errors[0]?.message}`)
  return code.replaceAll(/^\/\/@(\w+)$/gm, '@$1')
}

const { values: flags } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
const options = JSON.parse(await readFile(configuration, 'utf8')) as FormatOptions & { ignorePatterns?: unknown }
delete options.ignorePatterns
const wrong: string[] = []
for (const name of (await readdir(folder)).filter((entry) => entry.endsWith('.ts')).sort()) {
  const source = await readFile(folder + name, 'utf8')
  const formatted = await formatKernel(name, source, options)
  if (formatted === source) continue
  wrong.push(`src/backends/wasm/kernels/${name}`)
  if (!flags.check) await writeFile(folder + name, formatted)
}
if (wrong.length > 0) console.log(`kernels ${flags.check ? 'not formatted' : 'formatted'}:\n${wrong.join('\n')}`)
else console.log('kernels: formatted')
if (flags.check && wrong.length > 0) process.exitCode = 1
