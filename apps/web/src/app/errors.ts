/** Errors for people. */
import { errorToData, PocketPhiError, type ErrorData } from 'pocket-phi/worker'

/** What browsers throw, as errors that say what to do. */
export function explained(error: unknown): PocketPhiError | Error {
  if (error instanceof PocketPhiError) return error
  if (error instanceof DOMException && error.name === 'QuotaExceededError') {
    return new PocketPhiError('out-of-memory', 'This browser has no more room for the page.', {
      remedy: 'Delete a model or old conversations, or free space on this device.',
      cause: error,
    })
  }
  return error instanceof Error ? error : new Error(String(error))
}

export function errorData(error: unknown): ErrorData {
  return errorToData(explained(error))
}

export function isAborted(error: unknown): boolean {
  return error instanceof PocketPhiError && error.code === 'aborted'
}
