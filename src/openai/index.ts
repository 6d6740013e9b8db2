/**
 * OpenAI's chat completions over a model of this package, in Node and in a page.
 *
 *     import { createClient } from 'pocket-phi/openai'
 *
 *     const client = createClient(model)
 *     const stream = await client.chat.completions.create({ messages: [{ role: 'user', content: 'Hello' }], stream: true })
 *     for await (const chunk of stream) output.append(chunk.choices[0]?.delta.content ?? '')
 */
export { createClient, type Completions, type Embeddings, type OpenAIClient, type RequestOptions } from './client.ts'
export type { ChatAnswer, ChatModel, Spelling, TakenPicture, Written } from './answers.ts'
export type { AnswerOptions } from './options.ts'
export type { TextPrompt } from './prompts.ts'
export type { Speller } from './logprobs.ts'
export type { EmbeddingModel } from './embeddings.ts'
export type { ChatCompletionStream } from './stream.ts'
export { APIError, APIUserAbortError, type ErrorAnswer } from './errors.ts'
export type {
  AssistantMessageParam,
  ChatCompletion,
  ChatCompletionChunk,
  ChoiceLogProbs,
  ChunkChoice,
  CompletionChoice,
  CompletionFinishReason,
  CompletionParams,
  CompletionParamsNonStreaming,
  CompletionParamsStreaming,
  CompletionUsage,
  EmbeddingParams,
  EmbeddingsResponse,
  ErrorBody,
  FunctionToolParam,
  ImagePart,
  LikelyToken,
  MessageParam,
  MessageToolCall,
  SpokenMessageParam,
  StreamOptions,
  TextPart,
  TokenLogProb,
  ToolCallDelta,
  ToolMessageParam,
  UrlCitation,
} from './types.ts'
