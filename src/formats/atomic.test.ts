import { spawnSync } from 'node:child_process'
import { mkdtempSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PocketPhiError } from '../base/errors.ts'
import {
  cleanTemporaries,
  cleanTemporariesOf,
  currentFolder,
  removeFolderAtomic,
  withScratchFolder,
  writeFileAtomic,
  writeFolderAtomic,
  type AtomicFolder,
  type FaultInjector,
} from './atomic.ts'
import { openSafetensors } from './safetensors.ts'
import { floatEntry, writeCheckpoint } from './safetensors-writer.ts'
import { localFolder } from './tree.ts'

let root = ''

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pocket-phi-atomic-'))
})

afterEach(() => {
  rmSync(root, { recursive: true, force: true })
})

class Killed extends Error {}

/** Dies before the operation of this number and, like a dead process, does nothing after it. */
function killAt(number: number): FaultInjector & { readonly operations: string[] } {
  const operations: string[] = []
  return {
    operations,
    before(operation, path) {
      operations.push(`${operation} ${basename(path).replace(/\d+-\d+$/, '#')}`)
      if (operations.length >= number) throw new Killed()
    },
  }
}

async function codeOf(action: () => Promise<unknown>): Promise<string> {
  try {
    await action()
  } catch (error) {
    if (error instanceof PocketPhiError) return error.code
    throw error
  }
  return 'no error'
}

function text(...parts: string[]): string {
  return readFileSync(join(root, ...parts), 'utf8')
}

const chunks = ['new ', 'contents'].map((part) => new TextEncoder().encode(part))

describe('writeFileAtomic', () => {
  it('writes bytes, text and chunks, and leaves nothing else', async () => {
    await writeFileAtomic(join(root, 'a'), 'tést')
    await writeFileAtomic(join(root, 'b'), Uint8Array.of(104, 105))
    await writeFileAtomic(join(root, 'b'), chunks)
    expect([text('a'), text('b')]).toEqual(['tést', 'new contents'])
    expect(readdirSync(root)).toEqual(['a', 'b'])
  })

  it('asks the injector before every write, sync and rename', async () => {
    const faults = killAt(Infinity)
    await writeFileAtomic(join(root, 'a'), chunks, { faults })
    expect(faults.operations).toEqual([
      'write a.tmp-#',
      'write a.tmp-#',
      'write a.tmp-#',
      'sync a.tmp-#',
      'rename a',
      `sync ${basename(root)}`,
    ])
  })

  it.each([1, 2, 3, 4, 5, 6])('leaves the old file or the new one when killed before operation %i', async (number) => {
    writeFileSync(join(root, 'a'), 'old')
    await expect(writeFileAtomic(join(root, 'a'), chunks, { faults: killAt(number) })).rejects.toThrow(Killed)
    expect(text('a')).toBe(number > 5 ? 'new contents' : 'old')
    const leftover = number > 1 && number <= 5 ? [expect.stringMatching(/^a\.tmp-/)] : []
    expect(await cleanTemporaries(root)).toEqual(leftover)
    expect(readdirSync(root)).toEqual(['a'])
  })

  it('keeps the old file and no temporary when the chunks fail', async () => {
    writeFileSync(join(root, 'a'), 'old')
    const failing = function* (): Generator<Uint8Array> {
      yield Uint8Array.of(1)
      throw new Error('no more')
    }
    await expect(writeFileAtomic(join(root, 'a'), failing())).rejects.toThrow('no more')
    expect(text('a')).toBe('old')
    expect(readdirSync(root)).toEqual(['a'])
  })

  it('fails with a typed error without the folder', async () => {
    expect(await codeOf(() => writeFileAtomic(join(root, 'none', 'a'), 'x'))).toBe('not-found')
    writeFileSync(join(root, 'file'), '')
    expect(await codeOf(() => writeFileAtomic(join(root, 'file', 'a'), 'x'))).toBe('invalid-argument')
    mkdirSync(join(root, 'folder'))
    writeFileSync(join(root, 'folder', 'x'), '')
    expect(await codeOf(() => writeFileAtomic(join(root, 'folder'), 'x'))).toBe('invalid-argument')
    expect(readdirSync(root)).toEqual(['file', 'folder'])
  })
})

