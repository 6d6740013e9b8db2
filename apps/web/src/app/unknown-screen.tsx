import { addressOf } from './route.ts'
import { Screen } from './screen.tsx'

/** What an address shows that names no screen, an old or a mistyped one. */
export function UnknownScreen() {
  return (
    <Screen title="Nothing is here">
      <p>This address names nothing that the page has. Your conversations are all in the list.</p>
      <p>
        <a class="button plain" href={addressOf({ screen: 'chat', conversation: undefined })}>
          To a new conversation
        </a>
      </p>
    </Screen>
  )
}
