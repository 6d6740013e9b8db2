/** Texts of a request that are read as they are. */
import { invalid, isSafeInteger, isString, type Fields } from './fields.ts'

/** A text, or the ids of one. */
export type TextPrompt = string | readonly number[]

/** Reads one text, or up to `most` of one kind. @throws RequestError */
export function readPrompts(request: Fields, name: string, most: number): readonly TextPrompt[] {
  const given = request[name]
  if (isString(given) || isIds(given)) return [given]
  const prompts: unknown[] = Array.isArray(given) ? given : []
  const isOneKind = prompts.every(isString) || prompts.every(isIds)
  if (isOneKind && prompts.length > 0 && prompts.length <= most) return prompts
  throw invalid(name, `a text, token ids, or a list of up to ${most} of either`, given)
}

function isIds(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length > 0 && value.every((id) => isSafeInteger(id) && id >= 0)
}
