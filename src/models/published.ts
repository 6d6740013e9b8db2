/**
 * The configurations of published models by short name, as far as they say what is computed: figures of the config.json in the
 * repositories of Microsoft on Hugging Face. With them a model can be planned, measured and started at random without a
 * download. Of Phi-3-medium-128k and Phi-3-small-128k only the repositories are here: their factors are not known to us.
 */
import { PocketPhiError } from '../base/errors.ts'

/** The fields of a config.json. */
export type ConfigJson = Readonly<Record<string, unknown>>

/** LongRoPE, whose method the newer configurations call by this name. */
function longRope(short: readonly number[], long: readonly number[]): ConfigJson {
  return { type: 'longrope', short_factor: short, long_factor: long }
}

const mini128kShort = [
  1.1, 1.1, 1.1, 1.3000000000000003, 1.3500000000000003, 1.3500000000000003, 1.4000000000000004, 1.5500000000000005,
  2.000000000000001, 2.000000000000001, 2.000000000000001, 2.000000000000001, 2.000000000000001, 2.000000000000001,
  2.000000000000001, 2.000000000000001, 2.000000000000001, 2.000000000000001, 2.000000000000001, 2.000000000000001,
  2.000000000000001, 2.000000000000001, 2.000000000000001, 2.000000000000001, 2.000000000000001, 2.0500000000000007,
  2.0500000000000007, 2.0500000000000007, 2.0500000000000007, 2.0500000000000007, 2.0500000000000007,
  2.1000000000000005, 2.1000000000000005, 2.1500000000000004, 2.25, 2.25, 2.25, 2.25, 2.25, 2.3999999999999995,
  2.4499999999999993, 2.499999999999999, 2.6999999999999984, 2.6999999999999984, 2.7499999999999982, 2.799999999999998,
  2.8999999999999977, 3.049999999999997,
]
const mini128kLong = [
  1.0700000524520874, 1.1200000047683716, 1.149999976158142, 1.4199999570846558, 1.5699999332427979, 1.7999999523162842,
  2.129999876022339, 2.129999876022339, 3.009999990463257, 5.910000324249268, 6.950000286102295, 9.070000648498535,
  9.930000305175781, 10.710000038146973, 11.130000114440918, 14.609999656677246, 15.409998893737793, 19.809999465942383,
  37.279998779296875, 38.279998779296875, 38.599998474121094, 40.12000274658203, 46.20000457763672, 50.940006256103516,
  53.66000747680664, 54.9373893737793, 56.89738845825195, 57.28738784790039, 59.98738479614258, 60.86738586425781,
  60.887386322021484, 61.71739196777344, 62.91739273071289, 62.957393646240234, 63.41739273071289, 63.8173942565918,
  63.83739471435547, 63.897396087646484, 63.93739700317383, 64.06739807128906, 64.11434936523438, 64.12435150146484,
  64.15435028076172, 64.19435119628906, 64.24435424804688, 64.57435607910156, 64.69000244140625, 64.76000213623047,
]
const mini35Short = [
  1, 1.0199999809265137, 1.0299999713897705, 1.0299999713897705, 1.0499999523162842, 1.0499999523162842,
  1.0499999523162842, 1.0499999523162842, 1.0499999523162842, 1.0699999332427979, 1.0999999046325684,
  1.1099998950958252, 1.1599998474121094, 1.1599998474121094, 1.1699998378753662, 1.2899998426437378, 1.339999794960022,
  1.679999828338623, 1.7899998426437378, 1.8199998140335083, 1.8499997854232788, 1.8799997568130493, 1.9099997282028198,
  1.9399996995925903, 1.9899996519088745, 2.0199997425079346, 2.0199997425079346, 2.0199997425079346,
  2.0199997425079346, 2.0199997425079346, 2.0199997425079346, 2.0299997329711914, 2.0299997329711914,
  2.0299997329711914, 2.0299997329711914, 2.0299997329711914, 2.0299997329711914, 2.0299997329711914,
  2.0299997329711914, 2.0299997329711914, 2.0799996852874756, 2.0899996757507324, 2.189999580383301, 2.2199995517730713,
  2.5899994373321533, 2.729999542236328, 2.749999523162842, 2.8399994373321533,
]
const mini35Long = [
  1.0800000429153442, 1.1100000143051147, 1.1399999856948853, 1.340000033378601, 1.5899999141693115, 1.600000023841858,
  1.6200000047683716, 2.620000123977661, 3.2300000190734863, 3.2300000190734863, 4.789999961853027, 7.400000095367432,
  7.700000286102295, 9.09000015258789, 12.199999809265137, 17.670000076293945, 24.46000099182129, 28.57000160217285,
  30.420001983642578, 30.840002059936523, 32.590003967285156, 32.93000411987305, 42.320003509521484, 44.96000289916992,
  50.340003967285156, 50.45000457763672, 57.55000305175781, 57.93000411987305, 58.21000289916992, 60.1400032043457,
  62.61000442504883, 62.62000274658203, 62.71000289916992, 63.1400032043457, 63.1400032043457, 63.77000427246094,
  63.93000411987305, 63.96000289916992, 63.970001220703125, 64.02999877929688, 64.06999969482422, 64.08000183105469,
  64.12000274658203, 64.41000366210938, 64.4800033569336, 64.51000213623047, 64.52999877929688, 64.839996337890625,
]
const mini4Long = [
  1, 1.118320672, 1.250641126, 1.398617824, 1.564103225, 1.74916897, 1.956131817, 2.187582649, 2.446418898, 2.735880826,
  3.059592084, 3.421605075, 3.826451687, 4.279200023, 4.785517845, 5.351743533, 5.984965424, 6.693110555, 7.485043894,
  8.370679318, 9.36110372, 10.4687158, 11.70738129, 13.09260651, 14.64173252, 16.37415215, 18.31155283, 20.47818807,
  22.90118105, 25.61086418, 28.64115884, 32.03, 32.1, 32.13, 32.23, 32.6, 32.61, 32.64, 32.66, 32.7, 32.71, 32.93,
  32.97, 33.28, 33.49, 33.5, 44.16, 47.77,
]
const visionShort = [
  1.05, 1.05, 1.05, 1.1, 1.1, 1.1, 1.2500000000000002, 1.2500000000000002, 1.4000000000000004, 1.4500000000000004,
  1.5500000000000005, 1.8500000000000008, 1.9000000000000008, 2.000000000000001, 2.000000000000001, 2.000000000000001,
  2.000000000000001, 2.000000000000001, 2.000000000000001, 2.000000000000001, 2.000000000000001, 2.000000000000001,
  2.000000000000001, 2.000000000000001, 2.000000000000001, 2.000000000000001, 2.000000000000001, 2.000000000000001,
  2.000000000000001, 2.000000000000001, 2.000000000000001, 2.000000000000001, 2.1000000000000005, 2.1000000000000005,
  2.2, 2.3499999999999996, 2.3499999999999996, 2.3499999999999996, 2.3499999999999996, 2.3999999999999995,
  2.3999999999999995, 2.6499999999999986, 2.6999999999999984, 2.8999999999999977, 2.9499999999999975, 3.049999999999997,
  3.049999999999997, 3.049999999999997,
]
const visionLong = [
  1.0299999713897705, 1.0499999523162842, 1.0499999523162842, 1.0799999237060547, 1.2299998998641968,
  1.2299998998641968, 1.2999999523162842, 1.4499999284744263, 1.5999999046325684, 1.6499998569488525,
  1.8999998569488525, 2.859999895095825, 3.68999981880188, 5.419999599456787, 5.489999771118164, 5.489999771118164,
  9.09000015258789, 11.579999923706055, 15.65999984741211, 15.769999504089355, 15.789999961853027, 18.3600006103515625,
  21.989999771118164, 23.079999923706055, 30.009998321533203, 32.35000228881836, 32.590003967285156, 35.56000518798828,
  39.95000457763672, 53.840003967285156, 56.20000457763672, 57.95000457763672, 59.29000473022461, 59.77000427246094,
  59.920005798339844, 61.190006256103516, 61.96000671386719, 62.50000762939453, 63.3700065612793, 63.48000717163086,
  63.48000717163086, 63.66000747680664, 63.850006103515625, 64.08000946044922, 64.760009765625, 64.80001068115234,
  64.81001281738281, 64.81001281738281,
]
const vision35Short = [
  1.08, 1.1, 1.1300000000000001, 1.2800000000000002, 1.3100000000000003, 1.4500000000000004, 1.4500000000000004,
  1.9500000000000008, 2.030000000000001, 2.4299999999999926, 2.5699999999999896, 2.9499999999999815, 3.729999999999965,
  3.869999999999962, 4.189999999999955, 4.43999999999995, 4.6399999999999455, 4.979999999999938, 5.159999999999934,
  5.279999999999932, 5.759999999999922, 5.889999999999919, 5.889999999999919, 5.969999999999917, 6.089999999999915,
  6.2799999999999105, 6.7699999999999, 6.8899999999998975, 7.109999999999893, 7.129999999999892, 7.179999999999891,
  7.289999999999889, 7.339999999999888, 7.559999999999883, 7.619999999999882, 7.69999999999988, 7.879999999999876,
  7.879999999999876, 7.879999999999876, 7.939999999999875, 7.949999999999875, 7.979999999999874, 8.19999999999987,
  8.439999999999864, 8.469999999999864, 8.589999999999861, 8.809999999999857, 8.999999999999853,
]

