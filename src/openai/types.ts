/**
 * The shapes of OpenAI's chat completions, as far as they exist here: requests, answers, chunks of a stream and errors, in
 * their names (API reference, "Chat Completions", https://platform.openai.com/docs/api-reference/chat). Written for this
 * package, so that code which reads OpenAI's answers reads these.
 */

/** A piece of what a message says. */
export interface TextPart {
  readonly type: 'text'
  readonly text: string
}

/** A picture, to a model that sees: a PNG, JPEG, WebP or GIF file in a `data:` URL; nothing is fetched. */
export interface ImagePart {
  readonly type: 'image_url'
  readonly image_url: {
    readonly url: string
    /** `low` is one tile, as cheap as it gets; `auto` and `high` are what the model was published with, else 4 tiles. */
    readonly detail?: 'auto' | 'low' | 'high'
  }
}

/** One message of a conversation; `developer` is what OpenAI calls the system role of newer models. */
export interface SpokenMessageParam {
  readonly role: 'system' | 'developer' | 'user'
  /** Several texts are one, a line break between them; pictures, which only a `user` has, stand before it in their order. */
  readonly content: string | readonly (TextPart | ImagePart)[]
}

/** What the model has said before, and the functions that it has called. */
export interface AssistantMessageParam {
  readonly role: 'assistant'
  /** May be left out where there are calls. */
  readonly content?: string | readonly TextPart[] | null
  readonly tool_calls?: readonly MessageToolCall[]
}

/** What a function has returned. */
export interface ToolMessageParam {
  readonly role: 'tool'
  readonly content: string | readonly TextPart[]
  /** The id of the call, which is in a message before. */
  readonly tool_call_id: string
}

/** A message of a request. */
export type MessageParam = SpokenMessageParam | AssistantMessageParam | ToolMessageParam

/** A function that the model may call. */
export interface FunctionToolParam {
  readonly type: 'function'
  readonly function: {
    readonly name: string
    readonly description?: string
    /** A JSON schema of type `object`; without one it takes an empty object. */
    readonly parameters?: Readonly<Record<string, unknown>>
    /** Holds arguments to the schema also where no call is forced. */
    readonly strict?: boolean | null
  }
}

/** A call of a function. */
export interface MessageToolCall {
  id: string
  type: 'function'
  function: {
    name: string
    /** An object in JSON. */
    arguments: string
  }
}

interface CommonParams {
  readonly messages: readonly MessageParam[]
  /** Comes back in the answer as it was given; a client has one model. */
  readonly model?: string
  /** From 0 to 2; that of the model (`PhiModel.sampling`) when left out, as with `top_p`. */
  readonly temperature?: number | null
  readonly top_p?: number | null
  /** Tokens of an answer at most; until the context is full when left out. */
  readonly max_completion_tokens?: number | null
  /** The older name of `max_completion_tokens`. */
  readonly max_tokens?: number | null
  readonly stop?: string | readonly string[] | null
  /** The same seed gives the same answers; of several choices, each has the next seed. */
  readonly seed?: number | null
  /** How many answers; they are written one after another. 1 when left out. */
  readonly n?: number | null
  /** Added to the logits of these token ids before one is drawn, from -100 to 100. */
  readonly logit_bias?: Readonly<Record<string, number>> | null
  /** Tells how likely the tokens were, in the model's own distribution. Not of a model in a worker. */
  readonly logprobs?: boolean | null
  /** Tells it of this many of the likeliest tokens too, 20 at most. */
  readonly top_logprobs?: number | null
  /** What the answer has to be: any object in JSON, or JSON by a schema, whether `strict` or not. */
  readonly response_format?:
    | { readonly type: 'text' | 'json_object' }
    | {
        readonly type: 'json_schema'
        readonly json_schema: { readonly name: string; readonly schema?: unknown; readonly strict?: boolean | null }
      }
    | null
  /** Functions that the answer may call. */
  readonly tools?: readonly FunctionToolParam[] | null
  /** Whether it calls none, may call some (when left out), must call at least one, or must call this one. */
  readonly tool_choice?:
    | 'none'
    | 'auto'
    | 'required'
    | { readonly type: 'function'; readonly function: { readonly name: string } }
    | null
  /** Whether it may call several at once, as it may when this is left out. */
  readonly parallel_tool_calls?: boolean | null
  /** Answers the last question from sources: of a server that has some (`phi serve --search`), where an empty object asks for it. */
  readonly web_search_options?: Readonly<Record<string, never>> | null
  /** Who asks; nothing here depends on it. */
  readonly user?: string
}

/** A request whose answer comes whole. */
export interface CompletionParamsNonStreaming extends CommonParams {
  readonly stream?: false | null
}

/** What a stream tells beside the answer. */
export interface StreamOptions {
  /** Ends the stream with a chunk that has no choices but the usage. */
  readonly include_usage?: boolean
}

