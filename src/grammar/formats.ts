/** Texts of the formats of JSON Schema that can be written character by character. */
import { inUtf8 } from './code-points.ts'
import { unsupported, type Expression } from './expression.ts'
import { regexParts } from './regex.ts'

// Days up to 28 exist in every month; the others where they do in every year.
const date =
  '[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)'
const time = '(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:[.][0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])'
const byte = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])'
const label = '[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?'

/** Each is narrower than its standard, never wider: RFC 3339, 4122, 2673, 1123 and 5321. */
const patterns: Readonly<Record<string, string>> = {
  date,
  time,
  'date-time': `${date}T${time}`,
  uuid: '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
  ipv4: `${byte}(?:[.]${byte}){3}`,
  hostname: `${label}(?:[.]${label}){0,3}`,
  email: `[a-zA-Z0-9_+-]{1,32}(?:[.][a-zA-Z0-9_+-]{1,32}){0,2}@${label}(?:[.]${label}){1,3}`,
}

/** @throws PocketPhiError `not-supported` for a format that is not among them */
export function formatText(format: string, place: string): Expression {
  const pattern = patterns[format]
  if (pattern !== undefined) return regexParts(pattern, inUtf8).body
  throw unsupported(`the format "${format}"`, place, `Leave it out. Known are: ${Object.keys(patterns).join(', ')}.`)
}