const moeShort = [
  1.0, 1.0399999618530273, 1.0399999618530273, 1.0399999618530273, 1.0499999523162842, 1.0499999523162842,
  1.0499999523162842, 1.0499999523162842, 1.0499999523162842, 1.0499999523162842, 1.0499999523162842,
  1.0499999523162842, 1.0499999523162842, 1.0499999523162842, 1.059999942779541, 1.059999942779541, 1.0699999332427979,
  1.0699999332427979, 1.0699999332427979, 1.0699999332427979, 1.1399999856948853, 1.159999966621399, 1.159999966621399,
  1.159999966621399, 1.159999966621399, 1.1799999475479126, 1.1999999284744263, 1.3199999332427979, 1.3399999141693115,
  1.3499999046325684, 1.3999998569488525, 1.4799998998641968, 1.4999998807907104, 1.589999794960022, 1.6499998569488525,
  1.71999990940094, 1.8999998569488525, 1.9099998474121094, 1.9099998474121094, 1.9899998903274536, 1.9999998807907104,
  1.9999998807907104, 2.009999990463257, 2.009999990463257, 2.009999990463257, 2.009999990463257, 2.009999990463257,
  2.009999990463257, 2.009999990463257, 2.009999990463257, 2.009999990463257, 2.009999990463257, 2.009999990463257,
  2.009999990463257, 2.009999990463257, 2.009999990463257, 2.009999990463257, 2.009999990463257, 2.009999990463257,
  2.0999999046325684, 2.319999933242798, 2.419999837875366, 2.5899999141693115, 2.7899999618530273,
]
const moeLong = [
  1.0199999809265137, 1.0299999713897705, 1.0399999618530273, 1.0499999523162842, 1.0499999523162842,
  1.0499999523162842, 1.059999942779541, 1.059999942779541, 1.059999942779541, 1.059999942779541, 1.059999942779541,
  1.059999942779541, 1.0999999046325684, 1.1799999475479126, 1.1799999475479126, 1.3700000047683716, 1.4899998903274536,
  2.109999895095825, 2.8899998664855957, 3.9499998092651367, 4.299999713897705, 6.429999828338623, 8.09000015258789,
  10.690000534057617, 12.050000190734863, 18.229999542236328, 18.84000015258789, 19.899999618530273, 21.420000076293945,
  26.200000762939453, 34.28000259399414, 34.590003967285156, 38.730003356933594, 40.22000503540039, 42.54000473022461,
  44.000003814697266, 47.590003967285156, 54.750003814697266, 56.19000244140625, 57.44000244140625, 57.4900016784668,
  61.20000076293945, 61.540000915527344, 61.75, 61.779998779296875, 62.06999969482422, 63.11000061035156,
  63.43000030517578, 63.560001373291016, 63.71000289916992, 63.92000198364258, 63.94000244140625, 63.94000244140625,
  63.96000289916992, 63.980003356933594, 64.0300064086914, 64.0300064086914, 64.0300064086914, 64.04000854492188,
  64.100006103515625, 64.19000244140625, 64.20999908447266, 64.75, 64.95999908447266,
]

