/**
 * The engine in a worker, with the interface that it has without one.
 *
 *     import { startEngine } from 'pocket-phi/worker'
 *
 *     await using engine = startEngine()
 *     const model = await engine.loadModel('models/phi')
 *     for await (const { text } of model.chat().send('Hello')) output.append(text)
 */
export { connectEngine, startEngine } from './start.ts'
export type { RemoteEngine, RemoteLoadOptions } from './remote-engine.ts'
export type { RemoteModel } from './remote-model.ts'
export type { RemoteChat, RemoteSendOptions } from './remote-chat.ts'
export type { RemoteMessage, RemotePicture, RemotePictureOptions, RemotePrompt } from './remote-picture.ts'
export type { RemoteGenerateOptions, RemoteGeneration } from './remote-generation.ts'
export {
  Caller,
  serveCalls,
  type Call,
  type CallAnswers,
  type CallOptions,
  type CallScope,
  type CallShape,
  type CallTable,
  type MessageEnd,
} from './calls.ts'
export type { MeasuredMemory, ModelFacts, PictureFacts, RemoteSource } from './messages.ts'
export { errorFromData, errorToData, type ErrorData } from '../base/error-data.ts'

export { PocketPhiError, type ErrorCode } from '../base/errors.ts'
export type { DirectoryHandle } from '../formats/tree.ts'
export { formatBytes } from '../base/units.ts'
export type { OnProgress, Progress } from '../base/progress.ts'
export type { Execution } from '../backends/backend.ts'
export type { MemoryPlan } from '../program/plan.ts'
export type { ChatMessage } from '../text/templates.ts'
export type { ChatOptions } from '../engine/chat-rules.ts'
export type { FinishReason, GenerationChunk, GenerationResult, Usage } from '../engine/generate.ts'
export type { Embedding } from '../engine/embed.ts'
export type { SamplingOptions } from '../engine/sampling.ts'
