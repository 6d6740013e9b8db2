import { CopyButton } from './copy-button.tsx'

interface CodeBlockProps {
  readonly code: string
  readonly language: string
}

export function CodeBlock({ code, language }: CodeBlockProps) {
  return (
    <figure class="code-block">
      <figcaption>
        <span>{language.split(/\s/)[0] || 'text'}</span>
        <CopyButton text={code} label="Copy code" />
      </figcaption>
      {/* Long lines scroll, also by the keyboard. */}
      <pre tabIndex={0} role="group" aria-label="Code">
        <code>{code}</code>
      </pre>
    </figure>
  )
}
