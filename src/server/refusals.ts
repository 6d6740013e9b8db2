/** What a server answers of itself, before or beside what the model says. */
import { PocketPhiError, type ErrorCode, type ErrorParts } from '../base/errors.ts'
import { errorAnswer, type ErrorAnswer } from '../openai/errors.ts'
import type { ErrorBody } from '../openai/types.ts'

interface RefusalKind {
  readonly status: number
  readonly type: ErrorBody['type']
  readonly code: ErrorCode
}

/** The reasons for which a request is refused, by OpenAI's `code`. */
const kinds = {
  invalid_json: { status: 400, type: 'invalid_request_error', code: 'invalid-argument' },
  invalid_api_key: { status: 401, type: 'invalid_request_error', code: 'no-access' },
  host_not_allowed: { status: 403, type: 'permission_error', code: 'no-access' },
  origin_not_allowed: { status: 403, type: 'permission_error', code: 'no-access' },
  unknown_url: { status: 404, type: 'invalid_request_error', code: 'not-found' },
  model_not_found: { status: 404, type: 'invalid_request_error', code: 'not-found' },
  method_not_allowed: { status: 405, type: 'invalid_request_error', code: 'invalid-argument' },
  body_too_large: { status: 413, type: 'invalid_request_error', code: 'invalid-argument' },
  unsupported_media_type: { status: 415, type: 'invalid_request_error', code: 'not-supported' },
  rate_limit_exceeded: { status: 429, type: 'rate_limit_error', code: 'no-access' },
  server_busy: { status: 503, type: 'server_error', code: 'network' },
  server_closing: { status: 503, type: 'server_error', code: 'network' },
  no_page: { status: 503, type: 'server_error', code: 'network' },
  timeout: { status: 503, type: 'server_error', code: 'aborted' },
} as const satisfies Readonly<Record<string, RefusalKind>>

export type RefusalReason = keyof typeof kinds

/** A request that this server does not take, whatever the model would say. */
export class Refusal extends PocketPhiError {
  readonly reason: RefusalReason
  readonly headers: Readonly<Record<string, string>>

  constructor(
    reason: RefusalReason,
    problem: string,
    { headers = {}, ...parts }: ErrorParts & { readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(kinds[reason].code, problem, parts)
    this.reason = reason
    this.headers = headers
  }
}

/** What is answered to an error, of whomever it is. */
export function answerTo(error: unknown): ErrorAnswer & { readonly headers: Readonly<Record<string, string>> } {
  if (!(error instanceof Refusal)) return { ...errorAnswer(error), headers: {} }
  const { reason, message, headers } = error
  const { status, type } = kinds[reason]
  return { status, error: { message, type, param: null, code: reason }, headers }
}
