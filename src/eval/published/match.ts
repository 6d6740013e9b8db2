/** Which published outputs belong to a model. */
import { parsePhi3Config, type Phi3Config } from '../../models/phi3.ts'
import type { PublishedReference } from './references.ts'

/** Files that hold a configuration in 32 bits change its factors by less than this share. */
const rounding = 1e-5

function areAlike(left: unknown, right: unknown): boolean {
  if (typeof left === 'number' && typeof right === 'number') {
    return Math.abs(left - right) <= rounding * Math.max(Math.abs(left), Math.abs(right))
  }
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return left === right
  const keys = [...new Set([...Object.keys(left), ...Object.keys(right)])]
  const [first, second] = [left as Record<string, unknown>, right as Record<string, unknown>]
  return keys.every((key) => areAlike(first[key], second[key]))
}

/** What a configuration says of the computation, without windows that hide nothing. */
function computed(json: unknown): Phi3Config {
  const config = parsePhi3Config(json)
  return config.window < config.maxPositions ? config : { ...config, window: 0 }
}

/**
 * The references of the model that a config.json describes: those of the model whose configuration computes the same.
 * Weights that were trained further have the configuration of where they started, and cannot be told from it here.
 *
 * @throws PocketPhiError `invalid-config`
 */
export function referencesFor<T extends Pick<PublishedReference, 'config'>>(config: unknown, all: readonly T[]): T[] {
  const model = computed(config)
  return all.filter((reference) => areAlike(computed(reference.config), model))
}
