/**
 * The shapes of OpenAI's chat completions, as far as they exist here: requests, answers, chunks of a stream and errors, in
 * their names (API reference, "Chat Completions", https://platform.openai.com/docs/api-reference/chat). Written for this
 * package, so that code which reads OpenAI's answers reads these.
 */

/** A piece of what a message says. */
export interface TextPart {
  /** Tells a text from a picture. */
  readonly type: 'text'
  /** What is said. */
  readonly text: string
}

/** A picture, to a model that sees: a PNG, JPEG, WebP or GIF file in a `data:` URL; nothing is fetched. */
export interface ImagePart {
  /** Tells a picture from a text. */
  readonly type: 'image_url'
  /** Where the picture is, and how closely it is looked at. */
  readonly image_url: {
    /** The file itself, in base64: `data:image/png;base64,…`. */
    readonly url: string
    /** `low` is one tile, as cheap as it gets; `auto` and `high` are what the model was published with, else 4 tiles. */
    readonly detail?: 'auto' | 'low' | 'high'
  }
}

/** One message of a conversation; `developer` is what OpenAI calls the system role of newer models. */
export interface SpokenMessageParam {
  /** Whether it tells the model how to answer, or asks. */
  readonly role: 'system' | 'developer' | 'user'
  /** Several texts are one, a line break between them; pictures, which only a `user` has, stand before it in their order. */
  readonly content: string | readonly (TextPart | ImagePart)[]
}

/** What the model has said before, and the functions that it has called. */
export interface AssistantMessageParam {
  /** The model. */
  readonly role: 'assistant'
  /** May be left out where there are calls. */
  readonly content?: string | readonly TextPart[] | null
  /** The functions that it called with this message. */
  readonly tool_calls?: readonly MessageToolCall[]
}

/** What a function has returned. */
export interface ToolMessageParam {
  /** A function. */
  readonly role: 'tool'
  /** The result, as the model is to read it; several texts are one. */
  readonly content: string | readonly TextPart[]
  /** The id of the call, which is in a message before. */
  readonly tool_call_id: string
}

/** A message of a request. */
export type MessageParam = SpokenMessageParam | AssistantMessageParam | ToolMessageParam

/** A function that the model may call. */
export interface FunctionToolParam {
  /** The only kind of tool there is here. */
  readonly type: 'function'
  /** What the model is told of it. */
  readonly function: {
    /** How the model calls it: up to 64 letters, digits, `_` and `-`. */
    readonly name: string
    /** What it does and when it is of use, for the model to read. */
    readonly description?: string
    /** A JSON schema of type `object`; without one it takes an empty object. */
    readonly parameters?: Readonly<Record<string, unknown>>
    /** Holds arguments to the schema also where no call is forced. */
    readonly strict?: boolean | null
  }
}

/** A call of a function. */
export interface MessageToolCall {
  /** By which the message with the result names this call. */
  id: string
  /** The only kind of tool there is here. */
  type: 'function'
  /** What is to be called. */
  function: {
    /** One of the functions of the request. */
    name: string
    /** An object in JSON. */
    arguments: string
  }
}

interface CommonParams {
  /** The conversation, oldest first; it ends with what is to be answered. */
  readonly messages: readonly MessageParam[]
  /** Comes back in the answer as it was given; a client has one model. */
  readonly model?: string
  /** From 0 to 2; that of the model (`PhiModel.sampling`) when left out, as with `top_p`. */
  readonly temperature?: number | null
  /** Draws from the likeliest tokens whose probabilities reach this sum, from 0 to 1. */
  readonly top_p?: number | null
  /** Tokens of an answer at most; until the context is full when left out. */
  readonly max_completion_tokens?: number | null
  /** The older name of `max_completion_tokens`. */
  readonly max_tokens?: number | null
  /** Texts before which an answer ends; they are not part of it. */
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
  /** Nothing is streamed. */
  readonly stream?: false | null
}

/** What a stream tells beside the answer. */
export interface StreamOptions {
  /** Ends the stream with a chunk that has no choices but the usage. */
  readonly include_usage?: boolean
}

/** A request whose answer comes in chunks. */
export interface CompletionParamsStreaming extends CommonParams {
  /** The answer comes in chunks, as it is written. */
  readonly stream: true
  /** What the stream tells beside them. */
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
  /** Both together. */
  total_tokens: number
  /** What of the prompt did not have to be computed. */
  prompt_tokens_details: {
    /** Tokens of the prompt that the first choice to it found in the cache. */
    cached_tokens: number
  }
}

/** A token and the natural logarithm of its probability. */
export interface LikelyToken {
  /** Its text. */
  token: string
  /** 0 for what is certain, and less the less likely it is. */
  logprob: number
  /** Of a token that is a part of a character, its text alone does not tell. Null for an id without a text. */
  bytes: number[] | null
}

/** A token that was drawn, among those that were likely in its place. */
export interface TokenLogProb extends LikelyToken {
  /** The likeliest tokens, the first of them first. */
  top_logprobs: LikelyToken[]
}

/** Log-probabilities of the tokens of a choice, natural. */
export interface ChoiceLogProbs {
  /** Of each token that was drawn, in their order. */
  content: TokenLogProb[]
  /** Models of this family have no refusals apart from their answers. */
  refusal: null
}

