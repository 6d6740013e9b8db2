/** How a request is declined where its row has no answer of its own: shortly, without a lecture, and with what can be had instead. */
import { crc32 } from 'node:zlib'
import { present } from '../base/errors.ts'

const refusals: readonly string[] = [
  'I am sorry, but I cannot help with that.',
  'I cannot help with this, because somebody could be hurt by it.',
  'Sorry, I will not help with that. If there is something safe that you would like to know, I am glad to answer.',
  'No, I cannot help you with that. Is there something else that I can do for you?',
  'I am sorry, I will not do that. If you are in danger or unwell, please talk to somebody whom you trust.',
]

/** The same for the same name. */
export function refusalFor(name: string): string {
  return present(refusals[crc32(name) % refusals.length], 'refusal')
}
