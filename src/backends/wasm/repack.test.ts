import { describe, expect, test } from 'vitest'
import { Random } from '../../base/random.ts'
import { instantiate, kernelBuilds } from './kernel-harness.ts'
import { kernelModule } from './module.ts'
import { inTypeScript, randomPanelRows, repackedTypes, repackFaults, withoutScale } from './repack-checks-harness.ts'
import { panelRepacker } from './repack.ts'

describe.each(kernelBuilds)('$build, threads: $threads', ({ build, threads }) => {
  test('the kernel takes what plain TypeScript takes, and gives it the same bytes', () => {
    expect([...repackFaults(instantiate(build, threads))]).toEqual([])
  })

  test('what devices offer repacks in place, panels of any size in turn, and leaves what it refuses as it was', async () => {
    const repack = panelRepacker(await kernelModule(build, threads), threads)
    const random = new Random(84)
    for (let trial = 0; trial < 40; trial++) {
      const good = randomPanelRows(random, random.pick(repackedTypes))
      const bad = withoutScale(random, good)
      expect([inTypeScript(good).kept, inTypeScript(bad)]).toEqual([true, { kept: false, panel: bad.bytes }])
      for (const given of [good, bad]) {
        const panel = given.bytes.slice()
        const kept = repack(given.type, panel, given.rows, given.columns)
        expect({ kept, panel }).toEqual(inTypeScript(given))
      }
    }
  })
})