/** A request whose answer comes in chunks. */
export interface CompletionParamsStreaming extends CommonParams {
  readonly stream: true
  readonly stream_options?: StreamOptions | null
}

/** What `chat.completions.create` takes. Every other parameter is refused by its name. */
export type CompletionParams = CompletionParamsNonStreaming | CompletionParamsStreaming

/** `stop`: the model ended, or a stop text came. `length`: the limit of tokens, or the context is full. `tool_calls`: it waits for functions. */
export type CompletionFinishReason = 'stop' | 'length' | 'tool_calls'

/** What a request took. */
export interface CompletionUsage {
  /** Tokens of the prompt, which all choices share. */
  prompt_tokens: number
  /** Tokens that were drawn, of all choices. */
  completion_tokens: number
  total_tokens: number
  prompt_tokens_details: {
    /** Tokens of the prompt that the first choice to it found in the cache. */
    cached_tokens: number
  }
}

/** A token and the natural logarithm of its probability. */
export interface LikelyToken {
  token: string
  logprob: number
  /** Of a token that is a part of a character, its text alone does not tell. Null for an id without a text. */
  bytes: number[] | null
}

export interface TokenLogProb extends LikelyToken {
  /** The likeliest tokens, the first of them first. */
  top_logprobs: LikelyToken[]
}

/** Log-probabilities of the tokens of a choice, natural. */
export interface ChoiceLogProbs {
  content: TokenLogProb[]
  refusal: null
}

/** Where an answer names a source: the place of `[1]` in its content, in UTF-16 units. */
export interface UrlCitation {
  type: 'url_citation'
  url_citation: { start_index: number; end_index: number; title: string; url: string }
}

/** One of the `n` answers to a request. */
export interface CompletionChoice {
  index: number
  /** `content` is null where there is nothing but calls. */
  message: {
    role: 'assistant'
    content: string | null
    refusal: null
    tool_calls?: MessageToolCall[]
    /** Where sources were looked for. */
    annotations?: UrlCitation[]
  }
  logprobs: ChoiceLogProbs | null
  finish_reason: CompletionFinishReason
}

interface Envelope {
  id: string
  /** Seconds since 1970. */
  created: number
  model: string
}

/** An answer that came whole. */
export interface ChatCompletion extends Envelope {
  object: 'chat.completion'
  choices: CompletionChoice[]
  usage: CompletionUsage
}

/** A piece of a call; the first one of each has its id and name. */
export interface ToolCallDelta {
  index: number
  id?: string
  type?: 'function'
  function: { name?: string; arguments: string }
}

/** What a chunk adds to one of the `n` answers. */
export interface ChunkChoice {
  index: number
  delta: { role?: 'assistant'; content?: string; tool_calls?: ToolCallDelta[]; annotations?: UrlCitation[] }
  logprobs: ChoiceLogProbs | null
  finish_reason: CompletionFinishReason | null
}

/** A chunk of an answer that is streamed. */
export interface ChatCompletionChunk extends Envelope {
  object: 'chat.completion.chunk'
  choices: ChunkChoice[]
  /** Only with `stream_options.include_usage`: null until the last chunk. */
  usage?: CompletionUsage | null
}

/** Log-probabilities in the form of the older completions, token by token. */
export interface TextLogProbs {
  tokens: string[]
  token_logprobs: number[]
  top_logprobs: Record<string, number>[]
  text_offset: number[]
}

export interface TextChoice {
  index: number
  text: string
  logprobs: TextLogProbs | null
  /** Null in the chunks of a stream before the last of a choice. */
  finish_reason: 'stop' | 'length' | null
}

/** An answer of the older completions, and a chunk of one. */
export interface TextCompletion extends Envelope {
  object: 'text_completion'
  choices: TextChoice[]
  /** Of a stream only with `stream_options.include_usage`, and null until the last chunk. */
  usage?: CompletionUsage | null
}

/** What `embeddings.create` takes. Every other parameter is refused by its name. */
export interface EmbeddingParams {
  /** A text, or token ids, or up to 2,048 of either. */
  readonly input: string | readonly string[] | readonly number[] | readonly (readonly number[])[]
  readonly model?: string
  /** Lists of numbers when left out; `base64` are their float32 values, the least byte first. */
  readonly encoding_format?: 'float' | 'base64' | null
  /** Refused unless it is what the vectors of the model have. */
  readonly dimensions?: number | null
  readonly user?: string
}

/** A vector for each text, in their order. */
export interface EmbeddingsResponse {
  object: 'list'
  data: { object: 'embedding'; index: number; embedding: number[] | string }[]
  model: string
  usage: { prompt_tokens: number; total_tokens: number }
}

/** What stands below `error` in the body of an answer that failed. */
export interface ErrorBody {
  /** What went wrong, what was expected and found, and what to do. */
  message: string
  type: 'invalid_request_error' | 'permission_error' | 'rate_limit_error' | 'server_error'
  /** The parameter that is at fault, such as `messages[0].content`. */
  param: string | null
  code: string | null
}
