/** Experts that are read from the file of the weights when they are chosen. */
import type { ExpertSource } from '../backends/backend.ts'
import { isBlockDType } from '../base/dtype.ts'
import { PocketPhiError } from '../base/errors.ts'
import type { ParameterSpec } from '../models/trace.ts'
import { mixturesOf } from '../program/mixtures.ts'
import type { MemoryPlan } from '../program/plan.ts'
import type { Program } from '../program/program.ts'
import type { EnginePrograms } from './programs.ts'
import { readTensor } from './read-tensor.ts'
import { fileFormat, isGguf, modelType, pieceReader, Staging, type WeightsFile } from './weights.ts'

function expertNames(programs: readonly Program[]): Set<string> {
  return new Set(mixturesOf(programs).flatMap(({ matrices }) => [...matrices.keys()]))
}

/** The parameters that are in memory from the beginning to the end. */
export function heldParameters(
  { parameters, programs }: Pick<EnginePrograms, 'parameters' | 'programs'>,
  { experts }: MemoryPlan,
): readonly ParameterSpec[] {
  if (experts === undefined) return parameters
  const names = expertNames(programs)
  return parameters.filter(({ name }) => !names.has(name))
}

/**
 * Gives matrices as they are in the file, checked; closes the file. Reads throw PocketPhiErrors: `invalid-file` for blocks that cannot be, a file that
 * has become shorter or that the system cannot read, `aborted`, and what the source of the weights throws.
 */
export function expertSource(weights: WeightsFile): ExpertSource {
  // Nothing is converted.
  const staging = new Staging()
  return {
    async read(name, into, signal) {
      try {
        await readTensor(pieceReader(weights, name, staging), into, 0, { signal })
      } catch (cause) {
        throw cause instanceof PocketPhiError ? cause : unreadable(name, cause)
      }
    },
    close: () => weights.close(),
  }
}

function unreadable(name: string, cause: unknown): PocketPhiError {
  return new PocketPhiError('invalid-file', `The matrix "${name}" of an expert could not be read.`, {
    found: String(cause),
    remedy: 'See that the disk with the weights is still there, and ask again.',
    cause,
  })
}

/** Why the experts of these programs cannot be read when they are chosen; undefined where they can. */
export function whyAllAreHeld(programs: readonly Program[], weights: WeightsFile): PocketPhiError | undefined {
  const names = [...expertNames(programs)]
  if (names.length === 0) {
    return new PocketPhiError('invalid-argument', 'The model has no experts to be read when they are chosen.', {
      remedy: 'Leave the cache of experts out.',
    })
  }
  const other = names.find((name) => !isAsInStore(weights, name))
  if (other === undefined) return undefined
  return new PocketPhiError('not-supported', 'Experts of this model cannot be read when they are chosen.', {
    expected: 'weights in the layout of the store: packed in 4 or 8 bits, or f32',
    found: `"${other}" in ${fileFormat(weights, other)}`,
    remedy: 'Pack them first: phi quantize MODEL OUT.',
  })
}

function isAsInStore(weights: WeightsFile, name: string): boolean {
  if (isGguf(weights) || !weights.has(name)) return false
  const { dtype } = modelType(weights, name)
  return dtype === 'f32' || isBlockDType(dtype)
}
