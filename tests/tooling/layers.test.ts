import { describe, expect, it } from 'vitest'

import { appFaults, fileFaults, importsOf, reachable, rooms, tableFaults } from '../../scripts/layers.ts'

describe('the table of rooms', () => {
  it('has no faults', () => {
    expect(tableFaults()).toEqual([])
    expect(reachable('engine')).toEqual(
      new Set(['engine', 'models', 'backends', 'formats', 'text', 'grammar', 'vision', 'base', 'program', 'blocks']),
    )
  })

  it('lets the command line reach every room', () => {
    expect([...reachable('cli')].sort()).toEqual(Object.keys(rooms).sort())
  })

  it('finds rows that lead in a circle or nowhere', () => {
    const table = { a: { rooms: ['b'] }, b: { rooms: ['a', 'c'] } }
    expect(tableFaults(table)).toEqual([
      "scripts/layers.ts: 'a' names 'b', which leads back to 'a'",
      "scripts/layers.ts: 'b' names 'a', which leads back to 'b'",
      "scripts/layers.ts: the row of 'b' names 'c', which has no row",
    ])
  })
})

describe('importsOf', () => {
  it('finds every way to reach another file, and nothing in comments or strings', () => {
    const source = `// import './comment.ts'
import './effect.ts'
import type { A } from './type.ts'
import {
  b,
} from "./value.ts"
export * from './all.ts'
export type { C } from './exported-type.ts'
const text = "import './text.ts'"
const later = () => import('./later.ts')
type Files = typeof import('node:fs')
const worker = new Worker(new URL('./worker.ts', import.meta.url))
`
    expect(importsOf('src/base/example.ts', source)).toEqual([
      { specifier: './effect.ts', line: 2, typeOnly: false },
      { specifier: './type.ts', line: 3, typeOnly: true },
      { specifier: './value.ts', line: 6, typeOnly: false },
      { specifier: './all.ts', line: 7, typeOnly: false },
      { specifier: './exported-type.ts', line: 8, typeOnly: true },
      { specifier: './later.ts', line: 10, typeOnly: false },
      { specifier: 'node:fs', line: 11, typeOnly: true },
      { specifier: './worker.ts', line: 12, typeOnly: false },
    ])
  })
})

describe('fileFaults', () => {
  const faults = (file: string, specifier: string): string[] => fileFaults(file, `import { x } from '${specifier}'`)

  it.each([
    ['src/engine/a.ts', './b.ts'],
    ['src/engine/a.ts', '../models/phi3.ts'],
    ['src/engine/deep/a.ts', '../../base/errors.ts'],
    ['src/text/chat.ts', '@huggingface/jinja'],
    ['src/cli/main.ts', 'node:fs'],
    ['src/cli/main.ts', '../index.ts'],
    ['src/data/pack.ts', './world/grammar.ts'],
    ['src/index.ts', './engine/engine.ts'],
    ['src/base/errors.test.ts', '../cli/main.ts'],
  ])('lets %s import %s', (file, specifier) => {
    expect(faults(file, specifier)).toEqual([])
  })

  it.each([
    ['src/base/a.ts', '../blocks/half.ts', 'src/base may not import src/blocks (allowed: itself only)'],
    [
      'src/text/a.ts',
      '../program/trace.ts',
      'src/text may not import src/program (allowed: src/base, src/formats, src/blocks)',
    ],
    ['src/engine/a.ts', '../cli/main.ts', 'src/engine may not import src/cli'],
    ['src/engine/a.ts', '../index.ts', 'src/engine may not import src (allowed'],
    [
      'src/data/world/a.ts',
      '../pack.ts',
      'src/data/world may not import src/data (allowed: src/base, src/search, src/formats, src/blocks)',
    ],
    ['src/engine/a.ts', 'node:fs', "src/engine also runs in a browser and may not import 'node:fs'"],
    ['src/data/world/a.ts', 'node:fs', 'src/data/world also runs in a browser'],
    ['src/base/platform.ts', 'node:fs', 'src/base also runs in a browser'],
    ['src/engine/a.ts', 'zod', "src/engine may not import the package 'zod' (allowed: none)"],
    ['src/text/a.ts', '@huggingface/tokenizers/x', "may not import the package '@huggingface/tokenizers'"],
    ['src/engine/a.ts', '../../scripts/layers.ts', 'is in no room of src'],
    ['src/engine/a.ts', './b.test.ts', "'./b.test.ts' is for tests only"],
    ['src/wasm/a.ts', './b.ts', 'its folder has no row'],
  ])('reports %s importing %s', (file, specifier, message) => {
    expect(faults(file, specifier)).toEqual([expect.stringContaining(message)])
  })

  it('lets only the bridge name types of Node', () => {
    const source = `type Files = typeof import('node:fs')`
    expect(fileFaults('src/base/platform.ts', source)).toEqual([])
    expect(fileFaults('src/formats/file.ts', source)).toEqual([expect.stringMatching(/^src\/formats\/file\.ts:1: /)])
  })
})

describe('appFaults', () => {
  it('lets an app import its own files, other packages and public entry points, and nothing else', () => {
    const source = [
      `import './near.ts'`,
      `import { render } from 'preact'`,
      `import { loadModel } from 'pocket-phi'`,
      `import type { RemoteModel } from 'pocket-phi/worker'`,
      `import { planPull } from 'pocket-phi/hub/cache/pull.ts'`,
      `import { Random } from '../../../../src/base/random.ts'`,
    ].join('\n')
    expect(appFaults('apps/web/src/app/a.ts', source, ['pocket-phi', 'pocket-phi/worker'])).toEqual([
      "apps/web/src/app/a.ts:5: 'pocket-phi/hub/cache/pull.ts' is no public entry point (there are: pocket-phi, pocket-phi/worker)",
      "apps/web/src/app/a.ts:6: '../../../../src/base/random.ts' leaves apps/web; import a public entry point of the package",
    ])
  })
})
