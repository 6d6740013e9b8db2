/**
 * The tokenizer_config.json of models that are trained here: Phi-3-mini's roles, one block a message. The engine
 * recognises the template and renders it as typed text.
 */
export const trainedTokenizerConfig = {
  add_bos_token: false,
  add_eos_token: false,
  bos_token: '<s>',
  eos_token: '<|endoftext|>',
  pad_token: '<|endoftext|>',
  unk_token: '<unk>',
  chat_template: [
    '{% for message in messages %}',
    "{% if message['role'] in ['system', 'user', 'assistant'] %}",
    "{{ '<|' + message['role'] + '|>\\n' + message['content'] + '<|end|>\\n' }}",
    '{% endif %}{% endfor %}',
    "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% else %}{{ eos_token }}{% endif %}",
  ].join(''),
}
