import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { loadModel } from '../engine/load-model.ts'
import { tinyFiles } from '../engine/tiny-model-harness.ts'
import { ChatSession } from './chat-commands.ts'

test('/save writes no file of others over, and its own again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'phi-commands-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await using model = await loadModel(await tinyFiles(), { backend: 'ref', template: 'phi-3-mini' })
  const session = new ChatSession({
    ...{ model, name: 'tiny', system: undefined, generate: {}, pictures: [], tiles: undefined, searcher: undefined },
  })
  const save = async (name: string): Promise<string> => {
    const step = await session.handle(`/save ${join(folder, name)}`, new AbortController().signal)
    return step.kind === 'text' ? step.text : step.kind
  }
  await writeFile(join(folder, 'notes.md'), 'mine')
  expect(await save('notes.md')).toMatch(/exists already/)
  expect(await readFile(join(folder, 'notes.md'), 'utf8')).toBe('mine')
  expect([await save('chat.json'), await save('chat.json')]).toEqual(Array(2).fill(expect.stringMatching(/^Saved 0/)))
})