/** Phi-3-mini with 4,096 positions; the others are told by their differences. */
const mini4k: ConfigJson = {
  architectures: ['Phi3ForCausalLM'],
  attention_bias: false,
  attention_dropout: 0,
  bos_token_id: 1,
  embd_pdrop: 0,
  eos_token_id: 32000,
  hidden_act: 'silu',
  hidden_size: 3072,
  initializer_range: 0.02,
  intermediate_size: 8192,
  max_position_embeddings: 4096,
  model_type: 'phi3',
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 32,
  original_max_position_embeddings: 4096,
  pad_token_id: 32000,
  resid_pdrop: 0,
  rms_norm_eps: 1e-5,
  rope_scaling: null,
  rope_theta: 10_000,
  sliding_window: 2047,
  tie_word_embeddings: false,
  torch_dtype: 'bfloat16',
  use_cache: true,
  vocab_size: 32_064,
}

const extended = { max_position_embeddings: 131_072, sliding_window: 262_144 }

const { attention_bias: _, embd_pdrop, pad_token_id, resid_pdrop, ...withoutDropout } = mini4k
/** What both models that see have in common; the sizes of their tower are in no file (`clipLarge`). */
const vision: ConfigJson = {
  ...withoutDropout,
  architectures: ['Phi3VForCausalLM'],
  embd_layer: {
    embedding_cls: 'image',
    hd_transform_order: 'sub_glb',
    projection_cls: 'mlp',
    use_hd_transform: true,
    with_learnable_separator: true,
  },
  eos_token_id: 2,
  img_processor: {
    image_dim_out: 1024,
    model_name: 'openai/clip-vit-large-patch14-336',
    name: 'clip_vision_model',
    num_img_tokens: 144,
  },
  max_position_embeddings: 131_072,
  model_type: 'phi3_v',
}
const mediumSizes = {
  hidden_size: 5120,
  intermediate_size: 17_920,
  num_attention_heads: 40,
  num_hidden_layers: 40,
  num_key_value_heads: 10,
}
const medium4k: ConfigJson = { ...mini4k, ...mediumSizes }

