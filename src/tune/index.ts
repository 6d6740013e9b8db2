/**
 * Training on a few conversations of one's own, in Node and in a page.
 *
 *     import { tune } from 'pocket-phi/tune'
 *
 *     const { files } = await tune('phi-nano', { conversations, onProgress: ({ loss }) => console.log(loss) })
 *     const model = await loadModel(files)
 */
export {
  tune,
  type Conversation,
  type TunedModel,
  type TuneMessage as Message,
  type TuneOptions,
  type TuneProgress,
} from './tune.ts'
export type { PictureSource } from '../engine/album.ts'
