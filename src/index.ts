/**
 * Pocket Phi: the Phi-3 family in TypeScript. The same import works in Node and in a browser bundle.
 *
 *     import { loadModel } from 'pocket-phi'
 *
 *     await using model = await loadModel('phi-nano')
 *     for await (const { text } of model.chat().send('Hello')) process.stdout.write(text)
 */
export { loadModel, measureModel, type LoadModelOptions, type ModelSource } from './engine/load-model.ts'
export type { LoadOptions } from './engine/load.ts'
export type { CacheOptions } from './engine/programs.ts'
export { PhiModel, type LogitsOptions, type Prompt } from './engine/phi-model.ts'
export type { Embedding } from './engine/embed.ts'
export {
  Generation,
  type FinishReason,
  type GeneratedLogProbability,
  type GenerateOptions,
  type GenerationChunk,
  type GenerationResult,
  type Usage,
} from './engine/generate.ts'
export type { DraftModel } from './engine/drafts.ts'
export { Chat, ChatReply, type SendOptions } from './engine/chat.ts'
export { Picture } from './engine/pictures.ts'
export type { Message, PicturedMessage, PicturedText, TextWith } from './engine/picture-text.ts'
export type { PictureOptions, PictureSource } from './engine/album.ts'
export type { Pixels } from './vision/index.ts'
export type { ChatOptions } from './engine/chat-rules.ts'
export type { SamplingOptions, TokenLogProbability } from './engine/sampling.ts'
export type { AdvanceOptions } from './engine/sequence.ts'
export type { AnswerFormat, TextFormat } from './grammar/constraint.ts'
export type { CallableFunction, CallRules } from './grammar/calls.ts'
export type { EngineCounters } from './engine/counters.ts'
export type { WriteChunks } from './engine/cache-file.ts'

export { referenceBackend } from './backends/ref/index.ts'
export { wasmBackend, type WasmOptions } from './backends/wasm/index.ts'
export type { Simd } from './backends/wasm/module.ts'
export type { Arithmetic } from './backends/webgpu/steps.ts'
export type { BackendName } from './engine/select-backend.ts'
export type { Backend, Execution, ExpertCounters, ProfileEntry, ProgramProfile } from './backends/backend.ts'
export type { SelectedBackend } from './engine/select-backend.ts'
export type { MemoryPlan } from './program/plan.ts'

export { loadTiktoken, tiktokenPatterns, type TiktokenOptions } from './text/tiktoken.ts'
export { readTokenizerConfig, type TokenizerConfig } from './text/tokenizer-config.ts'
export { loadTokenizerJson } from './text/tokenizer-json.ts'
export type { DecodeOptions, EncodeOptions, IdStream, Tokenizer } from './text/tokenizer.ts'
export type { AddedToken } from './text/added-tokens.ts'
export {
  trainTokenizer,
  type AddedTokenJson,
  type TokenizerJson,
  type TrainTokenizerOptions,
} from './text/bpe-trainer.ts'
export { chatTemplate, detectTemplate } from './text/template-detection.ts'
export type { JinjaOptions } from './text/jinja-template.ts'
export {
  builtinTemplate,
  renderChat,
  templateNames,
  type ChatMessage,
  type ChatTemplate,
  type RenderOptions,
  type TemplateName,
} from './text/templates.ts'
export { special, textToString, type SpecialToken, type Text } from './text/text.ts'

export {
  httpFolder,
  handleFolder,
  localFolder,
  memoryFolder,
  type DirectoryHandle,
  type FileTree,
  type HttpFolderOptions,
} from './formats/tree.ts'
export type { Fetch, HttpOptions } from './formats/http.ts'
export type { ByteSource } from './formats/source.ts'
export { PocketPhiError, type ErrorCode, type ErrorParts } from './base/errors.ts'
export type { OnProgress, Progress } from './base/progress.ts'
