/** A tiny Phi-3-vision against the reference implementation: files of pictures in, logits and a continuation out. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { loadModel } from '../src/index.ts'
import golden from './fixtures/phi3v-tiny/golden.json' with { type: 'json' }

const folder = fileURLToPath(new URL('fixtures/phi3v-tiny/', import.meta.url))

test('two pictures and a question', async () => {
  await using model = await loadModel(folder, { backend: 'wasm', exact: true, context: 1024 })
  const pictures = await Promise.all(
    [1, 2].map((number) => model.picture(readFileSync(`${folder}image${number}.png`), { tiles: golden.tiles })),
  )
  // In the reference the rows of picture k have the id -k.
  const ids = golden.ids.flatMap((id) => (id < 0 ? [...(pictures[-id - 1]?.ids ?? [])] : [id]))
  expect(ids.length).toBe(golden.lastPosition + 1)
  const sequence = await model.engine.open(ids, { pictures })
  try {
    const logits = await sequence.logits()
    golden.lastLogits.forEach((value, id) => expect(Math.abs((logits[id] ?? NaN) - value)).toBeLessThan(1e-4))
    for (const [index, rows] of golden.pictureRows.entries()) {
      for (const [row = 0, column = 0, value = NaN] of rows) {
        const picture = pictures[index]
        const found = picture?.rowOf(picture.ids[row] ?? 0)[column] ?? NaN
        expect(Math.abs(found - value)).toBeLessThan(1e-4)
      }
    }
    const continuation: number[] = []
    for (const _ of golden.continuation) {
      const row = await sequence.logits()
      continuation.push(row.indexOf(Math.max(...row)))
      sequence.append(continuation.slice(-1))
    }
    expect(continuation).toEqual(golden.continuation)
  } finally {
    sequence.close()
  }
})
