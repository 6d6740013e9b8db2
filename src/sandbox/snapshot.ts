/** The memory of Python when it has started, which every program begins with: made once, by a process that runs no program. */
import { rmSync } from 'node:fs'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer, text } from 'node:stream/consumers'
import { PocketPhiError } from '../base/errors.ts'
import { isAlive } from '../base/process-alive.ts'
import { startWorker } from './processes.ts'

/** Of the processor. */
const secondsToStart = 60

let made: Promise<string> | undefined

/**
 * A file that goes with this process.
 *
 * @param pyodide address of the module of the package, which lies in the folder
 * @throws PocketPhiError `device-lost` where Python does not start
 */
export function pythonSnapshot(pyodide: string, folder: string): Promise<string> {
  made ??= makeSnapshot(pyodide, folder)
  return made
}

async function makeSnapshot(pyodide: string, folder: string): Promise<string> {
  const child = startWorker('snapshot', { readable: [join(folder, '*')], seconds: secondsToStart }, pyodide)
  const ended = new Promise<number | null>((resolve, reject) => child.once('close', resolve).once('error', reject))
  const [memory, complaint, status] = await Promise.all([buffer(child.stdout), text(child.stderr), ended])
  if (status !== 0) {
    throw new PocketPhiError('device-lost', 'Python does not start.', { found: complaint.trim().slice(-1000) })
  }
  const place = await snapshotFolder(tmpdir())
  process.once('exit', () => rmSync(place, { recursive: true, force: true }))
  const file = join(place, 'snapshot')
  await writeFile(file, memory)
  return file
}

/** What lives in another container has a number that is nobody's here, and is not to lose its folder while it works. */
const millisecondsKept = 24 * 60 * 60 * 1000

/** A folder that tells whose it is; what processes left that were killed is removed first, some 30 MB each, once it is a day old. */
export async function snapshotFolder(parent: string): Promise<string> {
  for (const name of await readdir(parent).catch(() => [])) {
    const [, owner] = /^pocket-phi-python-(\d+)-\w{6}$/.exec(name) ?? []
    if (owner === undefined || isAlive(Number(owner))) continue
    // It may belong to somebody else, or be removed by another just now.
    await removeOld(join(parent, name)).catch(() => {})
  }
  return await mkdtemp(join(parent, `pocket-phi-python-${process.pid}-`))
}

async function removeOld(folder: string): Promise<void> {
  const { mtimeMs } = await stat(folder)
  if (Date.now() - mtimeMs > millisecondsKept) await rm(folder, { recursive: true })
}