/** Phi-3-small with 8,192 positions. */
const small8k: ConfigJson = {
  architectures: ['Phi3SmallForCausalLM'],
  attention_bias: false,
  attention_dropout_prob: 0.0,
  blocksparse_block_size: 64,
  blocksparse_homo_head_pattern: false,
  blocksparse_num_local_blocks: 16,
  blocksparse_triton_kernel_block_size: 64,
  blocksparse_vert_stride: 8,
  bos_token_id: 100257,
  dense_attention_every_n_layers: 2,
  embedding_dropout_prob: 0.1,
  eos_token_id: 100257,
  ff_dim_multiplier: null,
  ff_intermediate_size: 14336,
  ffn_dropout_prob: 0.1,
  gegelu_limit: 20.0,
  gegelu_pad_to_256: true,
  hidden_act: 'gegelu',
  hidden_size: 4096,
  initializer_range: 0.02,
  layer_norm_epsilon: 1e-5,
  max_position_embeddings: 8192,
  model_type: 'phi3small',
  mup_attn_multiplier: 1.0,
  mup_embedding_multiplier: 10.0,
  mup_use_scaling: true,
  mup_width_multiplier: 8.0,
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 8,
  pad_sequence_to_multiple_of_64: true,
  reorder_and_upcast_attn: false,
  rope_embedding_base: 1000000,
  rope_position_scale: 1.0,
  torch_dtype: 'bfloat16',
  use_cache: true,
  vocab_size: 100352,
}

const moe: ConfigJson = {
  architectures: ['PhiMoEForCausalLM'],
  attention_bias: true,
  attention_dropout: 0.0,
  bos_token_id: 1,
  eos_token_id: 32000,
  hidden_act: 'silu',
  hidden_dropout: 0.0,
  hidden_size: 4096,
  initializer_range: 0.02,
  input_jitter_noise: 0.01,
  intermediate_size: 6400,
  lm_head_bias: true,
  max_position_embeddings: 131072,
  model_type: 'phimoe',
  num_attention_heads: 32,
  num_experts_per_tok: 2,
  num_hidden_layers: 32,
  num_key_value_heads: 8,
  num_local_experts: 16,
  original_max_position_embeddings: 4096,
  output_router_logits: false,
  rms_norm_eps: 1e-5,
  rope_theta: 10000.0,
  router_aux_loss_coef: 0.0,
  router_jitter_noise: 0.01,
  sliding_window: 131072,
  tie_word_embeddings: false,
  torch_dtype: 'bfloat16',
  use_cache: true,
  vocab_size: 32064,
  rope_scaling: {
    ...longRope(moeShort, moeLong),
    long_mscale: 1.243163121016122,
    original_max_position_embeddings: 4096,
    short_mscale: 1.243163121016122,
  },
}

