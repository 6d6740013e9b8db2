/** One answer, whole or in pieces. */
import type { CompletionEvent, EndedAnswer } from '../openai/response.ts'
import type { Visit } from './desk.ts'
import type { Asked, AskedAnswer, AskedVectors } from './endpoints.ts'
import type { Exchange } from './exchange.ts'
import { answerTo, Refusal } from './refusals.ts'
import { sendAhead } from './send-ahead.ts'

export interface SendingOptions {
  /** Seconds that a reader may leave a stream unread. */
  readonly patience: number
  /** Gets an error that comes when the head of the response is sent already. */
  readonly report: (error: unknown) => void
}

type Events = AsyncGenerator<CompletionEvent, void, void>

/**
 * Answers a request that was let in.
 *
 * @throws Refusal `timeout`; RequestError and PocketPhiError of the model. A stream that fails later has the error as its last event.
 */
export async function answer(
  asked: Asked,
  visit: Visit,
  exchange: Exchange,
  options: SendingOptions,
): Promise<Response> {
  try {
    if (asked.kind === 'vectors') return await vectors(asked, visit, exchange)
    const events = asked.events(visit.signal)
    return asked.stream
      ? await streamed(asked, events, visit, exchange, options)
      : await whole(asked, events, visit, exchange)
  } catch (error) {
    visit.leave()
    throw ended(error, visit, exchange)
  }
}

async function vectors(asked: AskedVectors, visit: Visit, exchange: Exchange): Promise<Response> {
  const list = await asked.embed(visit.signal)
  exchange.usage = { ...list.usage, completion_tokens: 0, prompt_tokens_details: { cached_tokens: 0 } }
  visit.leave()
  return Response.json(list)
}

async function whole(asked: AskedAnswer, events: Events, visit: Visit, exchange: Exchange): Promise<Response> {
  const answers: EndedAnswer[] = []
  for await (const event of events) if (event.kind === 'end') answers.push(event)
  exchange.usage = asked.usage(answers)
  visit.leave()
  return Response.json(asked.whole(answers))
}

/** Waits for the first event, so that what is refused has its status. */
async function streamed(
  asked: AskedAnswer,
  events: Events,
  visit: Visit,
  exchange: Exchange,
  { patience, report }: SendingOptions,
): Promise<Response> {
  const first = await events.next()
  exchange.streams()
  const source = serverSentEvents(asked, first, events, exchange, (error) => {
    report(error)
    return ended(error, visit, exchange)
  })
  const body = sendAhead(source, {
    patience,
    onLost: () => {
      exchange.leave()
      visit.abort()
    },
    onEnd: () => {
      visit.leave()
      exchange.sent()
    },
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' } })
}

/** The text of a stream. @param explain what is told of an error */
async function* serverSentEvents(
  asked: AskedAnswer,
  first: IteratorResult<CompletionEvent, void>,
  events: Events,
  exchange: Exchange,
  explain: (error: unknown) => unknown,
): AsyncGenerator<string, void, void> {
  const writer = asked.writer()
  const answers: EndedAnswer[] = []
  const write = (event: CompletionEvent): string => {
    if (event.kind === 'end') answers.push(event)
    return writer.chunks(event).map(eventOf).join('')
  }
  try {
    if (first.done !== true) yield write(first.value)
    for await (const event of events) yield write(event)
    exchange.usage = asked.usage(answers)
    yield `${writer.end().map(eventOf).join('')}data: [DONE]\n\n`
  } catch (error) {
    const { error: body } = answerTo(explain(error))
    exchange.error = body.code ?? body.type
    yield eventOf({ error: body })
  } finally {
    // A reader may go away before the loop that would end the answer has begun.
    await events.return()
  }
}

function eventOf(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`
}

/** Why an answer ended that was not finished: what the signal says, where it was the server that ended it. */
function ended(error: unknown, { signal }: Visit, exchange: Exchange): unknown {
  if (!signal.aborted) return error
  if (signal.reason instanceof Refusal) return signal.reason
  exchange.leave()
  return error
}
