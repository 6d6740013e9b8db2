/** Text of pages whose encoding has to be found out. */

/** Where a page must name its encoding (HTML, section 4.2.5.4). */
const searchedBytes = 1024

/**
 * Decodes a page as a browser would: by its byte order mark, the media type that it was served with, or what it says of itself. Without any of
 * them it is UTF-8 if that is valid, else windows-1252. An encoding that is not known counts as none.
 */
export function decodePage(bytes: Uint8Array, mediaType = ''): string {
  const label = bytes[0] === 0xef && bytes[1] === 0xbb ? 'utf-8' : (labelIn(mediaType) ?? labelIn(head(bytes)))
  return decodeAs(label, bytes) ?? decodeAs('utf-8', bytes, true) ?? new TextDecoder('windows-1252').decode(bytes)
}

function head(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'charset=utf-16le'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'charset=utf-16be'
  return new TextDecoder('latin1').decode(bytes.subarray(0, searchedBytes))
}

function labelIn(text: string): string | undefined {
  return /charset\s*=\s*["']?\s*([\w:.-]+)/i.exec(text)?.[1]
}

function decodeAs(label: string | undefined, bytes: Uint8Array, fatal = false): string | undefined {
  if (label === undefined) return undefined
  try {
    return new TextDecoder(label, { fatal }).decode(bytes)
  } catch {
    return undefined
  }
}