interface PublishedModel {
  /** Its name on the hub: ORG/NAME. */
  readonly repository: string
  /** Undefined where it is not known to us. */
  readonly config?: ConfigJson
}

const publishedMini4k: PublishedModel = { repository: 'microsoft/Phi-3-mini-4k-instruct', config: mini4k }
const publishedSmall8k: PublishedModel = { repository: 'microsoft/Phi-3-small-8k-instruct', config: small8k }
const publishedMedium4k: PublishedModel = { repository: 'microsoft/Phi-3-medium-4k-instruct', config: medium4k }

const models: ReadonlyMap<string, PublishedModel> = new Map<string, PublishedModel>([
  ['phi-3-mini', publishedMini4k],
  ['phi-3-mini-4k', publishedMini4k],
  [
    'phi-3-mini-128k',
    {
      repository: 'microsoft/Phi-3-mini-128k-instruct',
      config: { ...mini4k, ...extended, rope_scaling: longRope(mini128kShort, mini128kLong) },
    },
  ],
  [
    'phi-3.5-mini',
    {
      repository: 'microsoft/Phi-3.5-mini-instruct',
      config: { ...mini4k, ...extended, rope_scaling: longRope(mini35Short, mini35Long) },
    },
  ],
  [
    'phi-3-vision',
    {
      repository: 'microsoft/Phi-3-vision-128k-instruct',
      config: {
        ...vision,
        rope_scaling: { ...longRope(visionShort, visionLong), type: 'su' },
        sliding_window: 131_072,
      },
    },
  ],
  [
    'phi-3.5-vision',
    {
      repository: 'microsoft/Phi-3.5-vision-instruct',
      config: {
        ...vision,
        embd_pdrop,
        pad_token_id,
        resid_pdrop,
        rope_scaling: { ...longRope(vision35Short, mini35Long), type: 'su' },
        sliding_window: 262_144,
      },
    },
  ],
  ['phi-3-medium', publishedMedium4k],
  ['phi-3-medium-4k', publishedMedium4k],
  ['phi-3-medium-128k', { repository: 'microsoft/Phi-3-medium-128k-instruct' }],
  ['phi-3-small', publishedSmall8k],
  ['phi-3-small-8k', publishedSmall8k],
  ['phi-3-small-128k', { repository: 'microsoft/Phi-3-small-128k-instruct' }],
  ['phi-3.5-moe', { repository: 'microsoft/Phi-3.5-MoE-instruct', config: moe }],
  [
    'phi-4',
    {
      repository: 'microsoft/phi-4',
      config: {
        ...mini4k,
        ...mediumSizes,
        bos_token_id: 100_257,
        eos_token_id: 100_257,
        max_position_embeddings: 16_384,
        original_max_position_embeddings: 16_384,
        pad_token_id: 100_257,
        rope_theta: 250_000,
        sliding_window: null,
        vocab_size: 100_352,
      },
    },
  ],
  [
    'phi-4-mini',
    {
      repository: 'microsoft/Phi-4-mini-instruct',
      config: {
        ...mini4k,
        ...extended,
        bos_token_id: 199_999,
        eos_token_id: 199_999,
        full_attn_mod: 1,
        interpolate_factor: 1,
        lm_head_bias: false,
        mlp_bias: false,
        num_attention_heads: 24,
        num_key_value_heads: 8,
        pad_token_id: 199_999,
        partial_rotary_factor: 0.75,
        rope_scaling: longRope(
          mini4Long.map(() => 1),
          mini4Long,
        ),
        tie_word_embeddings: true,
        vocab_size: 200_064,
      },
    },
  ],
])

/** The short names of published models whose configuration is known. */
export const publishedNames: readonly string[] = [...models].flatMap(([name, { config }]) =>
  config === undefined ? [] : [name],
)

/** The names of published models on the Hugging Face hub, by short name; also of those whose configuration is not known. */
export const publishedRepositories: ReadonlyMap<string, string> = new Map(
  Array.from(models, ([name, { repository }]) => [name, repository]),
)

/**
 * The config.json of a published model.
 *
 * @param name one of `publishedNames`
 * @throws PocketPhiError `not-found` for any other name
 */
export function publishedConfig(name: string): ConfigJson {
  const config = models.get(name)?.config
  if (config !== undefined) return config
  throw new PocketPhiError('not-found', `There is no published model "${name}" whose configuration is known.`, {
    expected: publishedNames.join(', '),
  })
}
