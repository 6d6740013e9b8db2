/** Adapters in the layout of PEFT: adapter_config.json, and adapter_model.safetensors with its names. */
import { z } from 'zod'
import { PocketPhiError } from '../../base/errors.ts'
import type { FileTree } from '../../formats/tree.ts'
import type { AdapterSettings } from '../../models/adapter.ts'

export const adapterConfigFile = 'adapter_config.json'
export const adapterWeightsFile = 'adapter_model.safetensors'

/**
 * The text of adapter_config.json.
 *
 * @param base what the adapters were trained on
 * @param modules the last parts of the names of the modules that have them
 */
export function adapterConfig({ rank, alpha }: AdapterSettings, base: string, modules: readonly string[]): string {
  const config = {
    base_model_name_or_path: base,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    lora_alpha: alpha,
    lora_dropout: 0,
    modules_to_save: null,
    peft_type: 'LORA',
    r: rank,
    target_modules: modules,
    task_type: 'CAUSAL_LM',
    use_dora: false,
    use_rslora: false,
  }
  return `${JSON.stringify(config, undefined, 2)}\n`
}

/** What changes how adapters are added, and what of it is understood; other fields tell of the training. */
const configSchema = z.looseObject({
  peft_type: z.literal('LORA'),
  r: z.int().positive(),
  lora_alpha: z.number().positive(),
  bias: z.literal('none').default('none'),
  fan_in_fan_out: z.literal(false).default(false),
  use_dora: z.literal(false).default(false),
  use_rslora: z.boolean().default(false),
  modules_to_save: z.union([z.null(), z.array(z.string()).length(0)]).default(null),
  rank_pattern: z.strictObject({}).default({}),
  alpha_pattern: z.strictObject({}).default({}),
})

export interface AdapterConfig {
  readonly rank: number
  /** What an adapter adds is multiplied with this. */
  readonly scale: number
}

/**
 * Reads adapter_config.json.
 *
 * @throws PocketPhiError `not-found`; `not-supported` for adapters of another kind, naming the fields
 */
export async function readAdapterConfig(tree: FileTree): Promise<AdapterConfig> {
  const result = configSchema.safeParse(await tree.readJson(adapterConfigFile))
  if (!result.success) {
    const problems = result.error.issues.map(
      ({ path, message }) => `${path.join('.') || adapterConfigFile}: ${message}`,
    )
    throw new PocketPhiError('not-supported', `The adapters in "${tree.name}" are of a kind that is not known.`, {
      expected: 'LoRA with one rank and one alpha, without biases and without DoRA',
      found: problems.join('; '),
    })
  }
  const { r: rank, lora_alpha: alpha, use_rslora: isStabilized } = result.data
  return { rank, scale: alpha / (isStabilized ? Math.sqrt(rank) : rank) }
}
