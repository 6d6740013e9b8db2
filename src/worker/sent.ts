/** What is left of sources and options when they are sent. */
import { isNode } from '../base/platform.ts'
import type { RemoteGenerateOptions } from './remote-generation.ts'
import type { RemoteSource, SentGenerateOptions, SentLoadOptions, SentSource } from './messages.ts'
import type { RemoteLoadOptions } from './remote-engine.ts'

/** Addresses are made whole here, since a worker would take them relative to its own script. */
export function sentSource(source: RemoteSource): SentSource {
  if (source instanceof URL) return source.href
  if (typeof source !== 'string' || isNode()) return source
  const page = globalThis.document?.baseURI ?? globalThis.location?.href
  return page === undefined ? source : new URL(source, page).href
}

/** The options without what stays on this side. */
export function sentGenerateOptions(options: RemoteGenerateOptions): SentGenerateOptions {
  return without(options, 'signal', 'onProgress')
}

/** The options without what stays on this side. */
export function sentLoadOptions(options: RemoteLoadOptions): SentLoadOptions {
  return without(options, 'signal', 'onProgress', 'onPlan')
}

function without<T extends object, Name extends keyof T>(options: T, ...names: readonly Name[]): Omit<T, Name> {
  const kept = { ...options }
  for (const name of names) delete kept[name]
  return kept
}
