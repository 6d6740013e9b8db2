import type { PictureOptions, PictureSource } from '../engine/album.ts'
import type { PicturedMessage } from '../engine/picture-text.ts'
import type { SpecialToken } from '../text/text.ts'
import type { Caller } from './calls.ts'
import type { EngineCalls, PictureFacts, SentMessage, SentPicture, SentPrompt } from './messages.ts'

/** How a picture is taken in on the other side. */
export interface RemotePictureOptions extends PictureOptions {
  /** Whether the bytes of the source are given to the other side instead of being copied: here there are none afterwards. */
  readonly transfer?: boolean
}

let pictures = 0

/** A picture that the other side has taken in, as `Picture`. It keeps memory there until it is closed or its model disposed of. */
export class RemotePicture implements PictureFacts {
  readonly width: number
  readonly height: number
  readonly tokens: number
  /**
   * How it is called in what is sent.
   *
   * @internal
   */
  readonly sent: SentPicture
  readonly #caller: Caller<EngineCalls>

  private constructor(caller: Caller<EngineCalls>, sent: SentPicture, { width, height, tokens }: PictureFacts) {
    this.#caller = caller
    this.sent = sent
    this.width = width
    this.height = height
    this.tokens = tokens
  }

  /** Sends a picture to the other side. @throws PocketPhiError as `PhiModel.picture` */
  static async open(
    caller: Caller<EngineCalls>,
    model: number,
    source: PictureSource,
    { transfer = false, ...options }: RemotePictureOptions,
  ): Promise<RemotePicture> {
    pictures += 1
    const sent: SentPicture = { kind: 'picture', picture: pictures }
    const given = transfer ? { transfer: buffersOf(source) } : {}
    const facts = await caller.call('openPicture', { model, picture: sent.picture, source, options }, given)
    return new RemotePicture(caller, sent, facts)
  }

  /** Lets the other side forget the picture; texts with it can no longer be asked for. */
  async close(): Promise<void> {
    await this.#caller.call('closePicture', { picture: this.sent.picture })
  }
}

/** A Blob has none: it is not copied anyway. */
function buffersOf(source: PictureSource): ArrayBuffer[] {
  if (source instanceof Blob) return []
  const { buffer } = source instanceof Uint8Array ? source : source.data
  return buffer instanceof ArrayBuffer ? [buffer] : []
}

/** A message of a conversation, and what it shows. */
export type RemoteMessage = PicturedMessage<RemotePicture>

/** The prompts of `generate`, with pictures of the other side. */
export type RemotePrompt = string | readonly (string | SpecialToken | RemotePicture)[] | readonly number[]

export function sentMessages(messages: readonly RemoteMessage[]): SentMessage[] {
  return messages.map(({ pictures: shown, ...message }) => {
    return shown === undefined ? message : { ...message, pictures: shown.map(({ sent }) => sent) }
  })
}

export function sentPrompt(prompt: RemotePrompt): SentPrompt {
  if (typeof prompt === 'string') return prompt
  const parts = prompt as readonly (string | SpecialToken | RemotePicture | number)[]
  return parts.map((part) => (part instanceof RemotePicture ? part.sent : part)) as SentPrompt
}
