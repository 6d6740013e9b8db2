/** A model of 134 million parameters with the tokenizer of phi-nano, whose weights are random. */
import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { root } from '../browser/root.ts'

const config = {
  architectures: ['Phi3ForCausalLM'],
  model_type: 'phi3',
  hidden_size: 1024,
  intermediate_size: 2560,
  num_hidden_layers: 10,
  num_attention_heads: 16,
  num_key_value_heads: 16,
  vocab_size: 6528,
  bos_token_id: 1,
  eos_token_id: 2,
  pad_token_id: 2,
  max_position_embeddings: 4096,
  original_max_position_embeddings: 4096,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  hidden_act: 'silu',
  tie_word_embeddings: false,
}

/** Makes it as a GGUF file in 4 bits, by `phi init`. @returns the path of the file */
export async function makeMidSizeFile(folder: string): Promise<string> {
  const named = path.join(folder, 'mid.json')
  await writeFile(named, JSON.stringify(config))
  const file = path.join(folder, 'mid.gguf')
  const main = path.join(root, 'src/cli/main.ts')
  const options = ['--format', 'gguf', '--type', 'q4_k_m', '--tokenizer', path.join(root, 'models/phi-nano')]
  execFileSync(process.execPath, [main, 'init', named, file, ...options])
  return file
}
