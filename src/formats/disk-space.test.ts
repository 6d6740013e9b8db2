import { statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { checkDiskSpace, freeBytesAt } from './disk-space.ts'

it('asks the file system of the nearest folder that exists', async () => {
  const { bavail, bsize } = statfsSync(tmpdir())
  const free = await freeBytesAt(join(tmpdir(), 'not', 'there', 'yet'))
  // Others write meanwhile.
  expect(Math.abs(free - bavail * bsize)).toBeLessThan(2e9)
})

it('says what is needed and what is there', async () => {
  await checkDiskSpace('out', 1000, async () => 1000)
  await expect(checkDiskSpace('out', 7_642_159_104, async () => 7_642_159_103)).rejects.toMatchObject({
    code: 'out-of-memory',
    expected: '7.642 GB free',
    found: '7.642 GB',
  })
  await expect(checkDiskSpace(tmpdir(), 1e18)).rejects.toMatchObject({
    code: 'out-of-memory',
    expected: '1000000000.000 GB free',
    message: expect.stringContaining(tmpdir()),
  })
})