/** Where an answer names a source: the place of `[1]` in its content, in UTF-16 units. */
export interface UrlCitation {
  /** The only kind of annotation there is here. */
  type: 'url_citation'
  /** The first place of the mark, the one behind it, and the source that it names. */
  url_citation: { start_index: number; end_index: number; title: string; url: string }
}

/** One of the `n` answers to a request. */
export interface CompletionChoice {
  /** Which of the answers it is, from 0. */
  index: number
  /** `content` is null where there is nothing but calls. */
  message: {
    /** The model. */
    role: 'assistant'
    content: string | null
    /** Models of this family have no refusals apart from their answers. */
    refusal: null
    /** The functions that it calls; left out where it calls none. */
    tool_calls?: MessageToolCall[]
    /** Where sources were looked for. */
    annotations?: UrlCitation[]
  }
  /** Null unless `logprobs` asked for them. */
  logprobs: ChoiceLogProbs | null
  /** Why the answer ended. */
  finish_reason: CompletionFinishReason
}

interface Envelope {
  /** Of the answer; all chunks of a stream have the same. */
  id: string
  /** Seconds since 1970. */
  created: number
  /** The model, by the name of the request, or by the one that it is served under. */
  model: string
}

/** An answer that came whole. */
export interface ChatCompletion extends Envelope {
  /** The kind of object. */
  object: 'chat.completion'
  /** The answers, `n` of them. */
  choices: CompletionChoice[]
  /** What they took together. */
  usage: CompletionUsage
}

/** A piece of a call; the first one of each has its id and name. */
export interface ToolCallDelta {
  /** Which of the calls of the message it is, from 0. */
  index: number
  /** By which the message with the result names the call. */
  id?: string
  /** The only kind of tool there is here. */
  type?: 'function'
  /** The name, and the next piece of the arguments. */
  function: { name?: string; arguments: string }
}

/** What a chunk adds to one of the `n` answers. */
export interface ChunkChoice {
  /** Which of the answers it is, from 0. */
  index: number
  /** What comes behind what came before. */
  delta: { role?: 'assistant'; content?: string; tool_calls?: ToolCallDelta[]; annotations?: UrlCitation[] }
  /** Of the tokens of this chunk; null unless `logprobs` asked for them. */
  logprobs: ChoiceLogProbs | null
  /** Why the answer ended; null until its last chunk. */
  finish_reason: CompletionFinishReason | null
}

/** A chunk of an answer that is streamed. */
export interface ChatCompletionChunk extends Envelope {
  /** The kind of object. */
  object: 'chat.completion.chunk'
  /** None in the chunk with the usage, one in all others. */
  choices: ChunkChoice[]
  /** Only with `stream_options.include_usage`: null until the last chunk. */
  usage?: CompletionUsage | null
}

/** Log-probabilities in the form of the older completions, token by token. */
export interface TextLogProbs {
  /** The texts of the tokens. */
  tokens: string[]
  /** Of each the natural logarithm of its probability. */
  token_logprobs: number[]
  /** For each the likeliest tokens in its place, by their texts. */
  top_logprobs: Record<string, number>[]
  /** Where each begins in the text, in UTF-16 units. */
  text_offset: number[]
}

/** One of the answers of the older completions. */
export interface TextChoice {
  /** Which of the answers it is, from 0. */
  index: number
  /** The answer, or the next piece of it. */
  text: string
  /** Null unless `logprobs` asked for them. */
  logprobs: TextLogProbs | null
  /** Null in the chunks of a stream before the last of a choice. */
  finish_reason: 'stop' | 'length' | null
}

/** An answer of the older completions, and a chunk of one. */
export interface TextCompletion extends Envelope {
  /** The kind of object. */
  object: 'text_completion'
  /** The answers, or what a chunk adds to one. */
  choices: TextChoice[]
  /** Of a stream only with `stream_options.include_usage`, and null until the last chunk. */
  usage?: CompletionUsage | null
}

/** What `embeddings.create` takes. Every other parameter is refused by its name. */
export interface EmbeddingParams {
  /** A text, or token ids, or up to 2,048 of either. */
  readonly input: string | readonly string[] | readonly number[] | readonly (readonly number[])[]
  /** Comes back in the answer as it was given. */
  readonly model?: string
  /** Lists of numbers when left out; `base64` are their float32 values, the least byte first. */
  readonly encoding_format?: 'float' | 'base64' | null
  /** Refused unless it is what the vectors of the model have. */
  readonly dimensions?: number | null
  /** Who asks; nothing here depends on it. */
  readonly user?: string
}

/** A vector for each text, in their order. */
export interface EmbeddingsResponse {
  /** The kind of object. */
  object: 'list'
  /** The vectors, each with the place of its text, from 0. */
  data: { object: 'embedding'; index: number; embedding: number[] | string }[]
  /** The model that they are of. */
  model: string
  /** Tokens of all texts. */
  usage: { prompt_tokens: number; total_tokens: number }
}

/** What stands below `error` in the body of an answer that failed. */
export interface ErrorBody {
  /** What went wrong, what was expected and found, and what to do. */
  message: string
  /** Whose fault it is, as clients of OpenAI tell it. */
  type: 'invalid_request_error' | 'permission_error' | 'rate_limit_error' | 'server_error'
  /** The parameter that is at fault, such as `messages[0].content`. */
  param: string | null
  /** What went wrong, for programs; null where there is no word for it. */
  code: string | null
}
