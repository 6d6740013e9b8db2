/** Files that commands read, with errors that say what they were wanted for. */
import { readFile, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { PocketPhiError } from '../base/errors.ts'
import { currentFolder } from '../formats/atomic.ts'

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EISDIR: 'a folder',
  EACCES: 'a file that may not be read',
}

/**
 * The text of a file; `-` is standard input.
 * @throws PocketPhiError `not-found`
 */
export async function readTextFile(path: string, purpose: string): Promise<string> {
  if (path === '-') return readStandardInput()
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw readFailure(path, purpose, cause)
  }
}

/** What to say of a file that could not be read. */
export function readFailure(path: string, purpose: string, cause: unknown): PocketPhiError {
  const code = (cause as NodeJS.ErrnoException).code ?? ''
  return new PocketPhiError('not-found', `The ${purpose} "${path}" cannot be read.`, {
    expected: 'the path of a file',
    found: reasons[code] ?? String(cause),
    cause,
  })
}

/** Everything that standard input holds. */
export async function readStandardInput(): Promise<string> {
  return await text(process.stdin)
}

/**
 * Refuses to write into a folder that is not there: its name is rather misspelt than meant.
 * @throws PocketPhiError `not-found`
 */
export async function checkParent(path: string): Promise<void> {
  const parent = dirname(resolve(path))
  const found = await stat(parent).catch(() => undefined)
  if (found?.isDirectory() === true) return
  throw new PocketPhiError('not-found', `"${path}" cannot be written.`, {
    expected: `the folder ${parent}`,
    found: found === undefined ? 'nothing of that name' : 'a file',
    remedy: 'Check the path, or make the folder first.',
  })
}

/**
 * Refuses to write over what is there, unless that is wished for.
 * @throws PocketPhiError `invalid-argument`
 */
export async function checkReplace(path: string, force: boolean | undefined): Promise<void> {
  if (force === true || (await currentFolder(path)) === undefined) return
  throw new PocketPhiError('invalid-argument', `"${path}" exists already.`, {
    remedy: 'Choose another name, or replace it with --force.',
  })
}
