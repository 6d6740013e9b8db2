import { describe, expect, it } from 'vitest'
import { contenders, parsePeer } from './peers.ts'
import type { Settings } from './rounds.ts'

const settings: Settings = {
  model: '/models/some.gguf',
  threads: 2,
  prompts: [32],
  depths: [0],
  tokens: 8,
  cacheType: 'f16',
  wide: false,
  context: 512,
  place: 'node',
}
/** Something that is there. */
const folder = import.meta.dirname

describe('parsePeer', () => {
  it('takes a name and a path, which may hold what separates them', () => {
    const { peer, path } = parsePeer('llama.cpp=/opt/a=b/llama-bench')
    expect([peer.name, path]).toEqual(['llama.cpp', '/opt/a=b/llama-bench'])
  })

  it.each(['llama.cpp', 'llama.cpp=', 'ollama=/opt', '=/opt', ''])('refuses "%s" and says what there is', (text) => {
    expect(() => parsePeer(text)).toThrow(/wllama=PATH \(the folder/)
  })
})

describe('contenders', () => {
  it('are the engine and the variants of each peer, in the order in which they were named', () => {
    const named = [`onnxruntime=${folder}`, `node-llama-cpp=${folder}`]
    const found = contenders(settings, named, folder)
    expect(found.map(({ name }) => name)).toEqual([
      'pocket-phi',
      'onnxruntime',
      'node-llama-cpp, flash attention on',
      'node-llama-cpp, flash attention off',
    ])
    expect(found[0]?.settings).toEqual(settings)
    expect(found[3]?.settings).toEqual({ ...settings, peer: { path: folder, flash: false, onnx: folder } })
  })

  it('run in one place', () => {
    expect(() => contenders(settings, [`wllama=${folder}`], folder)).toThrow(/--in chromium/)
    const inPage = contenders({ ...settings, place: 'chromium' }, [`wllama=${folder}`], folder)
    expect(inPage.map(({ script }) => script)).toEqual([
      'chromium/engine-round.ts',
      'peers/wllama.ts',
      'peers/wllama.ts',
    ])
    expect(() => contenders({ ...settings, place: 'chromium' }, [`llama.cpp=${folder}`], folder)).toThrow(/--in node/)
  })

  it('have to be there, a model for onnxruntime too', () => {
    expect(() => contenders(settings, ['llama.cpp=/nowhere/llama-bench'], folder)).toThrow(/\/nowhere\/llama-bench/)
    expect(() => contenders(settings, [`onnxruntime=${folder}`], '/nowhere/model.onnx')).toThrow(/--onnx FILE/)
  })
})
