/** What the engine can be compared with. None of it is part of this project: who wants a peer installs it in a folder outside. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { PocketPhiError } from '../src/base/errors.ts'
import type { PeerSettings, Settings } from './rounds.ts'

export interface Peer {
  readonly name: string
  /** What `--peer NAME=` takes, as a phrase. */
  readonly takes: string
  /** Where it runs. */
  readonly place: Settings['place']
  /** Its round, in this folder. */
  readonly script: string
  /** Ways to run it, each a contender; the best of them counts. The label is what stands behind the name. */
  readonly variants: readonly { readonly label: string; readonly flash: boolean }[]
}

const flashOnAndOff = [
  { label: 'flash attention on', flash: true },
  { label: 'flash attention off', flash: false },
] as const

export const peers: readonly Peer[] = [
  {
    name: 'node-llama-cpp',
    takes: 'the folder that it is installed in',
    place: 'node',
    script: 'peers/node-llama-cpp.ts',
    variants: flashOnAndOff,
  },
  {
    name: 'llama.cpp',
    takes: 'its program llama-bench',
    place: 'node',
    script: 'peers/llama-cpp.ts',
    variants: flashOnAndOff,
  },
  {
    name: 'onnxruntime',
    takes: 'the folder that onnxruntime-node is installed in',
    place: 'node',
    script: 'peers/onnxruntime.ts',
    variants: [{ label: '', flash: false }],
  },
  {
    name: 'wllama',
    takes: 'the folder that @wllama/wllama is installed in',
    place: 'chromium',
    script: 'peers/wllama.ts',
    variants: flashOnAndOff,
  },
]

interface ChosenPeer {
  readonly peer: Peer
  readonly path: string
}

/** NAME=PATH. @throws PocketPhiError `invalid-argument` */
export function parsePeer(text: string): ChosenPeer {
  const [name = '', ...rest] = text.split('=')
  const path = rest.join('=')
  const peer = peers.find((one) => one.name === name)
  if (peer !== undefined && path !== '') return { peer, path }
  throw new PocketPhiError('invalid-argument', `--peer ${text} names no peer.`, {
    expected: peers.map((one) => `--peer ${one.name}=PATH (${one.takes})`).join(', '),
    found: text,
  })
}

/** One of those who take turns. */
export interface Contender {
  readonly name: string
  readonly script: string
  readonly settings: Settings | PeerSettings
}

/** The name of the engine among contenders. */
export const engineName = 'pocket-phi'

/** Who takes turns: the engine, then the variants of the peers. @throws PocketPhiError `invalid-argument`, `not-found` */
export function contenders(settings: Settings, named: readonly string[], onnx: string): Contender[] {
  const script = settings.place === 'node' ? 'engine-round.ts' : 'chromium/engine-round.ts'
  const chosen = named.map((text) => parsePeer(text))
  for (const { peer, path } of chosen) {
    checkPlace(peer, settings)
    for (const needed of peer.name === 'onnxruntime' ? [path, onnx] : [path]) checkThere(peer, needed)
  }
  return [{ name: engineName, script, settings }, ...chosen.flatMap((one) => variantsOf(one, settings, onnx))]
}

function variantsOf({ peer, path }: ChosenPeer, settings: Settings, onnx: string): Contender[] {
  return peer.variants.map(({ label, flash }) => ({
    name: label === '' ? peer.name : `${peer.name}, ${label}`,
    script: peer.script,
    settings: { ...settings, peer: { path: resolve(path), flash, onnx: resolve(onnx) } },
  }))
}

function checkPlace({ name, place }: Peer, settings: Settings): void {
  if (place === settings.place) return
  throw new PocketPhiError('invalid-argument', `${name} cannot be compared with an engine that runs elsewhere.`, {
    expected: `--in ${place}`,
    found: settings.place,
  })
}

function checkThere({ name, takes }: Peer, path: string): void {
  if (existsSync(path)) return
  throw new PocketPhiError('not-found', `What ${name} needs is not there.`, {
    expected: name === 'onnxruntime' ? `${takes}, and a model as an ONNX file (--onnx FILE)` : takes,
    found: `nothing at ${path}`,
  })
}