const fillWith = (contents: string) => {
  return async (folder: AtomicFolder): Promise<void> => {
    await folder.writeFile('one', contents)
    await folder.writeFile('two', contents)
  }
}

/** The contents of the folder as a reader finds it, all files of one state; undefined when there is none. */
async function readState(path: string): Promise<string | undefined> {
  const folder = await currentFolder(path)
  if (folder === undefined) return undefined
  expect(readdirSync(folder)).toEqual(['one', 'two'])
  const [one, two] = ['one', 'two'].map((name) => readFileSync(join(folder, name), 'utf8'))
  expect(one).toBe(two)
  return one
}

describe('writeFolderAtomic', () => {
  it('writes a folder, and replaces one only when told to', async () => {
    const path = join(root, 'step-1')
    await writeFolderAtomic(path, fillWith('old'))
    expect(await codeOf(() => writeFolderAtomic(path, fillWith('new')))).toBe('invalid-argument')
    expect(await readState(path)).toBe('old')
    await writeFolderAtomic(path, fillWith('new'), { replace: true })
    expect(await readState(path)).toBe('new')
    expect(readdirSync(root)).toEqual(['step-1'])
  })

  it('leaves no folder or the whole folder, at whichever operation it is killed', async () => {
    const counting = killAt(Infinity)
    await writeFolderAtomic(join(root, 'trial'), fillWith('new'), { faults: counting })
    expect(counting.operations.slice(-2)).toEqual(['rename trial', `sync ${basename(root)}`])
    const last = counting.operations.length
    for (let number = 1; number <= last; number++) {
      const path = join(root, `step-${number}`)
      await expect(writeFolderAtomic(path, fillWith('new'), { faults: killAt(number) })).rejects.toThrow(Killed)
      expect(await readState(path)).toBe(number === last ? 'new' : undefined)
      await cleanTemporaries(root)
      expect(await readState(path)).toBe(number === last ? 'new' : undefined)
    }
    expect(readdirSync(root)).toEqual([`step-${last}`, 'trial'])
  })

  it('leaves the old folder or the new one when it is killed while replacing, and while cleaning after that', async () => {
    const path = join(root, 'latest')
    let finished = false
    const states: (string | undefined)[] = []
    for (let number = 1; !finished; number++) {
      rmSync(path, { recursive: true, force: true })
      await writeFolderAtomic(path, fillWith('old'))
      finished = await writeFolderAtomic(path, fillWith('new'), { replace: true, faults: killAt(number) }).then(
        () => true,
        (error: unknown) => {
          expect(error).toBeInstanceOf(Killed)
          return false
        },
      )
      const state = await readState(path)
      states.push(state)
      expect(['old', 'new']).toContain(state)
      let cleaned = false
      for (let inner = 1; !cleaned; inner++) {
        cleaned = await cleanTemporaries(root, { faults: killAt(inner) }).then(
          () => true,
          () => false,
        )
        expect(await readState(path)).toBe(state)
      }
      expect(readdirSync(root)).toEqual(['latest'])
    }
    expect(states.length).toBeGreaterThan(12)
    expect(states.at(-1)).toBe('new')
    expect(states).toEqual([...states].sort((left, right) => (left === right ? 0 : left === 'old' ? -1 : 1)))
  })

  it('never goes back when crash follows crash and nobody cleans up', async () => {
    const path = join(root, 'latest')
    const replace = async (contents: string, number = Infinity): Promise<void> => {
      await writeFolderAtomic(path, fillWith(contents), { replace: true, faults: killAt(number) }).catch(
        () => undefined,
      )
    }
    for (let second = 9; second <= 13; second++) {
      for (let third = 9; third <= 16; third++) {
        await replace('first')
        await replace('second', second)
        const before = await readState(path)
        expect(['first', 'second']).toContain(before)
        await replace('third', third)
        expect([before, 'third']).toContain(await readState(path))
      }
    }
    await replace('fourth')
    expect(await readState(path)).toBe('fourth')
    await cleanTemporaries(root)
    expect(readdirSync(root)).toEqual(['latest'])
  })

  it('removes no folder under a name by which it may be taken for a whole one', async () => {
    const path = join(root, 'latest')
    const faults = killAt(Infinity)
    await writeFolderAtomic(path, fillWith('old'))
    await writeFolderAtomic(path, fillWith('new'), { replace: true, faults })
    expect(faults.operations.slice(-5)).toEqual([
      'rename latest.old-#',
      'rename latest',
      `sync ${basename(root)}`,
      'rename latest.tmp-#',
      'remove latest.tmp-#',
    ])
  })

  it('leaves nothing when filling fails, and refuses names that leave the folder', async () => {
    const path = join(root, 'step')
    await expect(
      writeFolderAtomic(path, async (folder) => {
        await folder.writeFile('one', 'x')
        throw new Error('stop')
      }),
    ).rejects.toThrow('stop')
    for (const name of ['../x', 'a/b', 'a\\b', '', '.', '..', 'c:x']) {
      const fill = (folder: AtomicFolder): Promise<void> => folder.writeFile(name, 'x')
      expect(await codeOf(() => writeFolderAtomic(path, fill))).toBe('invalid-argument')
    }
    expect(readdirSync(root)).toEqual([])
  })

  it('takes the shards of a checkpoint', async () => {
    const path = join(root, 'checkpoint')
    const entries = ['a', 'b'].map((name, index) => floatEntry(name, [3], Float32Array.of(index, 1, 2)))
    await writeFolderAtomic(path, async (folder) => void (await writeCheckpoint(entries, {}, 12, folder.writeFile)))
    const checkpoint = await openSafetensors(localFolder(path))
    expect(await checkpoint.readFloat32('b')).toEqual(Float32Array.of(1, 1, 2))
    await checkpoint.close()
  })
})

