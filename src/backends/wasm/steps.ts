import type { TensorType } from '../../base/dtype.ts'
import type { InputCheck } from '../index-checks.ts'
import type { BufferId, Place } from '../operands.ts'
import type { StepOutput } from '../outputs.ts'

/*
 * What the wasm backend runs: a list of kernel calls over buffers, as plain data. Lowering makes it from a program, rewrites
 * turn it into a better list, the layout gives the buffers addresses.
 */

/** Per-thread workspace: one buffer that all steps share, since a barrier or a private slot separates its users. */
export const workspaceBuffer: BufferId = 0

export type BufferSource =
  | { readonly kind: 'workspace' }
  /** A computed value or a temporary of one step; the plan overlays those that are never alive together. */
  | { readonly kind: 'scratch' }
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'store'; readonly name: string; readonly slab: number }

export interface StepBuffer {
  readonly bytes: number
  readonly source: BufferSource
}

/** Stands for the bytes of workspace of one thread: the same in all steps, so that slots never overlap. */
export const workspaceStride = 'workspace stride'

/** A 4-byte word of an argument block: an i32, an f32 or an address. */
export type Word = number | { readonly float: number } | Place | typeof workspaceStride

export interface Step {
  readonly kernel: string
  readonly words: readonly Word[]
  readonly reads: readonly BufferId[]
  readonly writes: readonly BufferId[]
  /** In multiply-adds, of which a thread does about 20 billion a second; memory traffic is counted as such. */
  readonly cost: number
  /** Bytes of workspace that each thread needs. */
  readonly workspace: number
  readonly scope: string
  /** The matrix of an expert which has to be in a slot of its pool when the step runs; its address then becomes a word of the step. */
  readonly matrix?: string
}

/** Which words of a step for the places of one expert are the table of the places, the expert, and the address of its matrix. */
export const expertWords = { table: 0, expert: 1, matrix: 5 } as const

export interface StepInput {
  readonly name: string
  readonly type: TensorType
  readonly buffer: BufferId
}

export interface StepProgram {
  readonly name: string
  readonly buffers: readonly StepBuffer[]
  readonly steps: readonly Step[]
  readonly inputs: readonly StepInput[]
  readonly outputs: readonly StepOutput[]
  readonly checks: readonly InputCheck[]
}

/**
 * Copies a whole buffer into one in another memory: words are the two places and the bytes. Not a kernel of the module,
 * which sees one memory; the only step that touches two.
 */
export const copyBetweenMemories = 'copyBetweenMemories'

/** Kernels whose whole work is done by thread 0: two such steps in a row need no barrier between them. */
export const threadZeroKernels: ReadonlySet<string> = new Set([
  'sum',
  'clipFactor',
  'expertPlaces',
  'weightedSum',
  copyBetweenMemories,
])

/** Whether a word of an argument block stands for an address, which is known once memory has been laid out. */
export function isPlace(word: Word): word is Place {
  return typeof word === 'object' && 'buffer' in word
}

/** A word that is a number. */
export function numberAt(step: Step, index: number): number {
  const word = step.words[index]
  if (typeof word !== 'number') throw new Error(`defect: word ${index} of ${step.kernel} is no number`)
  return word
}

/** A word that is an address; undefined for another. */
export function placeAt({ words }: Step, index: number): Place | undefined {
  const word = words[index]
  return word !== undefined && isPlace(word) ? word : undefined
}

/** The steps that touch each buffer, by their index; one more than the last where it is an output. */
export function usersOf({ steps, outputs }: StepProgram): ReadonlyMap<BufferId, readonly number[]> {
  const users = new Map<BufferId, number[]>()
  const note = (buffer: BufferId, index: number): void => {
    const known = users.get(buffer)
    if (known === undefined) users.set(buffer, [index])
    else known.push(index)
  }
  steps.forEach(({ reads, writes }, index) => new Set([...reads, ...writes]).forEach((buffer) => note(buffer, index)))
  outputs.forEach(({ pieces }) => pieces.forEach(({ buffer }) => note(buffer, steps.length)))
  return users
}

function formatWord(program: StepProgram, word: Word): string {
  if (typeof word !== 'object') return String(word)
  if (!isPlace(word)) return `${word.float}f`
  const source = program.buffers[word.buffer]?.source
  const name =
    source?.kind === 'store'
      ? `@${source.name}${source.slab > 0 ? `.${source.slab}` : ''}`
      : source?.kind === 'input'
        ? `$${source.name}`
        : source?.kind === 'workspace'
          ? 'workspace'
          : `#${word.buffer}`
  return word.offset === 0 ? name : `${name}+${word.offset}`
}

/** The steps as text, one a line; the same program always prints the same text. */
export function printSteps(program: StepProgram): string {
  const lines = program.steps.map(
    (step) => `  ${step.kernel}(${step.words.map((word) => formatWord(program, word)).join(', ')})`,
  )
  return `steps ${program.name}\n${lines.join('\n')}\n`
}
