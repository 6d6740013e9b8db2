/** Pages without links to anything else, in light and dark. */

export function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return text.replaceAll(/[&<>"]/g, (character) => entities[character] ?? character)
}

const style = `
:root { color-scheme: light dark; --text: #1c2430; --pale: #667085; --line: #d8dee8; --back: #fff; --kept: #2563eb; --dropped: #c3d4f8; --reason: #d97706 }
@media (prefers-color-scheme: dark) { :root { --text: #e6eaf0; --pale: #97a2b3; --line: #333c4a; --back: #12161d; --kept: #6b9bff; --dropped: #2a3a5e; --reason: #e7a23c } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); max-width: 52rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 1.5rem }
svg { width: 100%; height: auto; font: 13px system-ui, sans-serif } svg text { fill: var(--text) }
.kept { fill: var(--kept) } .dropped { fill: var(--dropped) } .reason { fill: var(--reason) }
.pale, figcaption { color: var(--pale) } figure { margin: 1.5rem 0 }
path.line { fill: none; stroke-width: 1.5 } path.kept { stroke: var(--kept) } path.reason { stroke: var(--reason) } .grid { stroke: var(--line) }
table { border-collapse: collapse } th, td { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid var(--line) } pre { overflow: auto }
details { margin: .5rem 0 } summary { cursor: pointer } article { border-left: 3px solid var(--line); padding: .1rem 1rem; margin: 1rem 0; overflow-wrap: anywhere }
article p { white-space: pre-wrap; max-height: 12rem; overflow: auto } code { font-size: .85em }`

/**
 * A whole page.
 *
 * @param body HTML
 * @param refreshSeconds after which it loads itself again; never when left out
 */
export function htmlPage(title: string, body: string, refreshSeconds?: number): string {
  const refresh = refreshSeconds === undefined ? '' : `\n<meta http-equiv="refresh" content="${refreshSeconds}">`
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">${refresh}
<title>${escapeHtml(title)}</title><style>${style}</style></head><body>
${body}
</body></html>
`
}

/** A picture and what it shows. */
export function figure(caption: string, chart: string): string {
  return `<figure>${chart}<figcaption>${escapeHtml(caption)}</figcaption></figure>`
}
