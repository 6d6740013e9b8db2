import { Command } from 'commander'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { packMatrix } from '../blocks/packed.ts'
import { tinyFiles } from '../engine/tiny-model-harness.ts'
import { openTiny, tinyReferences } from '../eval/published/published-cases.ts'
import { publishedReferences, type PublishedReference } from '../eval/published/index.ts'
import { packedEntry, packedMetadata, type PackedType } from '../formats/packed-checkpoint.ts'
import { floatEntry, safetensorsBytes } from '../formats/safetensors-writer.ts'
import { openSafetensors } from '../formats/safetensors.ts'
import { memoryFolder } from '../formats/tree.ts'
import { registerVerify } from './verify.ts'

let folder = ''
let references: Awaited<ReturnType<typeof tinyReferences>>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'phi-verify-'))
  for (const [name, bytes] of await tinyFiles()) await writeFile(join(folder, name), bytes)
  await using model = await openTiny()
  references = await tinyReferences(model)
})

afterEach(() => {
  process.exitCode = undefined
  vi.restoreAllMocks()
})

afterAll(() => rm(folder, { recursive: true }))

/** Runs `phi verify` with these references; what it prints, and the exit code that it sets. */
async function verify(all: readonly PublishedReference[], ...options: string[]) {
  return await verifyModel(folder, all, options)
}

async function verifyModel(model: string, all: readonly PublishedReference[], options: readonly string[]) {
  let out = ''
  process.exitCode = 0
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text)
    return true
  })
  const program = new Command().exitOverride()
  registerVerify(program, all)
  await program.parseAsync(['verify', model, '--backend', 'ref', ...options], { from: 'user' })
  return { out, code: process.exitCode }
}

const wrong = ({ logits: reference }: typeof references): PublishedReference => ({
  ...reference,
  name: 'made-up wrong',
  logits: reference.logits.map((row) => row.map((value) => value + 1)),
})

test('a model that gives the published figures passes, with expected and found side by side', async () => {
  const { out, code } = await verify([references.logits, references.continuation])
  expect(code).toBe(0)
  expect(out).toContain('passed  made-up logits of made-up/tiny, exact\n')
  expect(out).toContain('the first 6 of 6 are the expected ones')
  const [expected, found] = out.match(/(?<=expected +|found +)"[^\n]+/g) ?? []
  expect(found).toBe(expected)
  expect(out).toMatch(/\n2 of 2 passed; the weights are f32\.\n$/)
})

test('one that does not pass makes the exit code 1; JSON holds the figures', async () => {
  const { out, code } = await verify([references.logits, wrong(references)], '--json')
  expect(code).toBe(1)
  const report = JSON.parse(out) as { passed: number; of: number; results: { passed: boolean; worst: object }[] }
  expect(report).toMatchObject({ passed: 1, of: 2, formats: ['f32'] })
  expect(report.results[1]).toMatchObject({ mode: 'exact', reference: 'made-up wrong', passed: false, kind: 'logits' })
  expect(await verify([wrong(references)], '--tolerance', '1.1')).toMatchObject({ code: 0 })
  expect((await verify([wrong(references)])).out).toMatch(/FAILED .*\n +difference +at most 1\.00 \(row /)
})

test('a model without references is told so, with the list of those that have some', async () => {
  await expect(verify(publishedReferences)).rejects.toMatchObject({
    code: 'not-found',
    expected: expect.stringContaining('microsoft/Phi-3-mini-128k-instruct  test_phi3_mini_128k_instruct_generation'),
  })
})

test('a reference of another shape is an error', async () => {
  await expect(verify([{ ...references.logits, ids: [1] }])).rejects.toMatchObject({ code: 'invalid-argument' })
})

/** The tiny model with its output matrix in 8 bits. */
async function packedWeights(): Promise<Uint8Array> {
  const checkpoint = await openSafetensors(memoryFolder(await tinyFiles()))
  const head: PackedType = { dtype: 'q8g32', shape: [320, 32] }
  const entries = checkpoint.names().map(async (name) => {
    const values = await checkpoint.readFloat32(name)
    if (name !== 'lm_head.weight') return floatEntry(name, checkpoint.info(name).shape, values, 'F32')
    return packedEntry(name, head, packMatrix(values, ...head.shape, head.dtype))
  })
  return await safetensorsBytes(await Promise.all(entries), packedMetadata(new Map([['lm_head.weight', head]])))
}

test('packed weights run in exact mode and as quantised, with a bound of their own', async () => {
  const file = join(folder, 'packed.safetensors')
  await writeFile(file, await packedWeights())
  const { out, code } = await verifyModel(file, [references.logits], ['--json'])
  const report = JSON.parse(out) as { results: { mode: string; found: number[][]; worst: { tolerance: number } }[] }
  const [exact, quantised] = report.results
  expect(report).toMatchObject({ passed: 2, of: 2, formats: expect.arrayContaining(['q8g32']) })
  expect([exact?.mode, quantised?.mode]).toEqual(['exact', 'quantised'])
  expect(exact?.worst.tolerance).toBe(0.5)
  expect(quantised?.found).not.toEqual(exact?.found)
  expect(code).toBe(0)
  expect(await verifyModel(file, [references.logits], ['--tolerance', '0.0001'])).toMatchObject({ code: 1 })
})
