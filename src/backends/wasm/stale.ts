import { PocketPhiError, present } from '../../base/errors.ts'
import { nodeModule } from '../../base/platform.ts'

/**
 * The file beside built kernels that says what they were built from, as sha256sum writes it, with paths from its own folder.
 * The package has none, as it has no sources.
 */
export const sourcesFile = 'sources.sha256'

/** The SHA-256 of a file, in hexadecimal; undefined where there is none. Node only. */
function hashOf(file: URL): string | undefined {
  const { existsSync, readFileSync } = present(nodeModule('node:fs'), 'node:fs')
  const { createHash } = present(nodeModule('node:crypto'), 'node:crypto')
  return existsSync(file) ? createHash('sha256').update(readFileSync(file)).digest('hex') : undefined
}

/**
 * Refuses kernels of a checkout that were built from other sources than are there now: they might compute something else
 * under the same names.
 *
 * @param module a file of built kernels
 * @throws PocketPhiError `not-supported`
 */
export function refuseStaleKernels(module: URL): void {
  const { existsSync, readFileSync } = present(nodeModule('node:fs'), 'node:fs')
  const list = new URL(sourcesFile, module)
  if (!existsSync(list)) return
  const lines = readFileSync(list, 'utf8').trimEnd().split('\n')
  const changed = lines.flatMap((line) => {
    const [hash, file = ''] = line.split('  ')
    return file !== '' && hashOf(new URL(file, list)) === hash ? [] : [file === '' ? 'a list of another form' : file]
  })
  if (changed.length === 0) return
  throw new PocketPhiError('not-supported', 'The compiled kernels are not those of these sources.', {
    expected: `the sources that ${list.pathname} lists`,
    found: `others: ${changed.slice(0, 5).join(', ')}${changed.length > 5 ? ` and ${changed.length - 5} more` : ''}`,
    remedy: 'Run npm run build:kernels.',
  })
}
