import { isJsonObject } from '../formats/json.ts'
import { asObject, asString, invalid, isAbsent } from './json-reader.ts'

/** What is used of a `tokenizer_config.json`. */
export interface TokenizerConfig {
  /** Jinja source; of several templates the one named `default`. */
  readonly chatTemplate: string | undefined
  readonly bosToken: string | undefined
  readonly eosToken: string | undefined
  /** `added_tokens_decoder` as a list, in the form that `loadTiktoken` takes. */
  readonly addedTokens: readonly unknown[]
}

/** @throws PocketPhiError 'invalid-file' when a field is of the wrong type. */
export function readTokenizerConfig(json: unknown): TokenizerConfig {
  const file = asObject(json, 'the top level of the tokenizer configuration')
  const decoder = file['added_tokens_decoder']
  return {
    chatTemplate: readChatTemplate(file['chat_template']),
    bosToken: readToken(file['bos_token'], 'bos_token'),
    eosToken: readToken(file['eos_token'], 'eos_token'),
    addedTokens: isAbsent(decoder)
      ? []
      : Object.entries(asObject(decoder, 'added_tokens_decoder')).map(([id, token]) => ({
          ...asObject(token, `added_tokens_decoder.${id}`),
          id: /^\d{1,9}$/.test(id) ? Number(id) : id,
        })),
  }
}

function readToken(json: unknown, place: string): string | undefined {
  if (isAbsent(json)) return undefined
  return isJsonObject(json) ? asString(json['content'], `${place}.content`) : asString(json, place)
}

function readChatTemplate(json: unknown): string | undefined {
  if (isAbsent(json)) return undefined
  if (typeof json === 'string') return json
  if (!Array.isArray(json)) throw invalid('chat_template', 'a template or a list of named templates', json)
  const named = json.filter(isJsonObject).find((entry) => entry['name'] === 'default')
  return named === undefined ? undefined : asString(named['template'], 'chat_template.template')
}
