import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { snapshotFolder } from './snapshot.ts'

test('what killed processes left is removed, and nothing of those that live or of others', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'pocket-phi-snapshots-'))
  onTestFinished(() => rm(parent, { recursive: true }))
  const { pid: dead } = spawnSync(process.execPath, ['--version'])
  const stays = [
    `pocket-phi-python-${process.ppid}-abcdef`,
    `pocket-phi-python-${process.pid}-abcdef`,
    'pocket-phi-python-abcdef',
    `other-${dead}-abcdef`,
  ]
  // It may be of a process that lives in another container.
  const young = `pocket-phi-python-${dead}-young1`
  const longAgo = new Date(Date.now() - 25 * 60 * 60 * 1000)
  for (const name of [...stays, young, `pocket-phi-python-${dead}-abcdef`]) {
    await mkdir(join(parent, name))
    await writeFile(join(parent, name, 'snapshot'), 'memory')
    if (name !== young) await utimes(join(parent, name), longAgo, longAgo)
  }
  const made = await snapshotFolder(parent)
  expect(basename(made)).toMatch(new RegExp(`^pocket-phi-python-${process.pid}-\\w{6}$`))
  expect((await readdir(parent)).toSorted()).toEqual([...stays, young, basename(made)].toSorted())
})