describe('removeFolderAtomic', () => {
  it('leaves the whole folder or none, at whichever operation it is killed', async () => {
    const path = join(root, 'step-1')
    const states: (string | undefined)[] = []
    for (const number of [1, 2, 3]) {
      rmSync(path, { recursive: true, force: true })
      await writeFolderAtomic(path, fillWith('old'))
      await removeFolderAtomic(path, { faults: killAt(number) }).catch(() => undefined)
      states.push(await readState(path))
      await cleanTemporaries(root)
      expect(await readState(path)).toBe(states.at(-1))
    }
    expect(states).toEqual(['old', undefined, undefined])
    expect(readdirSync(root)).toEqual([])
    expect(await codeOf(() => removeFolderAtomic(path))).toBe('not-found')
  })
})

describe('cleanTemporaries', () => {
  it('keeps everything else, and temporaries of living processes and of this thread', async () => {
    const kept = ['a', 'a.tmp', 'a.tmp-1', 'a.tmp-x-1', `b.tmp-${process.ppid}-1`]
    for (const name of [...kept, `c.tmp-${process.pid}-7`, 'd.tmp-999999999-1']) writeFileSync(join(root, name), '')
    let during: string[] = []
    const slow = async function* (): AsyncGenerator<Uint8Array> {
      yield Uint8Array.of(1)
      during = await cleanTemporaries(root)
      yield Uint8Array.of(2)
    }
    await writeFileAtomic(join(root, 'e'), slow())
    expect(during).toEqual([`c.tmp-${process.pid}-7`, 'd.tmp-999999999-1'])
    expect(readdirSync(root)).toEqual([...kept, 'e'])
    expect(await codeOf(() => cleanTemporaries(join(root, 'none')))).toBe('not-found')
  })
})

