/** Between an engine that does not wait and readers that may be slow. */

export interface SendAheadOptions {
  /** Seconds that a reader may leave what was written unread. */
  readonly patience: number
  /** Called when the reader went away or ran out of patience; the source is to end then. */
  onLost(): void
  /** Called once, when there is nothing more to send, whyever. */
  onEnd(): void
}

const encoder = new TextEncoder()

/**
 * A body with what a source gives. The source is read as fast as it gives, whatever the reader does, because an answer that waits
 * for a slow reader would keep its place in every batch from others. So what is unread is kept; it is no more than one answer.
 * Small pieces that wait together are sent together.
 */
export function sendAhead(source: AsyncIterable<string>, options: SendAheadOptions): ReadableStream<Uint8Array> {
  let unread = ''
  let hasEnded = false
  let isWanted = false
  let isOver = false
  let timer: ReturnType<typeof setTimeout> | undefined
  let wake = (): void => {}

  const end = (): void => {
    if (isOver) return
    isOver = true
    clearTimeout(timer)
    options.onEnd()
  }
  const lose = (): void => {
    if (isOver) return
    options.onLost()
    end()
  }
  /** Gives the reader until then to come for what there is. */
  const waitForReader = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
    if (isOver || isWanted || timer !== undefined || unread === '') return
    timer = setTimeout(() => {
      controller.error(new Error('The reader was too slow.'))
      lose()
    }, options.patience * 1000)
  }
  const readAll = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    for await (const text of source) {
      if (isOver) return
      unread += text
      wake()
      waitForReader(controller)
    }
    hasEnded = true
    wake()
    if (isOver || isWanted || unread !== '') return
    controller.close()
    end()
  }
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        readAll(controller).catch((error: unknown) => {
          if (!isOver) controller.error(error)
          end()
        })
      },
      async pull(controller) {
        clearTimeout(timer)
        timer = undefined
        isWanted = true
        if (unread === '' && !hasEnded) await new Promise<void>((resolve) => (wake = resolve))
        isWanted = false
        if (isOver) return
        if (unread !== '') controller.enqueue(encoder.encode(unread))
        unread = ''
        if (!hasEnded) return
        controller.close()
        end()
      },
      cancel: lose,
    },
    // Nothing is taken before it is asked for, so that a reader who does not ask is noticed.
    { highWaterMark: 0 },
  )
}
