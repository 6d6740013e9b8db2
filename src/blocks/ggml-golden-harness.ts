/** What the tests of the ggml blocks share: the numbers of the reference, and comparisons of bits. */
import { fileURLToPath } from 'node:url'
import { PocketPhiError } from '../base/errors.ts'
import { openSafetensors } from '../formats/safetensors.ts'
import { localFolder } from '../formats/tree.ts'

const folder = fileURLToPath(new URL('../../tests/fixtures', import.meta.url))

/** All tensors of the fixture, as bytes. */
async function readFixture(): Promise<ReadonlyMap<string, Uint8Array>> {
  const file = await openSafetensors(localFolder(folder), 'ggml-blocks.safetensors')
  const tensors = new Map<string, Uint8Array>()
  for (const name of file.names()) tensors.set(name, (await file.read(name)).slice())
  await file.close()
  return tensors
}

const fixture = await readFixture()

export function goldenBytes(name: string): Uint8Array<ArrayBuffer> {
  const bytes = fixture.get(name)
  if (bytes === undefined) throw new Error(`the fixture has no ${name}`)
  return new Uint8Array(bytes)
}

export function goldenFloats(name: string): Float32Array {
  return new Float32Array(goldenBytes(name).buffer)
}

/** Elements whose bits differ; NaNs are equal. */
export function differences(actual: Float32Array, expected: Float32Array): number {
  let count = Math.abs(actual.length - expected.length)
  for (let index = 0; index < expected.length; index++) if (!Object.is(actual[index], expected[index])) count += 1
  return count
}

export function squaredError(actual: Float32Array, expected: Float32Array): number {
  return expected.reduce((sum, value, index) => sum + (value - (actual[index] ?? NaN)) ** 2, 0)
}

/** The error that an action throws. */
export function errorOf(action: () => unknown): PocketPhiError {
  try {
    action()
  } catch (error) {
    if (error instanceof PocketPhiError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
