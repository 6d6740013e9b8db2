import { citationsOf, type Passage } from 'pocket-phi/search'

interface SourcesProps {
  readonly answer: string
  readonly sources: readonly Passage[]
}

/** What an answer was taken from: the sources that it names, or all that it was given where it names none. */
export function Sources({ answer, sources }: SourcesProps) {
  const { cited, unknown, isUnanswered } = citationsOf(answer, sources.length)
  const shown = cited.length > 0 || isUnanswered ? cited : sources.map((_, index) => index + 1)
  return (
    <section class="sources" aria-label="Sources">
      {cited.length === 0 && !isUnanswered ? (
        <p class="quiet">The answer names no source. It was given these:</p>
      ) : undefined}
      <ol>
        {shown.flatMap((number) => {
          const source = sources[number - 1]
          return source === undefined ? [] : [<Source key={number} number={number} source={source} />]
        })}
      </ol>
      {unknown.length === 0 ? undefined : <p class="quiet">There is no source {unknown.join(', ')}.</p>}
    </section>
  )
}

function Source({ number, source }: { readonly number: number; readonly source: Passage }) {
  const { title, address, text } = source
  return (
    <li>
      <details>
        <summary>
          <span class="figures">[{number}]</span> {title}
        </summary>
        <p class="quiet">{address}</p>
        <p>{text}</p>
      </details>
    </li>
  )
}
