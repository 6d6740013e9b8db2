/** Low-rank adapters (LoRA, Hu et al., 2021): which matrices have one, and how it is called. */
import { PocketPhiError } from '../base/errors.ts'

export interface AdapterSettings {
  /** Columns of the narrow matrices. */
  readonly rank: number
  /** What an adapter adds is multiplied with alpha / rank. */
  readonly alpha: number
  /** The ends of the names of modules, as `qkv_proj`; or all linear modules of the layers. */
  readonly targets: 'all-linear' | readonly string[]
}

/** The module of a matrix: its name without `.weight`. */
function moduleOf(weight: string): string {
  return weight.replace(/\.weight$/, '')
}

/** Whether a matrix has an adapter, by the name of its weight. Names of targets agree as in PEFT: whole, or their last parts. */
export function isTarget({ targets }: Pick<AdapterSettings, 'targets'>, weight: string): boolean {
  const module = moduleOf(weight)
  if (targets === 'all-linear') return /\.layers\.\d+\./.test(weight)
  return targets.some((target) => module === target || module.endsWith(`.${target}`))
}

/**
 * The names of an adapter's matrices, as PEFT writes them: `down` [rank, inputs] and `up` [outputs, rank], of which what is added
 * is up · down.
 */
export function adapterNames(weight: string): { readonly down: string; readonly up: string } {
  const module = `base_model.model.${moduleOf(weight)}`
  return { down: `${module}.lora_A.weight`, up: `${module}.lora_B.weight` }
}

/**
 * The last parts of the names of the modules that have adapters.
 *
 * @param weights the names of all matrices that may have one
 * @throws PocketPhiError `invalid-config` for a target that is no module of the model
 */
export function targetModules(settings: Pick<AdapterSettings, 'targets'>, weights: readonly string[]): string[] {
  const { targets } = settings
  const lastParts = (names: readonly string[]): string[] => [
    ...new Set(names.map((name) => moduleOf(name).replace(/^.*\./, ''))),
  ]
  const missing =
    targets === 'all-linear'
      ? []
      : targets.filter((target) => !weights.some((weight) => isTarget({ targets: [target] }, weight)))
  if (missing.length === 0) return lastParts(weights.filter((weight) => isTarget(settings, weight)))
  throw new PocketPhiError('invalid-config', `The model has no linear module "${missing.join('", "')}".`, {
    expected: `targets among ${lastParts(weights.filter((weight) => isTarget({ targets: 'all-linear' }, weight))).join(', ')}`,
  })
}
