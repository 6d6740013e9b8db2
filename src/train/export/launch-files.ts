/** The texts that stand beside exported batches and weights: what PyTorch runs, and how. */
import { readFile } from 'node:fs/promises'
import { stringify } from 'yaml'
import type { Recipe } from '../recipe.ts'
import { rowFlags } from './batch-files.ts'

export const settingsFile = 'settings.json'
export const launchFile = 'train.py'

/** Where the launch file writes unless it is told otherwise. */
export const trainedFolder = 'run'

/** The versions that the launch file was run with. */
const requirements = ['torch==2.13.0', 'transformers==5.18.0', 'accelerate==1.15.0', 'numpy==2.4.6']

const launch = 'accelerate launch --config_file accelerate.yaml train.py'

/** Names of shards, by what they are for. */
interface ExportedShards {
  readonly training: readonly string[]
  readonly heldOut: readonly string[]
}

/** What an export consists of. */
export interface ExportedParts {
  readonly recipe: Recipe
  /** Texts that make a folder a model, besides its weights. */
  readonly files: readonly string[]
  /** Whether there are weights to start from. */
  readonly hasWeights: boolean
  readonly shards: ExportedShards
  /** SHA-256 of the files of all shards: a checkpoint goes on with no others. */
  readonly batches: string
}

/** All texts by the names of their files. */
export async function launchFiles(parts: ExportedParts): Promise<ReadonlyMap<string, string>> {
  return new Map([
    [launchFile, await readFile(new URL('./train.py', import.meta.url), 'utf8')],
    ['accelerate.yaml', accelerateConfig(parts.recipe)],
    [settingsFile, settings(parts)],
    ['README.md', readme(parts)],
  ])
}

/** What train.py reads. */
function settings({ recipe, files, hasWeights, shards, batches }: ExportedParts): string {
  const { name, batch, optimizer, schedule, checkpoint, evaluation, model } = recipe
  const value = {
    name,
    accumulation: batch.accumulation,
    optimizer,
    schedule,
    checkpoint,
    evaluation,
    tiedEmbeddings: model['tie_word_embeddings'] === true,
    hasWeights,
    files,
    shards,
    batches,
    recipe,
  }
  return `${JSON.stringify(value, undefined, 2)}\n`
}

/** Processes that can share the batches of an update evenly; another number can be given when it is launched. */
function processesFor({ batch }: Recipe): number {
  return [8, 4, 2].find((count) => batch.accumulation % count === 0) ?? 1
}

/** The configuration that `accelerate launch` takes: FSDP2, a unit for each layer, bf16 over master weights in f32. */
function accelerateConfig(recipe: Recipe): string {
  return stringify({
    compute_environment: 'LOCAL_MACHINE',
    debug: false,
    distributed_type: 'FSDP',
    enable_cpu_affinity: false,
    fsdp_config: {
      fsdp_version: 2,
      fsdp_activation_checkpointing: recipe.batch.recompute,
      fsdp_auto_wrap_policy: 'TRANSFORMER_BASED_WRAP',
      fsdp_cpu_ram_efficient_loading: true,
      fsdp_offload_params: false,
      fsdp_reshard_after_forward: true,
      fsdp_state_dict_type: 'SHARDED_STATE_DICT',
      fsdp_transformer_layer_cls_to_wrap: 'Phi3DecoderLayer',
    },
    machine_rank: 0,
    main_training_function: 'main',
    mixed_precision: 'bf16',
    num_machines: 1,
    num_processes: processesFor(recipe),
    rdzv_backend: 'static',
    same_network: true,
    use_cpu: false,
  })
}

function readme({ recipe, hasWeights }: ExportedParts): string {
  const { name, description, batch, schedule, initial } = recipe
  const start = hasWeights
    ? 'It starts from the weights in this folder.'
    : `It starts from what was not there when this was written, \`${initial}\`: name it with \`--initial FOLDER\`.`
  return `# ${name}: a training for PyTorch

${description}

\`\`\`sh
pip install ${requirements.join(' ')}
${launch}${hasWeights ? '' : ' --initial FOLDER'}
\`\`\`

${start} ${schedule.steps} steps of ${batch.accumulation} batches, ${batch.rows} tokens each with padding. \`num_processes\` in accelerate.yaml, or
\`--num_processes\` before train.py, is the number of GPUs, which must divide ${batch.accumulation}; on several machines set \`num_machines\`, \`machine_rank\`, \`main_process_ip\` and
\`main_process_port\` as well. Machines share this folder, or the one that \`--out\` names: the first gives checkpoints their
names. The same command goes on from the newest checkpoint after a stop, and refuses one that has learned from other batches.

\`run/\` (or \`--out\`) then has

| | |
| --- | --- |
| \`checkpoints/step-…\` | the newest ${recipe.checkpoint.keep}, sharded |
| \`metrics.jsonl\` | a line a step, as \`phi train\` writes it; \`phi report run\` shows it |
| \`final\` | the finished model in BF16: \`phi chat run/final\`, and \`initial: run/final\` in the recipe of a next phase, or \`--initial\` of its export |

## The files

| | |
| --- | --- |
| \`train.py\` | the training |
| \`accelerate.yaml\` | FSDP2 over the layers, bf16, for \`accelerate launch\` |
| \`settings.json\` | optimiser, schedule, names and SHA-256 of shards; under \`recipe\` the recipe as \`phi train\` takes it |
| \`config.json\`, \`tokenizer.json\` … | the model as \`transformers\` reads it${hasWeights ? ', with its weights in F32 in `model.safetensors`, or shards of it' : ''} |
| \`training-….ids.npy\`, \`training-….flags.npy\` | batches, [batches, rows]: ids as uint16 or uint32; flags as uint8, a sum of ${rowFlags.isToken} for a row that has a token, ${rowFlags.isFirst} for the first of a text, ${rowFlags.isPredicted} where the token after it is learned |
| \`heldOut-….npy\` | the same, for the held-out loss |

Texts lie one after the other and do not see each other. Every update takes the next ${batch.accumulation} batches; its loss is the mean over all their tokens that are learned.
`
}
