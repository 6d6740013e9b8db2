/**
 * Markdown as elements. The text is cut into tokens by a library and every token becomes an element made here, so that nothing in it
 * can become markup: HTML is shown as the characters that it is, pictures are not fetched, and addresses are links only where they lead
 * to a page or a mailbox.
 */
import { lexer, type MarkedToken, type Token, type Tokens } from 'marked'
import type { ComponentChildren, VNode } from 'preact'
import { Component, h } from 'preact'
import { CodeBlock } from './code-block.tsx'

const safeAddress = /^(?:https?:\/\/|mailto:)/i

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': `'`, nbsp: '\u00A0' }

/** The few references that models write. */
function decoded(text: string): string {
  return text.replaceAll(/&(#39|amp|gt|lt|nbsp|quot);/g, (whole, name: string) => entities[name] ?? whole)
}

function all(tokens: readonly Token[] | undefined): ComponentChildren {
  return tokens?.map((token) => elementOf(token as MarkedToken))
}

function elementOf(token: MarkedToken): ComponentChildren {
  switch (token.type) {
    case 'paragraph':
      return <p>{all(token.tokens)}</p>
    case 'heading':
      // Below the headings of the page.
      return h(`h${Math.min(6, token.depth + 2)}`, {}, all(token.tokens))
    case 'code':
      return <CodeBlock code={token.text} language={token.lang ?? ''} />
    case 'blockquote':
      return <blockquote>{all(token.tokens)}</blockquote>
    case 'list':
      return listOf(token)
    case 'table':
      return tableOf(token)
    case 'hr':
      return <hr />
    case 'br':
      return <br />
    case 'strong':
      return <strong>{all(token.tokens)}</strong>
    case 'em':
      return <em>{all(token.tokens)}</em>
    case 'del':
      return <del>{all(token.tokens)}</del>
    case 'codespan':
      return <code>{token.text}</code>
    case 'link':
      return linkOf(token.href, all(token.tokens))
    case 'image':
      return linkOf(token.href, token.text)
    case 'text':
      return token.tokens === undefined ? decoded(token.text) : all(token.tokens)
    case 'escape':
      return decoded(token.text)
    case 'checkbox':
      return <input type="checkbox" checked={token.checked} disabled aria-label={token.checked ? 'done' : 'not done'} />
    case 'space':
    case 'def':
      return undefined
    case 'html':
      return token.block ? <p>{token.raw}</p> : token.raw
    default:
      return token.raw
  }
}

function linkOf(address: string, content: ComponentChildren): ComponentChildren {
  if (!safeAddress.test(address)) return content
  return (
    <a href={address} target="_blank" rel="noopener noreferrer">
      {content}
    </a>
  )
}

function listOf({ ordered, start, items }: Tokens.List): VNode {
  const rows = items.map((item) => <li>{all(item.tokens)}</li>)
  return ordered ? <ol start={Number(start)}>{rows}</ol> : <ul>{rows}</ul>
}

function tableOf({ header, rows, align }: Tokens.Table): VNode {
  const cells = (row: readonly Tokens.TableCell[], tag: 'th' | 'td') =>
    row.map((cell, index) => h(tag, { class: align[index] ?? '' }, all(cell.tokens)))
  return (
    // A wide table scrolls by itself, also by the keyboard.
    <div class="wide" tabIndex={0} role="group" aria-label="Table">
      <table>
        <thead>
          <tr>{cells(header, 'th')}</tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>{cells(row, 'td')}</tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** One block, drawn again only when its text changes: while an answer is written that is the last one. */
class Block extends Component<{ readonly token: Token }> {
  override shouldComponentUpdate({ token }: { readonly token: Token }): boolean {
    return token.raw !== this.props.token.raw
  }

  override render(): ComponentChildren {
    return elementOf(this.props.token as MarkedToken)
  }
}

export function Markdown({ text }: { readonly text: string }) {
  return (
    <div class="markdown">
      {lexer(text).map((token, index) => (
        <Block key={index} token={token} />
      ))}
    </div>
  )
}