/** The id of a process that has ended. */
function deadProcess(): number {
  return spawnSync(process.execPath, ['--version']).pid
}

describe('cleanTemporariesOf', () => {
  it('removes what dead writers of this path left, whole folders too, and nothing else', async () => {
    const dead = deadProcess()
    const left = [`model.scratch-${dead}-2`, `model.tmp-${dead}-1`]
    const alive = [`model.scratch-${process.ppid}-4`, `model.tmp-${process.ppid}-3`]
    const others = [`model-2.tmp-${dead}-5`, `my-model.scratch-${dead}-6`, 'model.scratch-xac3ZS', 'model']
    for (const name of [...left, ...alive, ...others]) {
      mkdirSync(join(root, name))
      writeFileSync(join(root, name, 'weights'), 'x')
    }
    expect(await cleanTemporariesOf(join(root, 'model'))).toEqual(left)
    expect(readdirSync(root)).toEqual([...alive, ...others].sort())
    expect(await cleanTemporariesOf(join(root, 'model'))).toEqual([])
  })

  it('brings back a folder whose successor never came', async () => {
    mkdirSync(join(root, `model.old-${deadProcess()}-1`))
    await cleanTemporariesOf(join(root, 'model'))
    expect(readdirSync(root)).toEqual(['model'])
  })

  it('has nothing to do where there is no folder yet', async () => {
    expect(await cleanTemporariesOf(join(root, 'none', 'model'))).toEqual([])
  })
})

describe('withScratchFolder', () => {
  it('gives a folder of its own, which a cleaning of this thread leaves alone, and removes it', async () => {
    const path = join(root, 'out')
    const found = await withScratchFolder(path, async (folder) => {
      writeFileSync(join(folder, 'piece'), 'x')
      expect(await cleanTemporariesOf(path)).toEqual([])
      return readdirSync(root)
    })
    expect(found).toEqual([expect.stringMatching(new RegExp(`^out\\.scratch-${process.pid}-\\d+$`))])
    expect(readdirSync(root)).toEqual([])
  })

  it('is cleaned away after a crash', async () => {
    const path = join(root, 'out')
    const module = new URL('atomic.ts', import.meta.url).href
    const script = `
      const { withScratchFolder } = await import(process.argv[1])
      await withScratchFolder(process.argv[2], () => process.kill(process.pid, 'SIGKILL'))`
    spawnSync(process.execPath, ['--input-type=module', '--eval', script, module, path])
    const left = readdirSync(root)
    expect(left).toHaveLength(1)
    expect(await cleanTemporariesOf(path)).toEqual(left)
    expect(readdirSync(root)).toEqual([])
  })
})

describe('a process that is killed', () => {
  /** Replaces a folder in a process of its own that kills itself before one operation. */
  function replaceInChild(path: string, number: number): boolean {
    const script = `
      const { writeFolderAtomic } = await import(process.argv[1])
      let operations = 0
      const faults = { before() { if (++operations >= Number(process.argv[3])) process.kill(process.pid, 'SIGKILL') } }
      await writeFolderAtomic(process.argv[2], async folder => {
        await folder.writeFile('one', 'new')
        await folder.writeFile('two', 'new')
      }, { replace: true, faults })`
    const module = new URL('atomic.ts', import.meta.url).href
    const { status, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', script, module, path, String(number)],
      { encoding: 'utf8' },
    )
    if (status !== null && status !== 0) expect.fail(stderr)
    return status === 0
  }

  it('leaves the old folder or the new one and what the next start cleans', async () => {
    const path = join(root, 'latest')
    await writeFolderAtomic(path, fillWith('old'))
    const states: (string | undefined)[] = []
    for (const number of [4, 10, 11, 12, 13, 14, 15]) {
      replaceInChild(path, number)
      await cleanTemporaries(root)
      expect(readdirSync(root)).toEqual(['latest'])
      states.push(await readState(path))
    }
    expect(states[0]).toBe('old')
    expect(states.at(-1)).toBe('new')
  })
})
